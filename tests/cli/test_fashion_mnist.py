"""python -m skmlp."""

import os
import re
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.image import imread
from sklearn.model_selection import train_test_split

import skmlp.cli.fashion_mnist as job
from skmlp import SoftmaxMLPClassifier, load
from skmlp.datasets import load_fashion_mnist_sample
from skmlp.training.trainer import TrainingRun
from tests.plain import PLAIN

FILES = ["loss_curve.png", "misclassified.png", "model.npz"]
OFFLINE = "Fashion-MNIST is not on this computer, and OpenML did not deliver it (URLError: no)."


def unreachable(*args, **kwargs):
    raise OSError(f"{OFFLINE}\n(a) Three\n(b) ways\n(c) out.")


def not_called(*args, **kwargs):
    raise AssertionError


def written(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _temporary_working_directory(monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))  # do not write into the checkout
    yield
    plt.close("all")


@pytest.fixture
def without_plots(monkeypatch):
    monkeypatch.setattr(job, "find_spec", lambda name: None)  # drawing is slow


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """The output and the folder of a run without data and network."""
    folder, printed = tmp_path_factory.mktemp("offline") / "new" / "out", StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setattr(job, "fetch_fashion_mnist", unreachable)
        assert job.main(["--epochs", "3", "--output", str(folder)]) == 0
    return printed.getvalue(), folder


def test_writes_model_and_plots(offline):
    text, folder = offline
    assert written(folder) == FILES
    assert all(f"Wrote {folder / name}: " in text for name in FILES)
    for name in FILES[:2]:
        height, width, _ = imread(folder / name).shape  # raises if it is not a PNG
        assert 600 < width < 3000
        assert 600 < height < 3000


def test_sample_is_used_offline(offline):
    text, _ = offline
    [line] = [line for line in text.splitlines() if OFFLINE in line]
    assert "sample" in line.removeprefix(OFFLINE)
    assert "(a)" not in text
    assert "Training on 4,000 images, validating on 1,000:" in text


def test_prints_one_line_per_epoch(offline):
    text, _ = offline
    assert len(re.findall(r"^epoch \d/3  loss \d.*validation.* \d", text, re.MULTILINE)) == 3


def test_prints_accuracies_of_the_saved_model(offline):
    text, folder = offline
    clf, train, test = (
        load(folder / "model.npz"),
        load_fashion_mnist_sample(),
        load_fashion_mnist_sample("test"),
    )
    _, X_val, _, y_val = train_test_split(
        train.data, train.target, stratify=train.target, test_size=0.2, random_state=42
    )
    assert f"validation accuracy  {clf.score(X_val / 255, y_val):.4f}\n" in text
    assert f"test accuracy        {clf.score(test.data / 255, test.target):.4f}\n" in text
    assert clf.score(test.data / 255, test.target) > 0.6
    table = text[text.index("precision") :]
    assert all(re.search(rf"^ *{name} +\d", table, re.MULTILINE) for name in test.target_names)


def test_printed_code_runs(offline):
    text, folder = offline
    lines = text[text.index("from skmlp import load") :].split("\n")
    X = load_fashion_mnist_sample("test").data[:20]
    namespace = {"X": X}
    *statements, expression = (line.strip() for line in lines if line)
    exec("\n".join(statements), namespace)
    predicted = eval(expression, namespace)
    np.testing.assert_array_equal(predicted, load(folder / "model.npz").predict(X / 255))


def test_lines_have_at_most_80_characters(offline):
    text, folder = offline
    lines = text.replace(str(folder), "skmlp-output").splitlines()
    ours = [line for line in lines if OFFLINE not in line]
    assert max(map(len, ours)) <= 80


@pytest.mark.usefixtures("without_plots")
def test_full_data_set(monkeypatch, tmp_path, capsys):
    asked = []

    def fetch(subset, *, data_home):
        asked.append((subset, data_home))
        return load_fashion_mnist_sample(subset)

    monkeypatch.setattr(job, "fetch_fashion_mnist", fetch)
    assert job.main(["--data", "somewhere", "--epochs", "1", "--output", str(tmp_path)]) == 0
    assert asked == [("train", "somewhere"), ("test", "somewhere")]
    assert "sample" not in capsys.readouterr().out


