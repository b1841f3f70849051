"""python -m skmlp predict."""

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import skmlp.cli.predict as job
from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier, save
from skmlp.cli import main
from skmlp.cli.tables import FileTable, ModelColumn, typed_frame
from tests.cli.files import churn, error_of, mixed

COLUMNS = ["tenure", "charges", "seats"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of three columns, and its file."""
    frame = churn()
    clf = SoftmaxMLPClassifier(8, epochs=10, random_state=0)
    clf.fit(frame[COLUMNS].astype(float), frame.churned.to_numpy(str))
    path = tmp_path_factory.mktemp("model") / "model.npz"
    save(clf, path)
    return clf, str(path)


@pytest.fixture(autouse=True)
def _temporary_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def proba_of(clf, frame):
    return clf.predict_proba(frame[COLUMNS].astype(float))


def check(written, clf, frame):
    """Check the predictions of all rows, in their order."""
    assert written.columns.tolist() == ["prediction", "probability_no", "probability_yes"]
    np.testing.assert_allclose(written.iloc[:, 1:], proba_of(clf, frame), rtol=1e-6)
    assert written.prediction.tolist() == clf.predict(frame[COLUMNS].astype(float)).tolist()


@pytest.mark.parametrize("chunk_rows", [1, 7, 1000])
def test_order_and_chunks(chunk_rows, model, monkeypatch, capsys):
    clf, path = model
    monkeypatch.setattr(job, "CHUNK_ROWS", chunk_rows)
    frame = churn(21, seed=1)[["seats", "churned", "tenure", "key", "charges"]]
    frame.to_csv("new.csv", index=False)
    assert main(["predict", path, "new.csv"]) == 0
    said = capsys.readouterr()
    assert said.out == "Wrote predictions.csv: 21 rows\n"
    assert said.err == "python -m skmlp predict: not used by the model: 'churned', 'key'\n"
    written = pd.read_csv("predictions.csv", index_col="row")
    assert written.index.tolist() == list(range(21))
    check(written, clf, frame)


SEPARATED = {"new.tsv": {"sep": "\t"}, "new.csv": {"sep": ";"}, "new.txt.bz2": {"sep": "|"}}


@pytest.mark.parametrize("name", SEPARATED)
def test_separators_and_compression(name, model):
    frame = churn(9, seed=1)
    frame.to_csv(name, index=False, **SEPARATED[name])
    sep = [] if name.endswith("tsv") else ["--sep", SEPARATED[name]["sep"]]
    assert main(["predict", model[1], name, *sep, "--output", "p.csv.gz"]) == 0
    with gzip.open("p.csv.gz", "rt") as file:
        check(pd.read_csv(file, index_col="row"), model[0], frame)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_typed_files_keep_their_index(kind, model):
    frame = churn(9, seed=1)
    if kind == "parquet":  # Feather has no index
        frame.index = pd.Index([f"customer {i}" for i in range(9)], name="customer")
    getattr(frame, f"to_{kind}")(f"new.{kind}")
    assert main(["predict", model[1], f"new.{kind}"]) == 0
    written = pd.read_csv("predictions.csv", index_col=0)
    assert written.index.name == frame.index.name or written.index.name == "row"
    assert written.index.tolist() == frame.index.tolist()
    check(written, model[0], frame)


def test_row_names_without_a_header(model):
    """As R's write.table writes them: a field more in the rows than in the header."""
    frame = churn(5, seed=1)
    header, *lines = frame.to_csv(index=False).splitlines()
    rows = "\n".join(f"r{i},{line}" for i, line in enumerate(lines))
    Path("new.csv").write_text(f"{header}\n{rows}\n")
    assert main(["predict", model[1], "new.csv"]) == 0
    written = pd.read_csv("predictions.csv", index_col="row")
    assert written.index.tolist() == ["r0", "r1", "r2", "r3", "r4"]
    check(written, model[0], frame)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_encodings(encoding, model, capsys):
    frame = churn(9, seed=1).assign(größe=1)
    frame.to_csv("new.csv", index=False, encoding=encoding)
    arguments = [] if encoding == "utf-8-sig" else ["--encoding", encoding]
    assert main(["predict", model[1], "new.csv", *arguments]) == 0
    assert "'größe'" in capsys.readouterr().err
    check(pd.read_csv("predictions.csv", index_col="row"), model[0], frame)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_kept_columns_are_copied(kind, model, monkeypatch, capsys):
    monkeypatch.setattr(job, "CHUNK_ROWS", 4)
    frame = churn(9, seed=1).assign(date="2024-01-31", amount=1234567890.25)
    frame.insert(0, "customer", [f"{i:03}" for i in range(9)])
    frame.loc[3, "date"] = np.nan
    write = {"csv": lambda: frame.to_csv("new.csv", index=False)}
    write["parquet"] = lambda: frame.to_parquet("new.parquet")
    write[kind]()
    keep = ["--keep", "date,customer,amount,tenure,date"]
    assert main(["predict", model[1], f"new.{kind}", *keep]) == 0
    assert capsys.readouterr().err.endswith("not used by the model: 'key', 'branch', 'churned'\n")
    found = pd.read_csv("predictions.csv", index_col="row", dtype={"customer": str})
    names = ["date", "customer", "amount", "tenure"]
    assert found.columns.tolist()[:4] == names
    pd.testing.assert_frame_equal(found[names], frame[names], check_names=False)
    check(found.drop(columns=names), model[0], frame)


def test_columns_that_cannot_be_kept(model):
    churn(9).assign(row=1, prediction=2).to_csv("new.csv", index=False)
    message = error_of("predict", model[1], "new.csv", "--keep", "key,Branches")
    assert message == "new.csv has no column 'Branches': did you mean 'branch'?"
    for name in ("row", "prediction"):
        message = error_of("predict", model[1], "new.csv", "--keep", name)
        assert f"column '{name}' has the name of another column of the output" in message
    assert os.listdir() == ["new.csv"]


def run(*arguments, **options):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "skmlp", "predict", *arguments],
        env=os.environ | {"PYTHONPATH": str(Path(job.__file__).parents[2])},
        capture_output=True,
        check=False,
        **options,
    )


