"""``python -m benchmarks``: run cases, print their figures, write JSON."""

import argparse
import sys
from pathlib import Path

from benchmarks import accuracy, cases, clusters, data, frames, openml_tasks
from benchmarks.harness import CASES, EXPERIMENTS, TORCH, Options, run

REGISTERING = accuracy, cases, clusters, frames  # modules whose import registers cases


def main(argv=None):
    """Run the cases named by the arguments; return 0 if all ran, 1 if not, 130 after Ctrl-C."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        return openml_tasks.main(argv[1:]) if argv[:1] == ["openml"] else _run(_parse(argv))
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure skmlp, MLPClassifier and, if installed, PyTorch in interleaved turns. "
        "Figures are medians of the turns; the spread is half their range. Without CASE, all but "
        "the long cases run.",
        epilog="'python -m benchmarks openml --help' describes the runs on OpenML's tasks.",
    )
    add = parser.add_argument
    add("cases", nargs="*", metavar="CASE", help="cases to run, or one experiment; see --list")
    add("--list", action="store_true", help="list the cases and experiments, and exit")
    add("--turns", type=int, metavar="N", help="number of turns (default: 5 for most cases)")
    add("--json", type=Path, metavar="PATH", help="file to write all figures to")
    args = parser.parse_args(argv)
    known = CASES | EXPERIMENTS
    if unknown := [name for name in args.cases if name not in known]:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(known)}")
    if len(args.cases) > 1 and EXPERIMENTS.keys() & set(args.cases):
        parser.error("an experiment cannot be combined with other cases")
    if args.turns is not None and args.turns < 1:
        parser.error("--turns must be an integer >= 1")
    if args.json is not None and not args.json.absolute().parent.is_dir():
        parser.error(f"no such folder: {args.json.parent}")
    return args


def _run(args):
    if args.list:
        for case in (CASES | EXPERIMENTS).values():
            print(f"{case.name:15} {case.work}{'' if case.usual else '; only if named'}")
        return 0
    notes, torch = [data.images_source()], True
    try:
        from benchmarks import torch_peer

        torch_peer.use_blas_threads()
    except ImportError as error:
        notes, torch = [f"{TORCH} left out: {error}", *notes], False
    names = args.cases or [name for name, case in CASES.items() if case.usual]
    found = run(names, Options(args.turns, torch), notes, args.json)
    return int(any("error" in case for case in found["cases"]))


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # names of columns and data sets
    sys.exit(main())
