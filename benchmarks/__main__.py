"""``python -m benchmarks``: run cases, print a table, write JSON."""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import data, report
from benchmarks.cases import CASES
from benchmarks.measure import COMPILED, TORCH, Options

__all__ = ["main", "run"]


def main(argv=None):
    """Run the cases that the arguments name.

    Returns
    -------
    code : int
        0 when every case ran, whatever its figures; 1 when one failed; 130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["openml"]:  # no case: tasks of others, with options of its own
        from benchmarks import openml_tasks

        return openml_tasks.main(argv[1:])
    args = _parse(argv)
    if args.list:
        for case in CASES.values():
            print(f"{case.name:10} {case.work}{'' if case.usual else '; only when named'}")
        return 0
    options, notes = _peers(args)
    names = args.cases or [name for name, case in CASES.items() if case.usual]
    try:
        found = run(names, options, notes, args.json)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return int(any("error" in case for case in found["cases"]))


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure skmlp beside MLPClassifier and, if it is there, PyTorch, which take "
        "turns. Figures are medians of the turns, the spread is half their range. All cases but "
        "the longest run, unless some are named.",
        epilog="python -m benchmarks openml --help tells about tasks of OpenML.",
    )
    add = parser.add_argument
    add("cases", nargs="*", metavar="CASE", help="which to run; --list tells their names")
    add("--list", action="store_true", help="list the cases and end")
    add("--turns", type=int, metavar="N", help="instead of each case's own number, 5 for most")
    add("--json", type=Path, metavar="PATH", help="where to write all figures")
    add("--compile", action="store_true", help="let torch.compile take part, which takes minutes")
    args = parser.parse_args(argv)
    unknown = [name for name in args.cases if name not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(CASES)}")
    if args.turns is not None and args.turns < 1:
        parser.error("--turns must be an integer >= 1")
    return args


def _peers(args):
    """Return the options, and a line about each peer that cannot take part."""
    try:
        from benchmarks import torch_peer
    except ImportError as error:
        return Options(args.turns), [f"{TORCH} left out: {error}"]
    torch_peer.use_blas_threads()
    reason = torch_peer.why_not_compiled() if args.compile else "only with --compile"
    notes = [f"{COMPILED} left out: {reason}"] if reason else []
    return Options(args.turns, torch=True, compiled=not reason), notes


def run(names, options, notes=(), path=None):
    """Run cases and print their tables as they come.

    Parameters
    ----------
    names : sequence of str
    options : Options
    notes : sequence of str
        What to say first.
    path : path-like, default=None
        Where to write JSON, after each case anew.

    Returns
    -------
    found : dict
        What is written.
    """
    found = report.environment()
    found |= {"notes": [*notes, data.images_source()], "cases": []}
    print(*report.environment_lines(found), *found["notes"], "", report.header(), sep="\n")
    _write(found, path)
    for name in names:
        found["cases"].append(_measure(CASES[name], options))
        _write(found, path)
    return found


def _measure(case, options):
    """Return what a case gave, or why it gave nothing, and print it."""
    result = {"name": case.name, "work": case.work}
    try:
        quantities = case.measure(options)
    except Exception as error:  # the other cases can still run
        result["error"] = f"{type(error).__name__}: {error}".partition("\n")[0]
        print(f"{case.name:10} {result['error']}", flush=True)
        return result
    for i, quantity in enumerate(quantities):
        lines = report.quantity_lines("" if i else case.name, quantity)
        print(*lines, sep="\n", flush=True)
    return result | {"quantities": [report.quantity_json(quantity) for quantity in quantities]}


def _write(found, path):
    if path is not None:
        Path(path).write_text(json.dumps(found, indent=1, allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
