import os

import numpy as np
import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")  # figures are drawn to files, never to a screen

# No test fails because a machine is slow, and CI draws the same examples each time.
settings.register_profile("skmlp", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("skmlp")


@pytest.fixture
def rng():
    return np.random.RandomState(0)
