"""Early stopping by patience."""

from math import inf

import pytest

from skmlp.core.patience import Patience


def epochs_until_over(patience, values):
    for epoch, value in enumerate(values, 1):
        patience.update(value)
        if patience.is_over:
            return epoch
    return None


@pytest.mark.parametrize(
    ("values", "tol", "epochs"),
    [
        ([5, 4, 4, 4, 4, 4], 0.0, 5),
        ([5, 4, 3, 2, 1], 0.0, None),
        ([5, 4.9, 4.8, 4.7, 4.6], 1.0, 4),  # small decreases are no improvement
        ([5, 4.9, 4.8, 3.7, 3.6, 3.5, 3.4], 1.0, 7),
        ([1, 2, 3, 4], 0.0, 4),
        ([5, 4, 5, 3, 5, 5, 2, 9], 0.0, None),
    ],
)
def test_patience(values, tol, epochs):
    assert epochs_until_over(Patience(3, tol), values) == epochs


def test_best_value_without_significant_improvement():
    patience = Patience(10, tol=1.0)
    assert [patience.update(value) for value in (5, 4.5, 4.7, 4.2, 4.2)] == [
        True, True, False, True, False,
    ]  # fmt: skip
    assert patience.best == 4.2


def test_infinite_patience():
    assert epochs_until_over(Patience(inf, 0.0), [1.0] * 1000) is None
