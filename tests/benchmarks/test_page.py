"""The page of the benchmarks is made from JSON files. No test depends on measured times."""

import csv
import json
import math
import re
from itertools import pairwise
from statistics import mean

import pytest

from benchmarks import __main__ as suite
from benchmarks import accuracy, cases, page, plots, sections
from benchmarks.formatting import SPACE, TIMES
from benchmarks.harness import (
    Options,
    Quantity,
    at_least,
    at_most,
    environment,
    faster,
    quantity_json,
    within,
)


def case(name, *quantities, work="some work"):
    return {"name": name, "work": work, "quantities": list(map(quantity_json, quantities))}


EPOCH = Quantity(
    "epoch",
    "s",
    {"skmlp": [1.0, 2.0, 3.0], "MLPClassifier": [3.0] * 3, "PyTorch": [5e-3], "limit": [0.5]},
    [faster("MLPClassifier", 8.0), faster("MLPClassifier", 1.5), within("limit", 2.0)],
)
MEMORY = Quantity("memory", "MB", {"skmlp": [40.0], "MLPClassifier": [1234.0]}, [at_most(30.0)])
IMPORT = Quantity("import", "s", {"skmlp": [2e-6], "sklearn.neural_network": [1e-6]})
SPEED = [case("adam", EPOCH, MEMORY), case("import", IMPORT)]
ACCURACY = [
    Quantity(
        "whole fit", "s", {"skmlp": [2.0], "MLPClassifier": [9.0]}, (),
        {"curves": [{"skmlp": [(1.0, 0.8), (2.0, 0.9)], "MLPClassifier": [(9.0, 0.85)]}]},
    ),
    Quantity("test accuracy", "accuracy", {"skmlp": [0.9], "MLPClassifier": [0.85]},
             [at_least(0.95)]),
    Quantity("to 0.9", "s", {"skmlp": [2.0], "MLPClassifier": [math.inf]}),
]  # fmt: skip


def write(folder, **found):
    for name, content in found.items():
        run = environment() | {"notes": []} | content
        folder.joinpath(f"{name}.json").write_text(json.dumps(run), encoding="utf-8")
    return page.write(folder)


def rows(folder, name):
    with open(folder / f"{name}.csv", encoding="utf-8", newline="") as file:
        return [[cell.replace(SPACE, " ") for cell in row] for row in csv.reader(file)]


def test_ratios_and_figures(tmp_path):
    write(tmp_path, speed={"cases": SPEED})
    assert rows(tmp_path, "ratios") == [
        ["case", "measured", "MLPClassifier", "PyTorch", "limit", "work"],
        ["adam", "epoch", "1.50", "0.00250", "0.250", "some work"],
        ["", "memory", "30.9", "", "", ""],
        ["import", "import", "0.500", "", "", "some work"],
    ]
    assert rows(tmp_path, "figures") == [
        ["case", "measured", "skmlp", "MLPClassifier", "PyTorch", "limit", "turns"],
        ["adam", "epoch", "2.00 s ± 50 %", "3.00 s ± 0 %", "5.00 ms", "500 ms", "3"],
        ["", "memory", "40.0 MB", "1234 MB", "", "", "1"],
        ["import", "import", "2.00 µs", "1.00 µs", "", "", "1"],
    ]


def test_met_and_missed_targets(tmp_path):
    curves = {"cases": [case("accuracy", *ACCURACY)]}
    write(tmp_path, speed={"cases": SPEED}, curves=curves)
    assert rows(tmp_path, "targets")[1:] == [
        ["adam", "epoch", f"≥ 8 {TIMES} as fast as MLPClassifier", f"1.50 {TIMES}", "missed"],
        ["adam", "epoch", f"≥ 1.5 {TIMES} as fast as MLPClassifier", f"1.50 {TIMES}", "met"],
        ["adam", "epoch", f"≤ 2 {TIMES} limit", f"4.00 {TIMES}", "missed"],
        ["adam", "memory", "≤ 30 MB", "40.0 MB", "missed"],
        ["accuracy", "test accuracy", "≥ 0.95", "0.9000", "missed"],
    ]
    missed = rows(tmp_path, "missed")
    assert missed[1] == [
        "adam", f"≥ 8 {TIMES} as fast as MLPClassifier", f"1.50 {TIMES}", "81.2 %", f"6.00 {TIMES}",
    ]  # fmt: skip
    assert [row[-2:] for row in missed[2:]] == [["100.0 %", ""], ["33.3 %", ""], ["5.3 %", ""]]


def test_tables_and_numbers_of_rows(tmp_path):
    growth = Quantity("whole fit, 1,000 rows", "s", {"skmlp": [0.3], "MLPClassifier": [0.6]})
    fits = Quantity("whole fit", "s", {"skmlp": [1.0], "ensemble": [4.0]},
                    [within("skmlp", 3.0, of="ensemble")])  # fmt: skip
    tables, sizes = {"cases": [case("ensemble_small", fits)]}, {"cases": [case("rows", growth)]}
    write(tmp_path, speed={"cases": SPEED}, tables=tables, rows=sizes)
    assert rows(tmp_path, "table_ratios")[1:] == [
        ["ensemble_small", "whole fit", "4.00", "some work"]
    ]
    assert rows(tmp_path, "rows") == [
        ["measured", "skmlp", "MLPClassifier", "turns"],
        ["whole fit, 1,000 rows", "300 ms", "600 ms", "1"],
    ]
    assert rows(tmp_path, "missed")[-1][:3] == [
        "ensemble_small", f"ensemble: ≤ 3 {TIMES} skmlp", f"4.00 {TIMES}",
    ]  # fmt: skip


