"""Labels that are missing or of mixed kinds: one message for all containers."""

import numpy as np
import pytest

from skmlp.data.checks import check_rows

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

WORDS, CODES = ["a", "b", None, "a", "b", None], [0.0, 1.0, np.nan, 0.0, 1.0, np.nan]


@pytest.mark.parametrize(
    "y",
    [
        WORDS,
        CODES,
        np.array(WORDS, object),
        np.array(CODES)[:, None],
        [0, 1, None, 0, 1, None],
        ["a", "b", np.nan, "a", "b", np.nan],
        pd.Series(WORDS),
        pd.Series(WORDS, dtype=object),
        pd.Series(WORDS, dtype="string"),
        pd.Series(WORDS, dtype="category"),
        pd.Series(CODES, dtype="category"),
        pd.Series(CODES).astype("Int64"),
        pd.Series(CODES).astype("boolean"),
        pd.DataFrame({"label": WORDS}),
        pl.Series(WORDS),
        pl.Series(WORDS, dtype=pl.Categorical),
        pl.Series([0, 1, None, 0, 1, None]),
        pa.chunked_array([WORDS]),
    ],
    ids=lambda y: f"{type(y).__module__}.{getattr(y, 'dtype', type(y).__name__)}",
)
def test_missing_labels(y):
    message = "Input y contains NaN or None: 2 of 6 labels are missing, the first in row 2. Drop"
    with pytest.raises(ValueError, match=message):
        check_rows(np.eye(6), y)
    with pytest.raises(ValueError, match=r"2 of 6 labels are missing in one part\. Drop"):
        check_rows(np.eye(6), y, is_part=True)


def test_the_remedies_for_labels_work():
    X, y = np.eye(6), pd.Series(WORDS, dtype=object)
    assert check_rows(X[y.notna()], y[y.notna()]).y.tolist() == ["a", "b", "a", "b"]
    mixed = pd.Series(["a", 1] * 3)
    with pytest.raises(ValueError, match="mixes strings and numbers"):
        check_rows(X, mixed)
    assert check_rows(X, mixed.astype(str)).y.tolist() == ["a", "1"] * 3
