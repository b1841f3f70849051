"""python -m skmlp train."""

import gzip
import os
import re
import shlex
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

import skmlp.cli
import skmlp.cli.train as job
from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier, load
from skmlp.cli import main
from skmlp.cli.progress import showing_progress
from skmlp.training.trainer import TrainingRun
from tests.cli.files import churn, error_of, mixed, odd, run_printed_code
from tests.cli.test_fashion_mnist import ENVIRONMENTS
from tests.interrupting import interrupted_at

PICTURES = ["confusion_matrix.png", "importance.png", "loss_curve.png", "reliability.png"]
FILES = sorted([*PICTURES, "model.npz", "report.html"])
in_one_process = pytest.mark.xdist_group(name="trained")


def written(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _temporary_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def without_plots(monkeypatch):
    monkeypatch.setattr(job, "find_spec", lambda name: None)  # drawing is slow


@pytest.fixture
def table(tmp_path):
    churn().to_csv(tmp_path / "churn.csv", index=False)
    return "churn.csv"


def train(*arguments):
    """Train on churn.csv; return the model."""
    assert main(["train", "churn.csv", "--target", "churned", *arguments]) == 0
    return load("skmlp-output/model.npz")


@in_one_process
def test_writes_model_report_and_pictures(trained):
    text, folder = trained
    assert written(folder) == FILES
    assert all(f"Wrote {folder / name}: " in text for name in FILES)
    for name in PICTURES:
        height, width, _ = imread(folder / name).shape
        assert 600 < width < 1000
        assert 200 < height < 1000


@in_one_process
def test_says_what_it_took_each_column_for(trained):
    text, _ = trained
    assert "churn.csv: 240 rows, 6 columns\n" in text
    assert re.search(r"^  key +number, 7000 to 7239 +id-like$", text, re.MULTILINE)
    assert re.search(r"^  tenure +number, 0 to 71$", text, re.MULTILINE)
    assert re.search(r"^  seats +number, 1 to 5 +few values$", text, re.MULTILINE)
    assert re.search(r"^  branch +number, 1 +constant$", text, re.MULTILINE)
    assert "--categorical seats" in text
    assert "--drop key" in text
    assert re.search(r"Target churned: no \d+ \(\d\d\.\d%\), yes \d+ ", text)


@in_one_process
def test_lines_have_at_most_80_characters(trained):
    text, folder = trained
    text = text.replace(str(folder.parent) + "/", "").replace("out/", "skmlp-output/")
    assert max(map(len, text.splitlines())) <= 80


@in_one_process
def test_prints_scores_of_the_saved_model_on_the_held_out_rows(trained):
    text, folder = trained
    clf, frame = load(folder / "model.npz"), churn()
    assert clf.feature_names_in_.tolist() == ["key", "tenure", "charges", "seats"]
    _, test = job.hold_out(frame.churned.to_numpy(str), None, seed=42)
    assert len(test) == 48
    X, y = frame.iloc[test][clf.feature_names_in_].astype(float), frame.churned[test]
    proba = clf.predict_proba(X)
    [line] = re.findall(r"^  skmlp +(.+)$", text, re.MULTILINE)
    accuracy, _, loss, auc = map(float, line.split())
    assert accuracy == pytest.approx(accuracy_score(y, clf.predict(X)), abs=1e-4)
    assert loss == pytest.approx(log_loss(y, proba.astype(float)), abs=2e-4)
    assert auc == pytest.approx(roc_auc_score(y == "yes", proba[:, 1]), abs=1e-4)
    assert accuracy > 0.8
    assert "- Only 48 rows are held out: these scores are uncertain." in text
    for name in ("logistic regression", "most frequent class"):
        assert re.search(rf"^  {name}( +\d\.\d{{4}}){{4}}$", text, re.MULTILINE)
    assert len(re.findall(r"^  (?:no|yes) ( +\d\.\d{4}){3} +\d+$", text, re.MULTILINE)) == 2


@in_one_process
def test_printed_code_runs(trained):
    text, _ = trained
    churn().to_csv("new.csv", index=False)
    _, labels = run_printed_code(text)
    assert set(labels) == {"no", "yes"}


def check_printed_code(text):
    """Compare the predictions of the printed code with those of the printed command."""
    found, labels = run_printed_code(text)
    [command] = re.findall(r"^    python -m skmlp (predict .*)$", text, re.MULTILINE)
    assert main(shlex.split(command)) == 0
    predicted = pd.read_csv("predictions.csv", index_col="row")
    assert predicted.prediction.tolist() == labels.tolist()
    proba = found["clf"].predict_proba(found["df"][found["clf"].feature_names_in_])
    np.testing.assert_allclose(predicted.iloc[:, 1:], proba, rtol=1e-6)


@pytest.mark.usefixtures("without_plots")
def test_printed_code_reads_new_rows_as_the_command_does(capsys):
    options = {"index": False, "sep": ";", "encoding": "latin-1", "decimal": ","}
    odd().to_csv("odd.csv", **options)
    arguments = ["--sep", ";", "--encoding", "latin-1", "--decimal", ",", "--categorical"]
    assert main(["train", "odd.csv", "--target", "ziel", *arguments, "filiale"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^  größe +number, \d", text, re.MULTILINE)
    assert "--sep ';' --encoding latin-1 --decimal ,\n" in text
    clf = load("skmlp-output/model.npz")
    assert clf.is_categorical_.tolist() == [False, True, True, True, True, True, False]
    odd(40, seed=1).to_csv("new.csv", **options)
    check_printed_code(text)


@pytest.mark.usefixtures("without_plots")
def test_printed_code_names_gaps_that_pandas_does_not_know(capsys):
    options = {"index": False, "sep": "\t"}
    odd()[["filiale", "alter", "ziel"]].add_suffix(" ").to_csv("odd.tsv", **options)
    assert main(["train", "odd.tsv", "--target", "ziel"]) == 0
    text = capsys.readouterr().out
    assert "df = pandas.read_csv(" in text
    assert "keep_default_na" not in text
    odd(40, seed=1).add_suffix(" ").to_csv("new.tsv", **options)
    check_printed_code(text)


@pytest.mark.usefixtures("without_plots")
def test_printed_code_reads_a_file_with_types(capsys):
    def typed(n_rows, seed):
        frame = odd(n_rows, seed)[["größe", "filiale", "kunde", "ziel"]]
        frame["filiale"] = frame.filiale.astype(float).where(frame.index % 9 > 0)
        frame.columns = frame.columns.str.replace("filiale", " filiale ")
        return frame.assign(preis=[Decimal(f"{x:.2f}") for x in frame["größe"]])

    typed(240, 0).to_parquet("odd.parquet")
    assert main(["train", "odd.parquet", "--target", "ziel", "--categorical", "filiale"]) == 0
    typed(40, 1).to_parquet("new.parquet")
    check_printed_code(capsys.readouterr().out)


@pytest.mark.usefixtures("table", "without_plots")
def test_same_seed_same_model():
    X = churn()[["key", "tenure", "charges", "seats"]]
    first, second, other = (train("--seed", seed).predict_proba(X) for seed in "112")
    assert (first == second).all()
    assert (first != other).any()


@pytest.mark.usefixtures("table", "without_plots")
def test_without_pictures_the_report_has_tables(capsys):
    frame = pd.read_csv("churn.csv")
    frame.set_axis(frame.columns.str.replace("charges", "tenure"), axis=1).to_csv("churn.csv")
    train("--drop", "key,seats")
    assert written(Path("skmlp-output")) == ["model.npz", "report.html"]
    text = capsys.readouterr().out
    assert 'Figures need matplotlib: pip install "skmlp[plot]"' in text
    page = Path("skmlp-output/report.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert "increase of the log-loss" in page
    assert "left out by --drop: key, seats" in page
    assert "<code>python -m skmlp train churn.csv --target churned --drop key,seats</code>" in page
    assert re.search(r"^  tenure\.1 .*repeated name$", text, re.MULTILINE)
    assert "Replaced" not in text
    train("--drop", "key,seats")
    assert "Replaced the earlier model in skmlp-output\n" in capsys.readouterr().out


@pytest.mark.usefixtures("table", "without_plots")
def test_ensemble_with_preset(capsys):
    preset = job.PRESETS["fashion_mnist"]
    model = train("--ensemble", "2", "--preset", "fashion_mnist")
    assert isinstance(model, SoftmaxMLPEnsembleClassifier)
    assert len(model.estimators_) == 2
    assert model.estimators_[0].get_params()["units"] == preset["units"]
    text = " ".join(capsys.readouterr().out.split())
    assert "Trained 2 networks" in text
    assert "batch_size=256 is larger than" in text  # a warning of fit


@pytest.mark.parametrize("ensemble", [[], ["--ensemble", "2"]])
@pytest.mark.usefixtures("table")
def test_progress_bar_on_a_terminal(ensemble, monkeypatch, capsys):
    pytest.importorskip("rich")
    pytest.importorskip("sklearn.callback")
    monkeypatch.setattr(job, "find_spec", lambda name: None)  # only of matplotlib, here
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    model = train(*ensemble)
    text = capsys.readouterr().out
    assert "epoch 1/100" not in text
    assert "Trained 2 networks" not in text  # the line of a log
    assert ("2 networks  epoch 100  loss 0." if ensemble else "epoch 100  loss 0.") in text
    assert model.verbose == 0


@pytest.fixture
def bars(monkeypatch):
    """The bars that are drawn, as on a terminal."""
    progress = pytest.importorskip("rich.progress")
    pytest.importorskip("sklearn.callback")
    drawn = []

    class Drawn(progress.Progress):
        def __init__(self, *columns):
            super().__init__(*columns)
            drawn.append(self)

    monkeypatch.setattr(progress, "Progress", Drawn)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    return drawn


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])  # trained together, or one by one
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("n_networks", [1, 3])
def test_progress_bar_counts_the_epochs_of_all_networks(bars, n_networks, early_stopping, solver):
    network = SoftmaxMLPClassifier(
        8,
        solver=solver,
        epochs=40,
        early_stopping=early_stopping,
        n_iter_no_change=3,
        learning_rate=0.1,
        random_state=0,
    )
    frame, model = churn(), network
    if n_networks > 1:
        model = SoftmaxMLPEnsembleClassifier(network, n_networks, random_state=0)
    with showing_progress(model):
        model.fit(frame[["tenure", "charges"]], frame.churned)
    [task] = bars[0].tasks
    assert task.total == task.completed == 40 * n_networks
    histories = model.history_ if n_networks > 1 else [model.history_]
    if early_stopping:
        assert min(len(history["loss"]) for history in histories) < 40
    names = ["loss", "validation_loss"] if early_stopping else ["loss"]
    means = [np.mean([history[name][-1] for history in histories]) for name in names]
    shown = [float(number) for number in re.findall(r" (\d+\.\d{4})", task.description)]
    np.testing.assert_allclose(shown, means, atol=6e-5)
    assert task.description.startswith("3 networks  epoch " if n_networks > 1 else "epoch ")
    assert not any("callback" in name for name in vars(network))


def test_progress_bar_of_interrupted_training_is_not_full(bars, monkeypatch):
    ended = interrupted_at(monkeypatch, 7)
    model = SoftmaxMLPEnsembleClassifier(SoftmaxMLPClassifier(8, epochs=40), 3, random_state=0)
    frame = churn()
    with pytest.raises(KeyboardInterrupt), showing_progress(model):
        model.fit(frame[["tenure", "charges"]], frame.churned)
    assert 0 < bars[0].tasks[0].completed <= len(ended) + 3


@pytest.mark.usefixtures("table", "without_plots")
def test_other_test_file(capsys):
    frame = churn(90, seed=1)[::-1].assign(more=1)  # in another order of columns, with one more
    frame[sorted(frame)].to_csv("test.csv", index=False)
    clf = train("--test", "test.csv")
    text = capsys.readouterr().out
    assert "Training on 240 rows" in text
    assert "Evaluated on the 90 rows of test.csv." in text
    [line] = re.findall(r"^  skmlp +(.+)$", text, re.MULTILINE)
    X = frame[clf.feature_names_in_].astype(float)
    assert float(line.split()[0]) == pytest.approx(clf.score(X, frame.churned), abs=1e-4)


@pytest.mark.usefixtures("without_plots")
def test_groups_stay_together(capsys, monkeypatch):
    frame = churn(400).assign(patient=np.arange(400) // 8)
    frame.to_csv("churn.csv", index=False)
    given = []
    fit = job.SoftmaxMLPClassifier.fit
    monkeypatch.setattr(
        job.SoftmaxMLPClassifier,
        "fit",
        lambda clf, X, y, w, **rest: given.append((X, rest["X_val"])) or fit(clf, X, y, w, **rest),
    )
    train("--group", "patient")
    text = capsys.readouterr().out
    assert "held-out rows, by groups of patient" in " ".join(text.split())
    [(X, X_val)] = given
    parts = [set(frame.patient[part.index]) for part in (X, X_val)]
    rest = set(frame.patient) - parts[0] - parts[1]
    assert not parts[0] & parts[1]
    assert 8 <= len(rest) <= 12
    assert len(X) + len(X_val) + frame.patient.isin(rest).sum() == 400


@pytest.mark.usefixtures("without_plots")
def test_sample_weight_is_that_of_repeated_rows(capsys):
    frame = churn(200)
    test = pd.concat([frame[:60], frame[:30]])
    frame.to_csv("churn.csv", index=False)
    test.to_csv("repeated.csv", index=False)
    train("--test", "repeated.csv")
    repeated = re.findall(r"^  skmlp +(.+)$", capsys.readouterr().out, re.MULTILINE)
    frame.assign(w=1.0).to_csv("churn.csv", index=False)
    frame[:60].assign(w=np.repeat([2, 1], 30)).to_csv("weighted.csv", index=False)
    train("--test", "weighted.csv", "--sample-weight", "w")
    assert re.findall(r"^  skmlp +(.+)$", capsys.readouterr().out, re.MULTILINE) == repeated


@pytest.mark.usefixtures("without_plots")
@pytest.mark.parametrize("ensemble", [[], ["--ensemble", "2"]])
def test_balanced_classes(ensemble, capsys):
    frame = churn(400)
    frame = frame[(frame.churned == "no") | (frame.index % 10 == 0)]  # about one in ten
    frame.to_csv("churn.csv", index=False)
    recalls = []
    for options in ([], ["--class-weight", "balanced"]):
        model = train(*options, *ensemble)
        text = capsys.readouterr().out
        recalls.append(float(re.search(r"^  yes +\S+ +(\S+)", text, re.MULTILINE)[1]))
        assert ("those of balanced classes" in " ".join(text.split())) == bool(options)
        assert ("class_weight='balanced'" in text) == bool(options)
    assert recalls[1] > recalls[0]
    net = model.estimators_[0] if ensemble else model
    weights = dict(zip(net.classes_, net.class_weight_, strict=True))
    assert weights["yes"] > 4 * weights["no"]
    page = Path("skmlp-output/report.html").read_text(encoding="utf-8")
    assert "those of balanced classes" in page
    assert "most frequent class&quot;" not in page  # whose log-loss is lower


@pytest.mark.usefixtures("without_plots")
def test_rows_without_label_and_integer_labels(capsys):
    frame = churn().assign(churned=lambda f: (f.churned == "yes").astype(str))
    frame["churned"] = frame.churned.map({"True": "1", "False": "0"})
    frame.loc[:4, "churned"] = ["", "NA", " ", "?", "nan"]
    frame.to_csv("churn.csv", index=False)
    clf = train()
    assert clf.classes_.tolist() == [0, 1]
    assert "5 rows without a value in 'churned' are left out." in capsys.readouterr().out


@pytest.mark.usefixtures("table", "without_plots")
@pytest.mark.parametrize("n_done", [0, 1])
def test_interrupt_keeps_what_was_learnt(n_done, monkeypatch, capsys):
    end_epoch = TrainingRun.end_epoch

    def interrupted(run, record):
        if run.history.n_epochs == n_done:
            raise KeyboardInterrupt
        return end_epoch(run, record)

    monkeypatch.setattr(TrainingRun, "end_epoch", interrupted)
    assert train().stop_reason_ == "interrupted"
    text = capsys.readouterr().out
    assert "Interrupted; the model trained so far is kept." in text
    assert "interrupted" in Path("skmlp-output/report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("table", "without_plots")
@pytest.mark.parametrize(("name", "kept"), [("save", None), ("fit_baselines", ["model.npz"])])
def test_interrupt_after_training(name, kept, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, name, interrupted)
    assert main(["train", "churn.csv", "--target", "churned"]) == 130
    assert capsys.readouterr().err == "\npython -m skmlp train: stopped\n"
    folder = Path("skmlp-output")
    assert (written(folder) if folder.exists() else None) == kept


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_sigint(table):
    command = [sys.executable, "-m", "skmlp", "train", table, "--target", "churned"]
    code = (  # a training that lasts
        "import sys; import skmlp.cli.train as t; t.PRESETS = {'long': {'epochs': 99999, "
        "'early_stopping': False}}; sys.exit(t.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, *command[4:], "--preset", "long"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(skmlp.cli.__file__).parents[2]), "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as child:
        try:
            assert any(line.startswith("epoch") for line in child.stdout)
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate(timeout=60)
        finally:
            child.kill()
    assert (child.returncode, errors) == (0, "")
    assert "report.html" in written(Path("skmlp-output"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="environments of POSIX")
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment(name, table):
    changed = os.environ | {"PYTHONPATH": str(Path(skmlp.cli.__file__).parents[2])}
    changed |= ENVIRONMENTS[name]
    done = subprocess.run(
        [sys.executable, "-m", "skmlp", "train", table, "--target", "churned", "--output", "한글"],
        env={key: value for key, value in changed.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert written(Path("한글")) == FILES


def cells(**changed):
    """The table as a text, with cells changed."""
    frame = churn(60).astype(str)
    for column, values in changed.items():
        frame.loc[: len(values) - 1, column] = values
    return frame.to_csv(index=False)


N = 60
ERRORS = {
    "no such column": (cells(), ["--target", "Churn"], "'Churn': did you mean 'churned'?"),
    "no near column": (cells(), ["--target", "x"], "no column 'x': there are 'key', 'tenure', "),
    "to drop": (cells(), ["--drop", "key,tenur"], "no column 'tenur': did you mean 'tenure'?"),
    "two roles": (cells(), ["--drop", "churned"], "column 'churned' can be only one of target,"),
    "separator": (cells().replace(",", ";"), [], "Is the separator ';'? Set --sep"),
    "one class": (cells(churned=["no"] * N), [], "'churned' has one value, 'no', in all rows"),
    "many classes": (
        cells(churned=[f"c{i}" for i in range(N)]), [], "has 60 different values in 60 rows, too",
    ),
    "regression": (
        cells(churned=[f"{i}.5" for i in range(N)]), [], "has 60 different numbers, such as",
    ),
    "no labels": (cells(churned=[""] * N), [], "target 'churned' has no values in churn.csv"),
    "few rows": (cells().split("\n", 3)[0] + "\n1,2,3,4,1,a\n1,2,5,4,1,b\n", [], "too few to hold"),
    "no column of features": (
        cells(), ["--drop", "key,tenure,charges,seats"], "no column to predict 'churned' from",
    ),
    "empty": ("", [], "churn.csv is empty"),
    "no rows": ("a,churned\n", [], "churn.csv has no rows"),
    "separators at the ends": (
        cells().replace("\n", ",\n").replace(",\n", "\n", 1), [], "rows have one field more than",
    ),
    "ragged": ("a,churned\n1,2\n1,2,3,4\n", [], "the separator ',': Expected 2 fields"),
    "encoding": ("a,churned\n1,\xe9\n".encode("latin-1"), [], "is not utf-8 ('utf-8' codec can't "),
    "dates": (
        cells(tenure=[f"2024-01-{i % 28 + 1:02}" for i in range(N)]), [],
        "column 'tenure' holds dates ('2024-01-01'), which are neither numbers nor categories: "
        "--drop tenure",
    ),
    "infinite": (cells(tenure=["1", "inf"]), [], "row 1: 'inf' is not a finite number"),
    "weight": (cells(), ["--sample-weight", "churned"], "column 'churned' can be only one of"),
    "negative weight": (
        cells(seats=["1", "-2"]), ["--sample-weight", "seats"], "row 1: a weight must be a number",
    ),
    "text as weight": (
        cells(seats=["many"]), ["--sample-weight", "seats"], "row 0: 'many' is not a finite number",
    ),
    "no weight": (cells(seats=["0"] * N), ["--sample-weight", "seats"], "all weights are 0"),
    "no group": (cells(seats=[""]), ["--group", "seats"], "column 'seats', row 0: no group"),
    "one group": (cells(), ["--group", "branch"], "no groups can be held out"),
    "missing test file": (cells(), ["--test", "no.csv"], "cannot read no.csv: No such file or"),
    "test without target": (cells(), ["--test", "other.csv"], "other.csv has no column 'churned'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_one_line_and_leave_no_file(name):
    content, arguments, message = ERRORS[name]
    content = content if isinstance(content, bytes) else content.encode()
    Path("churn.csv").write_bytes(content)
    Path("other.csv").write_text("a,b\n1,2\n")
    target = [] if "--target" in arguments else ["--target", "churned"]
    assert message in error_of("train", "churn.csv", *target, *arguments)
    assert written(Path()) == ["churn.csv", "other.csv"]


def test_labels_that_the_training_rows_have_not(table):
    churn(40).assign(churned="perhaps").to_csv("test.csv", index=False)
    message = error_of("train", table, "--target", "churned", "--test", "test.csv")
    assert message == "test.csv has labels that are not in the training rows: 'perhaps'"


def test_missing_and_damaged_files():
    assert "cannot read no.csv: No such file" in error_of("train", "no.csv", "--target", "y")
    assert "cannot read .: Is a directory" in error_of("train", ".", "--target", "y")
    Path("x.csv.gz").write_bytes(gzip.compress(churn().to_csv().encode())[:900])
    assert "cannot read x.csv.gz" in error_of("train", "x.csv.gz", "--target", "y")
    for suffix in ("zip", "xz"):
        Path(f"x.csv.{suffix}").write_bytes(b"no archive")
        assert f"cannot read x.csv.{suffix}" in error_of(
            "train", f"x.csv.{suffix}", "--target", "y"
        )
    Path("x.parquet").write_bytes(b"PAR1 no")
    assert "cannot read x.parquet" in error_of("train", "x.parquet", "--target", "y")
    assert "is a spreadsheet: save it as CSV" in error_of("train", "x.xlsx", "--target", "y")


@pytest.mark.usefixtures("without_plots")
def test_an_error_of_fit_is_one_line_and_leaves_no_file(table, monkeypatch):
    def diverged(*args, **kwargs):
        raise ValueError("The loss is nan\nin epoch 3.")

    monkeypatch.setattr(job.SoftmaxMLPClassifier, "fit", diverged)
    message = error_of("train", table, "--target", "churned", "--output", "new")
    assert message == "cannot train: The loss is nan in epoch 3."
    assert written(Path()) == ["churn.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: file, --target"),
        (["x.csv"], "the following arguments are required: --target"),
        (["x.csv", "--target", "y", "--preset", "accurate"], "invalid choice: 'accurate' (choose "),
        (["x.csv", "--target", "y", "--ensemble", "0"], "must be an integer from 1 to 4294967295"),
        (["x.csv", "--target", "y", "--sep", "ab"], "--sep: must be one character, or 'tab'"),
        (["x.csv", "--target", "y", "--encoding", "utf-9"], "no such encoding: 'utf-9'"),
        (["x.csv", "--target", "y", "--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_invalid_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", *arguments])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("python -m skmlp train: error: ")
    assert error.count("\n") == 1


def test_unwritable_output(table, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", table, "--target", "churned", "--output", f"{table}/folder"])
    assert stop.value.code == 2
    assert re.fullmatch(
        r"python -m skmlp train: error: cannot write to .*folder: \w.*\n", capsys.readouterr().err
    )


def test_without_pyarrow(monkeypatch):
    def missing(path):
        raise ImportError("no pyarrow", name="pyarrow")

    monkeypatch.setattr(pd, "read_parquet", missing)
    message = error_of("train", "x.parquet", "--target", "y")
    assert message == 'pyarrow is missing: pip install "skmlp[data]"'


def test_without_pandas(table, monkeypatch):
    monkeypatch.setattr(skmlp.cli, "find_spec", lambda name: None)
    message = error_of("train", table, "--target", "churned")
    assert message == 'reading files needs pandas: pip install "skmlp[data]"'


@pytest.mark.usefixtures("without_plots")
@pytest.mark.parametrize("ensemble", [[], ["--ensemble", "2"]])
def test_categories_codes_and_gaps(ensemble, capsys):
    mixed().to_csv("mixed.csv", index=False)
    assert main(["train", "mixed.csv", "--target", "label", *ensemble]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^  city +category, 3: \w+, \w+, \w+ +\d+$", text, re.MULTILINE)
    assert re.search(r"^  code +category, 3: \d\d, .*leading zeros$", text, re.MULTILINE)
    assert re.search(r"^  age +number, 18 to 79 +\d+$", text, re.MULTILINE)
    clf = load("skmlp-output/model.npz")
    assert clf.is_categorical_.tolist() == [True, True, False, False]
    assert sorted(clf.categories_[1]) == ["01", "02", "10"]
    [line] = re.findall(r"^  skmlp +(.+)$", text, re.MULTILINE)
    assert float(line.split()[0]) > 0.8
