"""Train a model on Fashion-MNIST, score it, and save the model and two figures."""

import argparse
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

from skmlp.cli.commands import PROG, cannot_write, integer_from, run_command
from skmlp.datasets import fetch_fashion_mnist, load_fashion_mnist_sample
from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.persistence import save
from skmlp.estimators.presets import NO_SELECTION, PRESETS
from skmlp.io._atomic import write_atomically
from skmlp.plotting import ImageGridDisplay, LossCurveDisplay

__all__ = ["RECIPES", "main"]

_PLAIN: dict[str, Any] = NO_SELECTION | {"n_bins": None, "dropout": 0.0}
RECIPES: dict[str, dict[str, Any]] = {
    # Chosen by validation accuracy among about 30 settings that train for a minute on 2 cores.
    "default": _PLAIN
    | {
        "units": (512, 256),
        "activation": "relu",
        "standardize": False,
        "label_smoothing": 0.0,
        "solver": "adam",
        "learning_rate": 0.001,
        "schedule": "one_cycle",
        "batch_size": 128,
        "l2": 1e-4,
        "epochs": 20,
    },
    "best": dict(PRESETS["fashion_mnist"]),
    "notebook": _PLAIN
    | {
        "units": 100,
        "activation": "logistic",
        "init": "standard_normal",
        "standardize": False,
        "l2": 0.0,
        "label_smoothing": 0.0,
        "solver": "sgd",
        "schedule": "constant",
        "momentum": 0.0,
        "learning_rate": 0.1,
        "batch_size": 256,
        "epochs": 40,
    },
}

_EPILOG = f"For your own file: {PROG} train --help, {PROG} predict --help."
_USE = """
To use the model on images X of shape (n, 784), pixels from 0 to 255:

    from skmlp import load

    clf = load({path!r})
    clf.predict(X / 255)"""


def main(argv: list[str] | None = None) -> int:
    """Run the command ``python -m skmlp``.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments. If None, those of the command line.

    Returns
    -------
    code : int
        0 on success, also with the model trained before Ctrl-C; 130 if Ctrl-C comes before or after
        training.

    Raises
    ------
    SystemExit
        With code 2 for invalid arguments; with a message if data are damaged or a result
        cannot be written.
    """
    args = _parse(argv)
    return run_command(PROG, lambda: _run(args))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    """Return the arguments; exit if they are invalid or --output is not writable."""
    parser = argparse.ArgumentParser(
        prog=PROG,
        description="Train a softmax multilayer perceptron on Fashion-MNIST, score it, and "
        "write the model and two figures. After Ctrl-C, the model trained so far is used.",
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("--recipe", choices=RECIPES, default="default", help="the model to train")
    add("--output", type=Path, metavar="DIR", help="output folder (default: skmlp-output)")
    add("--epochs", type=integer_from(1), metavar="N", help="number of epochs")
    add("--seed", type=integer_from(0), metavar="N", help="random seed (default: 42)")
    add = parser.add_mutually_exclusive_group().add_argument
    add("--data", metavar="DIR", help="folder of the data, also for downloads")
    add("--sample", action="store_true", help="train on the sample of 5,000 images in skmlp")
    parser.set_defaults(output=Path("skmlp-output"), seed=42)
    args = parser.parse_args(argv)
    if message := cannot_write(args.output):
        parser.exit(2, f"{PROG}: error: {message}\n")
    return args


def _run(args: argparse.Namespace) -> None:
    """Load the data, train and score a model, write the results."""
    has_matplotlib = find_spec("matplotlib") is not None
    if not has_matplotlib:
        print('Figures need matplotlib: pip install "skmlp[plot]"')
    train, test = _load(args)
    clf = _train(args, train)
    proba = clf.predict_proba(_scaled(test.data))
    y_pred = clf.classes_[proba.argmax(axis=1)]
    print(f"test accuracy        {np.mean(y_pred == test.target):.4f}\n")
    names = test.target_names
    # zero_division: no warning if an interrupted model never predicts some class.
    print(classification_report(test.target, y_pred, target_names=names, zero_division=0))

    path = args.output / "model.npz"
    save(clf, path)
    print(f"Wrote {path}: the fitted model", flush=True)
    if has_matplotlib:
        curves = LossCurveDisplay.from_estimator(clf)
        _draw(curves, args.output / "loss_curve.png", "training and validation loss")
        images = ImageGridDisplay.from_predictions(
            test.data, test.target, y_pred, target_names=names, proba=proba
        )
        _draw(images, args.output / "misclassified.png", "misclassified test images")
    print(_USE.format(path=str(path)))


def _load(args: argparse.Namespace) -> list[Any]:
    """Return training and test images, of the full data set or of the sample."""
    subsets = ("train", "test")
    if not args.sample:
        print("Loading Fashion-MNIST ...", flush=True)
        try:
            return [fetch_fashion_mnist(subset, data_home=args.data) for subset in subsets]
        except ValueError as error:
            raise SystemExit(f"{PROG}: error: {error}") from error
        except OSError as error:
            reason = str(error).partition("\n")[0]
            print(f"{reason} Using the sample in skmlp; run this once while online for all data.")
    return [load_fashion_mnist_sample(subset) for subset in subsets]


def _scaled(pixels: np.ndarray) -> np.ndarray:
    """Return pixels in [0, 1] as float32."""
    return pixels / np.float32(255)


def _train(args: argparse.Namespace, data: Any) -> SoftmaxMLPClassifier:
    """Return the fitted model; print progress, time and validation accuracy."""
    # The split of the tutorial notebook; it does not depend on --seed.
    X, X_val, y, y_val = train_test_split(
        _scaled(data.data), data.target, stratify=data.target, test_size=0.2, random_state=42
    )
    params = RECIPES[args.recipe] | ({"epochs": args.epochs} if args.epochs else {})
    clf = SoftmaxMLPClassifier(**params, random_state=args.seed, verbose=1)
    print(f"Training on {len(X):,} images, validating on {len(X_val):,}:\n{clf}", flush=True)
    started = perf_counter()
    try:
        clf.fit(X, y, X_val=X_val, y_val=y_val)
    except KeyboardInterrupt:
        if not hasattr(clf, "theta_"):  # not trained yet
            raise
        print(f"\nInterrupted in epoch {clf.n_iter_ + 1}; the model trained so far is kept.")
    seconds = perf_counter() - started
    print(f"Trained for {seconds:.1f} s.\n\nvalidation accuracy  {clf.score(X_val, y_val):.4f}")
    return clf


def _draw(display: Any, path: Path, contents: str) -> None:
    """Write a display's figure to a PNG file, and print its path."""
    write_atomically(path, lambda file: display.figure_.savefig(file, format="png", dpi=150))
    print(f"Wrote {path}: {contents}", flush=True)