def test_damaged_data_raise(monkeypatch, tmp_path):
    def fetch(*args, **kwargs):
        raise ValueError("The train images in x are not the official ones.")

    monkeypatch.setattr(job, "fetch_fashion_mnist", fetch)
    with pytest.raises(SystemExit, match=r"^python -m skmlp: error: The train images in x"):
        job.main(["--output", str(tmp_path)])


@pytest.mark.usefixtures("without_plots")
def test_notebook_recipe(monkeypatch, tmp_path):
    monkeypatch.setattr(job, "fetch_fashion_mnist", not_called)  # --sample is given
    arguments = ["--recipe", "notebook", "--sample", "--epochs", "1", "--seed", "3"]
    assert job.main([*arguments, "--output", str(tmp_path)]) == 0
    expected = SoftmaxMLPClassifier(
        **(PLAIN | {"learning_rate": 0.1, "activation": "logistic"}),
        units=100,
        init="standard_normal",
        solver="sgd",
        momentum=0.0,
        batch_size=256,
        epochs=1,
        random_state=3,
        verbose=1,
    )
    assert load(tmp_path / "model.npz").get_params() == expected.get_params()
    assert job.RECIPES["notebook"]["epochs"] == 40


@pytest.mark.parametrize("recipe", job.RECIPES)
def test_default_arguments_of_recipes(recipe, monkeypatch):
    args = job._parse(["--recipe", recipe])
    assert (args.seed, args.epochs, str(args.output)) == (42, None, "skmlp-output")
    SoftmaxMLPClassifier(**job.RECIPES[recipe])


