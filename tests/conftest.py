import os

import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")  # figures are drawn to files, never to a screen


@pytest.fixture
def rng():
    return np.random.RandomState(0)
