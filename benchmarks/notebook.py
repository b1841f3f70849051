"""The notebook's recipe: our epoch beside its own loop's and MLPClassifier's, in one run.

    python -m benchmarks.notebook [--epochs N]

784-100-10, logistic, SGD without momentum, batches of 256, 48,000 images of Fashion-MNIST
(of the sample, if there is no more). The contestants take turns, an epoch each; the figures
are medians over the epochs, and what our estimator does besides training (checking,
encoding) is in ours.
"""

import argparse
import os
import platform
from statistics import median
from time import perf_counter

import numpy as np
import sklearn
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import fetch_fashion_mnist, load_fashion_mnist_sample
from tests import notebook_loop

SETTINGS = {"batch_size": 256, "random_state": 42}


def training_rows():
    """The notebook's 48,000 training rows, scaled to [0, 1]."""
    try:
        X, y = fetch_fashion_mnist(return_X_y=True, download_if_missing=False)
    except OSError:
        X, y = load_fashion_mnist_sample(return_X_y=True)
    X_train, _, y_train, _ = train_test_split(X, y, stratify=y, test_size=0.2, random_state=42)
    return X_train / 255, y_train


def notebook_epoch(X, Y):
    """An epoch of the notebook's loop."""
    settings = {"units": 100, "batch_size": 256, "learning_rate": 0.1, "epochs": 1, "seed": 42}
    for _ in notebook_loop.steps(X, Y, **settings, mended=True):
        pass


def our_epoch(X, y):
    """An epoch of SoftmaxMLPClassifier, the whole call of fit."""
    SoftmaxMLPClassifier(
        units=100, activation="logistic", init="standard_normal", solver="sgd",
        learning_rate=0.1, momentum=0.0, epochs=1, **SETTINGS,
    ).fit(X, y)  # fmt: skip


def peers_epoch(X, y):
    """An epoch of MLPClassifier, the whole call of partial_fit."""
    MLPClassifier(
        (100,), activation="logistic", solver="sgd", learning_rate_init=0.1, momentum=0.0,
        alpha=0.0, **SETTINGS,
    ).partial_fit(X, y, classes=np.arange(10))  # fmt: skip


def main():
    """Print a table of seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=7)
    n_epochs = parser.parse_args().epochs
    X, y = training_rows()
    X32, Y = X.astype(np.float32), np.eye(10)[y]
    contestants = {
        "notebook's loop, float64": lambda: notebook_epoch(X, Y),
        "MLPClassifier, float64": lambda: peers_epoch(X, y),
        "MLPClassifier, float32": lambda: peers_epoch(X32, y),
        "skmlp, float64": lambda: our_epoch(X, y),
        "skmlp, float32": lambda: our_epoch(X32, y),
    }
    seconds = {name: [] for name in contestants}
    for _ in range(n_epochs + 1):
        for name, run in contestants.items():
            started = perf_counter()
            run()
            seconds[name].append(perf_counter() - started)
    medians = {name: median(values[1:]) for name, values in seconds.items()}  # 1 to warm up
    print(
        f"{len(X):,} rows; median of {n_epochs} epochs; {os.cpu_count()} processors, "
        f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}"
    )
    print(f"{'seconds an epoch':26} {'median':>8} {'against skmlp, float32':>24}")
    for name, value in medians.items():
        print(f"{name:26} {value:8.3f} {value / medians['skmlp, float32']:23.1f}x")


if __name__ == "__main__":
    main()