@pytest.mark.parametrize("below", [False, True])
def test_unwritable_output(below, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(job, "_run", not_called)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SystemExit) as stop:
        job.main(["--output", str(file / "folder" if below else file)])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert re.fullmatch(r"python -m skmlp: error: cannot write to .*file.*: \w.*\n", message)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_output_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SystemExit) as stop:
        job.main(["--output", str(tmp_path)])
    assert stop.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs: must be an integer from 1 to 4294967295, got '0'"),
        (["--epochs", "many"], "--epochs: must be an integer from 1 to 4294967295, got 'many'"),
        (["--seed", "-1"], "--seed: must be an integer from 0 to 4294967295, got '-1'"),
        (["--seed", str(2**32)], "from 0 to 4294967295, got '4294967296'"),
        (["--seed", "9" * 5000], "from 0 to 4294967295, got '999"),
        (["--recipe", "cake"], "--recipe: invalid choice: 'cake'"),
        (["--sample", "--data", "x"], "not allowed with"),
        (["--unknown"], "unrecognized arguments"),
    ],
)
def test_invalid_arguments(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(job, "_run", not_called)
    with pytest.raises(SystemExit) as stop:
        job.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_help(capsys):
    with pytest.raises(SystemExit) as stop:
        job.main(["--help"])
    assert stop.value.code == 0
    assert "{default,best,notebook}" in capsys.readouterr().out


def test_without_matplotlib(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert job.main(["--sample", "--epochs", "1", "--output", str(tmp_path)]) == 0
    assert written(tmp_path) == ["model.npz"]
    first, *others = capsys.readouterr().out.splitlines()
    assert first == 'Figures need matplotlib: pip install "skmlp[plot]"'
    assert not any(".png" in line for line in others)


@pytest.mark.parametrize("n_done", [0, 1])
def test_interrupt_in_training_keeps_completed_epochs(n_done, monkeypatch, tmp_path, capsys):
    end_epoch = TrainingRun.end_epoch

    def interrupted(run, record):
        if run.history.n_epochs == n_done:
            raise KeyboardInterrupt
        return end_epoch(run, record)

    monkeypatch.setattr(TrainingRun, "end_epoch", interrupted)
    assert job.main(["--sample", "--output", str(tmp_path)]) == 0
    assert written(tmp_path) == FILES
    clf = load(tmp_path / "model.npz")
    assert (clf.stop_reason_, clf.n_iter_) == ("interrupted", n_done)
    text = capsys.readouterr().out
    assert f"Interrupted in epoch {n_done + 1}; the model trained so far is kept." in text
    assert "test accuracy" in text


@pytest.mark.usefixtures("without_plots")
def test_interrupt_after_training(monkeypatch, tmp_path, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "save", interrupted)
    assert job.main(["--sample", "--epochs", "1", "--output", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "\npython -m skmlp: stopped\n"
    assert written(tmp_path) == []


@pytest.mark.usefixtures("without_plots")
def test_error_while_saving(monkeypatch, tmp_path):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job, "save", full)
    with pytest.raises(SystemExit, match=r"python -m skmlp: error: .*No space left"):
        job.main(["--sample", "--epochs", "1", "--output", str(tmp_path)])


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_sigint(tmp_path):
    command = [sys.executable, "-m", "skmlp", "--sample", "--epochs", "9999"]
    with subprocess.Popen(
        [*command, "--output", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(job.__file__).parents[2])},
        # Background processes of a shell ignore SIGINT, and children inherit this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as child:
        try:
            assert any(line.startswith("epoch") for line in child.stdout)
            child.send_signal(signal.SIGINT)
            rest, errors = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == 0
    assert errors == ""
    assert "the model trained so far is kept" in rest
    assert written(tmp_path) == FILES
    assert load(tmp_path / "model.npz").stop_reason_ == "interrupted"


def run_in(environment, folder, *arguments, **options):
    """Run the command on the sample in an environment, in a folder; None removes a variable."""
    changed = os.environ | {"PYTHONPATH": str(Path(job.__file__).parents[2])} | environment
    return subprocess.run(
        [sys.executable, "-m", "skmlp", "--sample", "--epochs", "1", *arguments],
        env={name: value for name, value in changed.items() if value is not None},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="file names of POSIX")
def test_output_that_the_encoding_of_stdout_lacks(tmp_path):
    done = run_in({"PYTHONIOENCODING": "cp1252"}, tmp_path, "--output", "한글")
    assert (done.returncode, done.stderr) == (0, b"")
    assert written(tmp_path / "한글") == FILES
    assert rb"Wrote \ud55c\uae00/model.npz" in done.stdout


ENVIRONMENTS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "utf-16": {"PYTHONIOENCODING": "utf-16"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "POSIX": {"LC_ALL": "POSIX", "LANG": None},
    "no such locale": {"LC_ALL": "xx_YY.UTF-8"},
    "no home": {"HOME": None, "USERPROFILE": None},
    "home that does not exist": {"HOME": "/no/such/folder"},
    "home that is no folder": {"HOME": "/dev/null"},
    "no folder of matplotlib": {"MPLCONFIGDIR": "/dev/null"},
    "another backend": {"MPLBACKEND": "qtagg"},
    "no display": {"DISPLAY": None, "MPLBACKEND": None},
    "no temporary folder": {"TMPDIR": "/no/such/folder"},
    "narrow": {"COLUMNS": "10", "LINES": "2"},
    "dumb": {"TERM": "dumb", "NO_COLOR": "1"},
    "without docstrings": {"PYTHONOPTIMIZE": "2"},
    "warnings are errors": {"PYTHONWARNINGS": "error"},
    "developer": {"PYTHONDEVMODE": "1"},
    "unbuffered": {"PYTHONUNBUFFERED": "1"},
    "no bytecode": {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"},
    "one thread": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    "another working memory": {"SKLEARN_WORKING_MEMORY": "1"},
    "no PATH": {"PATH": None},
}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="environments of POSIX")
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment(name, tmp_path):
    done = run_in(ENVIRONMENTS[name], tmp_path, "--output", "한글 [x]{}")
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert written(tmp_path / "한글 [x]{}") == FILES


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a full device")
def test_output_stream_that_is_full_or_closed(tmp_path):
    with open("/dev/full", "wb") as full:
        done = run_in({}, tmp_path, stdout=full)
    assert done.returncode != 0
    assert b"No space left on device" in done.stderr
    done = run_in({}, tmp_path, stdout=None, preexec_fn=lambda: os.close(1))
    assert done.returncode == 0, done.stderr
    assert written(tmp_path / "skmlp-output") == FILES
