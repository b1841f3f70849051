"""The notebook's recipe: our training beside its own loop's and MLPClassifier's, in one run.

    python -m benchmarks.notebook [--turns N] [--epochs N]

784-100-10, logistic, SGD without momentum, batches of 256, 48,000 images of Fashion-MNIST
(of the sample, if there is no more). The contestants take turns, some epochs each; the
figures are medians over the turns, checks and encoding included.
"""

import argparse
import os
import platform
import warnings
from functools import partial
from statistics import median
from time import perf_counter

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skmlp import SoftmaxMLPClassifier
from skmlp.__main__ import RECIPES
from skmlp.datasets import fetch_fashion_mnist, load_fashion_mnist_sample
from tests import notebook_loop


def training_rows():
    """The notebook's 48,000 training rows, scaled to [0, 1]."""
    try:
        X, y = fetch_fashion_mnist(return_X_y=True, download_if_missing=False)
    except OSError:
        X, y = load_fashion_mnist_sample(return_X_y=True)
    X_train, _, y_train, _ = train_test_split(X, y, stratify=y, test_size=0.2, random_state=42)
    return X_train / 255, y_train


def notebook(X, Y, epochs):
    """The notebook's loop."""
    settings = {"units": 100, "batch_size": 256, "learning_rate": 0.1, "seed": 42}
    for _ in notebook_loop.steps(X, Y, epochs=epochs, **settings, mended=True):
        pass


def ours(X, y, epochs):
    """SoftmaxMLPClassifier."""
    params = RECIPES["notebook"] | {"epochs": epochs}
    SoftmaxMLPClassifier(**params, random_state=42).fit(X, y)


def peer(X, y, epochs):
    """MLPClassifier, which warns that it did only the epochs it was asked for."""
    clf = MLPClassifier(
        (100,), activation="logistic", solver="sgd", learning_rate_init=0.1, momentum=0.0,
        alpha=0.0, batch_size=256, max_iter=epochs, random_state=42,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, y)


def main():
    """Print a table of seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=5, help="in a turn")
    args = parser.parse_args()
    X, y = training_rows()
    X32, Y = X.astype(np.float32), np.eye(10)[y]
    contestants = {
        "notebook's loop, float64": partial(notebook, X, Y),
        "MLPClassifier, float64": partial(peer, X, y),
        "MLPClassifier, float32": partial(peer, X32, y),
        "skmlp, float64": partial(ours, X, y),
        "skmlp, float32": partial(ours, X32, y),
    }
    seconds = {name: [] for name in contestants}
    for turn in range(args.turns + 1):
        for name, train in contestants.items():
            started = perf_counter()
            train(args.epochs)
            if turn > 0:  # the first is to warm up
                seconds[name].append((perf_counter() - started) / args.epochs)
    medians = {name: median(values) for name, values in seconds.items()}
    print(
        f"{len(X):,} rows; median of {args.turns} turns of {args.epochs} epochs; "
        f"{os.cpu_count()} processors, "
        f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}"
    )
    print(f"{'seconds an epoch':26} {'median':>8} {'against skmlp, float32':>24}")
    for name, value in medians.items():
        print(f"{name:26} {value:8.3f} {value / medians['skmlp, float32']:23.1f}x")


if __name__ == "__main__":
    main()