def test_accuracy(tmp_path):
    curves = {"cases": [case("accuracy", *ACCURACY)]}
    write(tmp_path, speed={"cases": SPEED}, curves=curves)
    assert rows(tmp_path, "accuracy") == [
        ["measured", "skmlp", "MLPClassifier", "turns"],
        ["whole fit", "2.00 s", "9.00 s", "1"],
        ["test accuracy", "0.9000", "0.8500", "1"],
        ["to 0.9", "2.00 s", "never", "1"],
    ]


def test_environment_has_a_column_for_each_run(tmp_path):
    speed = {"cases": SPEED, "date": "2026-01-02T03:04:05+00:00", "notes": ["a_b *c*; --compile"]}
    write(tmp_path, speed=speed, curves={"cases": []})
    found = {what: cells for what, *cells in rows(tmp_path, "environment")}
    assert found[""] == ["cases", "plots"]
    assert found["date"][0] == "2026-01-02"
    assert found["notes"] == [r"a\_b \*c\*; `--compile`", ""]


def test_page_of_a_run(tmp_path, monkeypatch):
    def seconds(fit, *args):  # measured differences of tiny fits may be negative
        fit(*args)
        return 1e-3 * (args[0] if args and isinstance(args[0], int) else 1)

    monkeypatch.setattr(cases, "seconds", seconds)
    tiny = Options(tiny=True)
    suite.run(["pickle", "iris"], tiny, path=tmp_path / "speed.json")
    suite.run(["accuracy", "width"], tiny, path=tmp_path / "curves.json")
    names = page.write(tmp_path)
    assert {"accuracy.csv", "accuracy.svg", "width.csv", "width.svg"} <= set(names)
    assert all((tmp_path / name).stat().st_size for name in names)
    assert "/benchmarks/width.svg" in (tmp_path / "width.txt").read_text(encoding="utf-8")
    drawn = (tmp_path / "width.svg").read_bytes()
    page.write(tmp_path)
    assert (tmp_path / "width.svg").read_bytes() == drawn


def test_missing_and_failed_cases(tmp_path):
    failed = {"name": "deep", "work": "much", "error": "MemoryError: no_"}
    met = [case("import", IMPORT)]
    names = write(tmp_path, speed={"cases": [*met, failed]}, curves={"cases": [failed]})
    assert "accuracy.csv" not in names
    assert "missed.csv" not in names
    for name in ("accuracy", "width", "steps", "steps_notes"):
        assert (tmp_path / f"{name}.txt").read_text(encoding="utf-8") == "*Not measured yet.*\n"
    assert (tmp_path / "missed.txt").read_text(encoding="utf-8") == "Every target is met.\n"
    assert ["deep", r"MemoryError: no\_", "", "", ""] in rows(tmp_path, "figures")


@pytest.mark.parametrize(
    "heights", [[0.5, 0.5, 0.5], [1.0, 0.99, 0.98], [0.0, 0.01, -0.2], [0.1, 0.9, 0.5], [7.0]]
)
def test_labels_do_not_overlap(heights):
    heights = dict(enumerate(heights))
    placed = plots._apart(heights, 0.1)
    assert sorted(heights, key=heights.get) == sorted(placed, key=placed.get)
    assert all(-1e-12 <= height <= 1.0 for height in placed.values())
    values = sorted(placed.values())
    assert all(b - a >= 0.1 - 1e-12 for a, b in pairwise(values))


def test_page_is_up_to_date():
    """Run ``python -m benchmarks.page`` and commit what it writes."""
    made = page.texts(page.read())
    kept = {path.name for kind in ("csv", "txt") for path in page.FOLDER.glob(f"*.{kind}")}
    assert {name for name in kept if not name.startswith("arena")} == set(made)
    for name, text in made.items():
        assert page.FOLDER.joinpath(name).read_bytes().decode() == text, name
    drawn = {path.name for path in page.FOLDER.glob("*.svg") if not path.name.startswith("arena")}
    assert drawn == {f"{name}.svg" for name in plots.PLOTS if f"{name}.csv" in made}


def test_main_prints_what_it_wrote(tmp_path, capsys):
    write(tmp_path, speed={"cases": SPEED})
    assert page.main([str(tmp_path)]) == 0
    assert "figures.csv" in capsys.readouterr().out.splitlines()


def step(name, accuracies, training, changes, tried=()):
    turns = {"skmlp": accuracies, accuracy.TRAINED_ON: [training] * 3}
    return Quantity(name, "accuracy", turns, (), {"changes": changes, "tried": dict(tried)})