def test_pipe(model):
    frame = churn(9, seed=1)
    csv = frame[COLUMNS].to_csv(index=False).encode()
    done = run(model[1], "-", "--output", "-", input=csv)
    assert (done.returncode, done.stderr) == (0, b"")
    check(pd.read_csv(io.BytesIO(done.stdout), index_col="row"), model[0], frame)


def test_reader_that_ends_early(model):
    pd.concat([churn(240)] * 40)[COLUMNS].to_csv("new.csv", index=False)
    command = [sys.executable, "-m", "skmlp", "predict", model[1], "new.csv", "--output", "-"]
    with subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(Path(job.__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        child.stdout.readline()
        child.stdout.close()
        assert (child.stderr.read(), child.wait()) == (b"", 0)


def test_ensemble_with_integer_labels():
    frame = churn()
    net = SoftmaxMLPClassifier(8, epochs=5)
    ensemble = SoftmaxMLPEnsembleClassifier(net, 2, random_state=0)
    ensemble.fit(frame[COLUMNS].astype(float), frame.seats.to_numpy())
    save(ensemble, "model.npz")
    frame[COLUMNS].to_csv("new.csv", index=False)
    assert main(["predict", "model.npz", "new.csv"]) == 0
    written = pd.read_csv("predictions.csv", index_col="row")
    assert written.columns.tolist()[1:] == [f"probability_{k}" for k in range(1, 6)]
    assert written.prediction.isin(range(1, 6)).all()


def lines(*rows):
    return "\n".join(["tenure,charges,seats", *rows])


ERRORS = {
    "no such column": ("tenure,Charge,seats\n1,2,3\n", "'charges': did you mean 'Charge'?"),
    "no columns": ("a,b\n1,2\n", "no column 'tenure' (nor 2 others): there are 'a', 'b'"),
    "two columns": ("tenure,x\n1,2\n", "no column 'charges' (nor 'seats'): there are 'tenure'"),
    "separator": ("tenure;charges;seats\n1;2;3\n", "it has one column, 'tenure;charges;seats'"),
    "text": (lines("1,2,3", "1,much,3"), "column 'charges', row 1: 'much' is not a finite number"),
    "late text": (lines(*["1,2,3"] * 50, "1,2,x"), "row 50: 'x' is not a finite number"),
    "infinite": (lines("1,-Infinity,3"), "row 0: '-Infinity' is not a finite number"),
    "empty": ("", "new.csv is empty"),
    "no rows": ("tenure,charges,seats\n", "new.csv has no rows"),
    "encoding": (b"tenure,charges,seats,\xe9\n1,2,3,4\n", "new.csv is not utf-8 ("),
    "late encoding": (lines(*["1,2,3"] * 50, "1,2,\xe9").encode("latin-1"), "is not utf-8 ("),
    "ragged": (lines("1,2,3", "1,2,3,4"), "not a table with the separator ',': Expected 3 fields"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_one_line_and_leave_no_file(name, model, monkeypatch):
    content, message = ERRORS[name]
    monkeypatch.setattr(job, "CHUNK_ROWS", 10)
    Path("new.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in error_of("predict", model[1], "new.csv")
    assert os.listdir() == ["new.csv"]


@pytest.mark.parametrize(
    ("text", "end"),
    [("2,5", "; for decimal commas, --decimal ,"), ("a, b", ""), ("inf", "")],
)
def test_only_decimal_commas_are_told_the_option(text, end, model):
    Path("new.csv").write_text(lines("1,2,3", f'1,"{text}",3'))
    message = error_of("predict", model[1], "new.csv")
    assert message == f"column 'charges', row 1: '{text}' is not a finite number{end}"


def test_an_error_keeps_the_file_of_before(model):
    Path("predictions.csv").write_text("before")
    Path("new.csv").write_text(lines("1,2,x"))
    error_of("predict", model[1], "new.csv")
    assert Path("predictions.csv").read_text() == "before"


def test_files_that_are_no_models(model):
    assert error_of("predict", "no.npz", "x.csv") == "cannot read no.npz: No such file or directory"
    Path("x.csv").write_text("a\n1\n")
    assert "is not a valid skmlp model file" in error_of("predict", "x.csv", "x.csv")
    assert error_of("predict", model[1], "no.csv").startswith("cannot read no.csv: No such file")
    message = error_of("predict", model[1], "x.csv", "--output", "x.csv")
    assert message == "--output would replace x.csv"
    message = error_of("predict", model[1], "x.csv", "--output", "no/folder.csv")
    assert "No such file or directory" in message
    save(SoftmaxMLPClassifier(2, epochs=1).fit([[0.0], [1.0]], [0, 1]), "array.npz")
    message = error_of("predict", "array.npz", "x.csv")
    assert message == "the model has no column names: fit it to a DataFrame"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["m.npz"], "the following arguments are required: file"),
        (["m.npz", "x.csv", "--output", "p.parquet"], "written as CSV, not to p.parquet"),
        (["m.npz", "x.csv", "--sep", ""], "--sep: must be one character, or 'tab', got ''"),
    ],
)
def test_invalid_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["predict", *arguments])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_interrupt_leaves_no_file(model, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "typed_frame", interrupted)
    Path("new.csv").write_text(lines("1,2,3"))
    assert main(["predict", model[1], "new.csv"]) == 130
    assert capsys.readouterr().err == "\npython -m skmlp predict: stopped\n"
    assert os.listdir() == ["new.csv"]


def test_unknown_categories_are_counted(capsys):
    columns = [ModelColumn("a", np.array(["x", "y"], object)), ModelColumn("b", None)]
    columns.append(ModelColumn("c", np.array([1, 2])))
    unknown = job.Unknown()
    for a, c in (("x", "7"), ("", "1"), ("Wien", "1"), ("Ulm", "z")):
        table = FileTable("f", pd.DataFrame({"a": [a], "b": ["3"], "c": [c]}), True)
        unknown.count(table, typed_frame(table, columns), columns)
    unknown.say()
    said = capsys.readouterr().err.splitlines()
    assert [line.removeprefix("python -m skmlp predict: ") for line in said] == [
        "column 'c': unknown categories, such as '7'; number of rows: 2",
        "column 'a': unknown categories, such as 'Wien'; number of rows: 2",
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_categories_are_read_with_the_types_of_the_model(kind):
    """Codes stay texts, gaps stay gaps, and unknown categories are predicted."""
    frame = mixed()
    frame.to_csv("mixed.csv", index=False)
    assert main(["train", "mixed.csv", "--target", "label"]) == 0
    clf = job.load("skmlp-output/model.npz")
    new = mixed(30, seed=1)
    new.loc[0, ["city", "code", "age"]] = ["Wien", "99", ""]
    if kind == "csv":
        new.to_csv("new.csv", index=False)
    else:  # in a file with types
        new.assign(age=pd.to_numeric(new.age).astype("Int64")).to_parquet("new.parquet")
    assert main(["predict", "skmlp-output/model.npz", f"new.{kind}"]) == 0
    written = pd.read_csv("predictions.csv", index_col="row")
    X = new[clf.feature_names_in_].assign(age=pd.to_numeric(new.age))
    X["city"] = X.city.where(X.city != "", np.nan)
    np.testing.assert_allclose(written.iloc[:, 1:], clf.predict_proba(X), rtol=1e-6)


def test_categories_that_are_numbers():
    """A model that was fitted in Python to a column of integers as categories."""
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"zone": rng.randint(1, 4, 200), "size": rng.rand(200)})
    y = (X.zone == 2).astype(int)
    clf = SoftmaxMLPClassifier(16, categorical_features=["zone"], random_state=0).fit(X, y)
    save(clf, "model.npz")
    X.to_csv("new.csv", index=False)
    assert main(["predict", "model.npz", "new.csv"]) == 0
    written = pd.read_csv("predictions.csv", index_col="row")
    np.testing.assert_allclose(written.iloc[:, 1:], clf.predict_proba(X), rtol=1e-6)
