import os

import numpy as np
import pytest
from hypothesis import settings
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

os.environ.setdefault("MPLBACKEND", "Agg")  # figures are drawn to files, never to a screen

# No test fails because a machine is slow, and CI draws the same examples each time.
settings.register_profile("skmlp", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("skmlp")


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture(scope="module")
def digits():
    """X_train, X_test, y_train, y_test."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, random_state=0, stratify=y)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="session")
def pyplot():
    """Imported before a test can pretend that it is missing."""
    import matplotlib.pyplot as plt

    return plt


@pytest.fixture
def no_figure_left_open(pyplot):
    pyplot.close("all")
    yield
    pyplot.close("all")