STEPS = [
    step("begin", [0.70, 0.71, 0.72], 0.8, {}),
    step("rate", [0.80, 0.81, 0.82], 0.9, {"solver": "adam", "rate": 0.1},
         {"rate": [[0.1, 0.8], [1, 0.5]]}),
    step("dropout", [0.80, 0.82, 0.82], 0.85, {"dropout": (0.1, 0.2)}),
    step("worse", [0.70, 0.72, 0.72], 0.85, {"l1": 1}),
    Quantity(accuracy.TEST, "accuracy", {"skmlp": [0.75, 0.75, 0.78]}),
]  # fmt: skip


def test_steps_and_their_gains(tmp_path):
    write(tmp_path, speed={"cases": SPEED}, steps={"cases": [case("steps", *STEPS)]})
    assert rows(tmp_path, "steps") == [
        ["step", "validation", "gain", "training"],
        ["begin", "0.7100 ± 0.0058", "", "0.8000"],
        ['rate `solver="adam"` `rate=0.1`', "0.8100 ± 0.0058", "+0.1000 ± 0.0082", "0.9000"],
        ["dropout `dropout=(0.1, 0.2)`", "0.8133 ± 0.0067", "+0.0033 ± 0.0088", "0.8500"],
        ["worse `l1=1`", "0.7133 ± 0.0067", "-0.1000 ± 0.0094", "0.8500"],
    ]
    notes = tmp_path.joinpath("steps_notes.txt").read_text(encoding="utf-8").replace(SPACE, " ")
    assert "`rate` of the step *rate* is the best of 0.1 (0.8000), 1 (0.5000)" in notes
    assert "*dropout* has no significant effect: +0.0033 ± 0.0088." in notes
    assert "*worse* reduces the accuracy: -0.1000 ± 0.0094." in notes
    assert "**0.7600 ± 0.0100**" in notes
    assert tmp_path.joinpath("steps.svg").stat().st_size


def test_accuracies_of_the_steps():
    *found, _ = page._succeeded(page.read(), "steps")["steps"]["quantities"]
    accuracies = [mean(quantity["figures"]["skmlp"]["turns"]) for quantity in found]
    assert accuracies[0] == pytest.approx(0.815, abs=0.005)
    assert accuracies[-1] > 0.9
    assert all(len(quantity["figures"]["skmlp"]["turns"]) >= 3 for quantity in found)


def test_readme_table(tmp_path):
    """Figures within the range of the best one are bold; missing files have no rows."""
    path = tmp_path / "README.md"
    path.write_text(f"above\n{page.START}what was here\n{page.END}below\n", encoding="utf-8")
    found = {"speed": environment() | {"cases": SPEED}}
    assert page.write_readme(found, path) == path
    text = path.read_text(encoding="utf-8").replace(SPACE, " ")
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "what was here" not in text
    assert "batches of 200 | 2.00 s | 3.00 s | **5.00 ms** |" in text
    assert "| import | 2.00 µs | **1.00 µs** |  |" in text
    assert "grid search" not in text


def test_readme_is_up_to_date():
    """Run ``python -m benchmarks.page`` and commit what it writes."""
    text = page.README.read_text(encoding="utf-8")
    assert page.updated_readme(text, page.read()) == text


def test_readme_links_exist():
    text = page.README.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 5
    for link in links:
        assert (page.README.parent / link).exists(), link


def test_picture(tmp_path):
    path = plots.draw_picture(tmp_path / "picture.png", n_rows=300)
    assert 10_000 < path.stat().st_size < 100_000
    assert plots.PICTURE.stat().st_size < 100_000


def test_cluster_constants(tmp_path):
    c, a, s, b = 2e-6, 0.01, 0.002, 1e-9
    fit = Quantity("whole fit", "s", {"skmlp": [1.0], "one process": [c * 1000 * 5]}, (),
                   {"rows": 1000, "n_iter": 5, "n_params": 100})  # fmt: skip
    rounds = [
        Quantity(f"round {i}", "s", {"skmlp": [a + s * shards + b * 2 * shards * 12 * size]}, (),
                 {"size": size, "shards": shards})
        for i, (size, shards) in enumerate([(100, 2), (100, 16), (10**4, 2), (10**6, 2)])
    ]  # fmt: skip
    cluster = case("dask", fit, *rounds)
    found = sections.cluster_constants(cluster["quantities"])
    assert found == pytest.approx((c, a, s, b))
    accuracies = [{"shards": 2, "rounds": 1, "kind": "kept", "accuracies": [0.8, 0.9]}]
    write(tmp_path, speed={"cases": SPEED}, dask={"cases": [cluster]},
          averaging={"accuracies": accuracies})  # fmt: skip
    model = rows(tmp_path, "cluster_model")
    assert model[1] == ["1", "1", "2000 s", "12.0 ms", "0.0 %", "0.00240 MB"]
    assert rows(tmp_path, "averaging") == [["shards", "rounds", "kept"], ["2", "1", "0.8500"]]
    assert "cluster_figures.csv" in (tmp_path / "cluster.txt").read_text(encoding="utf-8")
