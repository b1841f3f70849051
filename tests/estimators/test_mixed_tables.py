"""Rows with categories and gaps: the same network as behind a ColumnTransformer."""

import pickle
import re
from contextlib import nullcontext
from copy import copy, deepcopy

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from skmlp import (
    PopulationGridSearchCV,
    SoftmaxMLPClassifier,
    SoftmaxMLPEnsembleClassifier,
    load,
    save,
)
from skmlp.callbacks import Checkpoint

NUMBERS, CATEGORIES = ["age", "income", "score"], ["town", "colour", "answer"]


def mixed_table(n, seed, *, levels=12):
    """Return a frame of three numbers, two with gaps, and three categories, and labels."""
    rng = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "age": rng.randint(18, 90, n).astype(float),
            "income": np.exp(rng.normal(8, 1, n)),
            "score": rng.normal(size=n),
            # Some towns are rare; answers may be missing.
            "town": rng.choice([f"t{i}" for i in range(levels)], n, p=_decreasing(levels)),
            "colour": rng.choice(["red", "green", "blue"], n),
            "answer": rng.choice(["no", "yes", None], n, p=[0.5, 0.4, 0.1]),
        }
    )[["town", "age", "colour", "income", "score", "answer"]]
    signal = (frame.colour == "red") + frame.score - 0.02 * frame.age + (frame.town == "t1")
    y = np.digitize(signal + rng.normal(0, 0.5, n), signal.quantile([0.4, 0.8]))
    frame.loc[rng.random_sample(n) < 0.2, "age"] = np.nan
    frame.loc[rng.random_sample(n) < 0.6, "score"] = np.nan
    return frame, y


def _decreasing(n):
    p = 0.6 ** np.arange(n)
    return p / p.sum()


def long_way(clf, centre, min_frequency):
    """Return a pipeline of scikit-learn's transformers and the network."""
    impute = [
        ("numbers", _imputer(NUMBERS, centre), NUMBERS),
        ("gaps", _indicators(), ["age", "score"]),
    ]
    encoder = OneHotEncoder(
        min_frequency=min_frequency, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    encode = [("levels", encoder, ["town", "colour", "answer"])]
    transformer = ColumnTransformer(impute + encode, verbose_feature_names_out=False)
    return make_pipeline(transformer, clf)


def _imputer(names, centre):
    return ColumnTransformer(
        [
            (name, SimpleImputer(strategy="constant", fill_value=value), [name])
            for name, value in zip(names, centre, strict=True)
        ]
    )


def _indicators():
    return FunctionTransformer(lambda X: X.isna().to_numpy().astype(float))


CONFIGURATIONS = {
    "defaults": {},
    "few epochs": {"epochs": 3, "early_stopping": False, "averaging": 0.0},
    "no bins": {"n_bins": None, "epochs": 3},
    "raw": {"standardize": False, "epochs": 3, "early_stopping": False, "learning_rate": 1e-4},
    "sgd l1 l2": {"solver": "sgd", "l1": 1e-3, "l2": 1e-2, "epochs": 4, "schedule": "constant"},
    "lbfgs": {"solver": "lbfgs", "epochs": 8, "l2": 1e-3, "units": (7,)},
    "lbfgs l1": {"solver": "lbfgs", "epochs": 8, "l1": 1e-3, "units": ()},
    "softmax": {"units": (), "epochs": 4},
    "dropout": {"units": (60,), "dropout": 0.3, "epochs": 4},
    "every category": {"min_frequency": 1, "epochs": 3},
    "rare at 10 %": {"min_frequency": 0.1, "epochs": 3},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_equals_the_long_way(name):
    frame, y = mixed_table(700, 0)
    held_out, y_val = mixed_table(300, 1, levels=14)  # with towns that training has not seen
    params = {"random_state": 3, "units": (16, 8), "dtype": "float64"} | CONFIGURATIONS[name]
    clf = SoftmaxMLPClassifier(**params)
    clf.fit(frame, y, X_val=held_out, y_val=y_val)
    centre = clf._network.encoding.centre[:3]
    order = [list(frame[NUMBERS].columns).index(c) for c in NUMBERS]
    plain = SoftmaxMLPClassifier(**params)
    pipeline = long_way(plain, centre[order], clf.min_frequency)
    transformer = pipeline[0].fit(frame)
    plain.fit(transformer.transform(frame), y, X_val=transformer.transform(held_out), y_val=y_val)
    np.testing.assert_allclose(
        clf.predict_proba(held_out),
        pipeline[1].predict_proba(transformer.transform(held_out)),
        rtol=0,
        atol=1e-6,
    )
    assert clf.coefs_[0].shape == plain.coefs_[0].shape
    np.testing.assert_allclose(clf.coefs_[0], plain.coefs_[0], rtol=1e-5, atol=1e-6)


def frame_kinds(frame):
    """Return the same table in the kinds of frames that people have."""
    import polars as pl
    import pyarrow as pa

    strings = dict.fromkeys(CATEGORIES, "category")
    return {
        "category": frame.astype(strings),
        "string": frame.astype(dict.fromkeys(CATEGORIES, "string")),
        "nullable": frame.convert_dtypes(),
        "pyarrow dtypes": frame.convert_dtypes(dtype_backend="pyarrow"),
        "polars": pl.from_pandas(frame),
        "polars categorical": pl.from_pandas(frame.astype(strings)),
        "pyarrow": pa.Table.from_pandas(frame, preserve_index=False),
    }


def test_all_kinds_of_frames_are_the_same():
    frame, y = mixed_table(400, 0)
    clf = SoftmaxMLPClassifier((8,), epochs=3, random_state=0).fit(frame, y)
    expected = clf.predict_proba(frame)
    for name, same in frame_kinds(frame).items():
        other = SoftmaxMLPClassifier((8,), epochs=3, random_state=0).fit(same, y)
        assert other.feature_names_in_.tolist() == list(frame), name
        for left, right in zip(other.categories_, clf.categories_, strict=True):
            assert (left is None) == (right is None)
            if left is not None:
                assert left.tolist() == right.tolist(), name
        np.testing.assert_array_equal(other.predict_proba(same), expected, err_msg=name)
        np.testing.assert_array_equal(clf.predict_proba(same), expected, err_msg=name)


def test_arrays_with_marked_columns():
    frame, y = mixed_table(400, 0)
    clf = SoftmaxMLPClassifier((8,), epochs=3, random_state=0).fit(frame, y)
    array = frame.to_numpy(object)
    for marked in ([0, 2, 5], [True, False, True, False, False, True]):
        other = SoftmaxMLPClassifier(
            (8,), epochs=3, random_state=0, categorical_features=marked
        ).fit(array, y)
        assert other.is_categorical_.tolist() == [True, False, True, False, False, True]
        np.testing.assert_array_equal(other.predict_proba(array), clf.predict_proba(frame))
        np.testing.assert_array_equal(
            other.predict_proba(frame.to_numpy(object).tolist()), clf.predict_proba(frame)
        )
    # Numbers that are names of groups: equal to the same numbers as strings, sorted likewise.
    codes = frame.assign(town=frame.town.str[1:].astype(int).to_numpy())[["town", "income"]]
    by_number = SoftmaxMLPClassifier(
        (8,), epochs=3, random_state=0, categorical_features=["town"]
    ).fit(codes, y)
    padded = codes.assign(town=codes.town.map("{:03d}".format))
    by_string = SoftmaxMLPClassifier((8,), epochs=3, random_state=0).fit(padded, y)
    assert by_number.categories_[0].dtype.kind == "i"
    np.testing.assert_array_equal(by_number.predict_proba(codes), by_string.predict_proba(padded))
    of_array = SoftmaxMLPClassifier((8,), epochs=3, random_state=0, categorical_features=[0]).fit(
        codes.to_numpy(), y
    )
    np.testing.assert_allclose(
        of_array.predict_proba(codes.to_numpy()), by_number.predict_proba(codes), atol=1e-12
    )


@pytest.mark.parametrize("dtype", ["U", "T", object])
def test_arrays_of_strings_alone(dtype):
    frame, y = mixed_table(200, 0)
    only = frame[["town", "colour"]]
    dtype = np.dtypes.StringDType() if dtype == "T" else dtype
    array = only.to_numpy(object).astype(dtype)
    clf = SoftmaxMLPClassifier((4,), epochs=2, random_state=0).fit(only, y)
    other = SoftmaxMLPClassifier((4,), epochs=2, random_state=0, categorical_features=[0, 1])
    other.fit(array, y)
    np.testing.assert_array_equal(other.predict_proba(array), clf.predict_proba(only))


def test_arrays_that_are_no_tables():
    frame, y = mixed_table(100, 0)
    clf = SoftmaxMLPClassifier((4,), epochs=2, categorical_features=[0])
    array = np.column_stack([frame.town.str[1:].astype(int), frame.income])
    for bad in (array[:, 0], array[:, 0].tolist(), [[1, 2], [1]], {"a": [1]}, None, "town", []):
        with pytest.raises(ValueError, match="Expected 2D array"):
            clf.fit(bad, y)
    mask = np.zeros_like(array, bool)
    for column in (0, 1):  # of categories, of numbers
        masked = np.ma.array(array, mask=mask)
        masked[3, column] = np.ma.masked
        with pytest.raises(ValueError, match="X has masked entries"):
            clf.fit(masked, y)
    clf.fit(array, y)
    with pytest.raises(ValueError, match="Expected 2D array"):
        clf.predict(array[0])


def test_objects_in_marked_arrays():
    frame, y = mixed_table(200, 0)
    clf = SoftmaxMLPClassifier((4,), epochs=2, random_state=0).fit(frame, y)
    marked = SoftmaxMLPClassifier(
        (4,), epochs=2, random_state=0, categorical_features=[0, 2, 5], dtype="float64"
    )
    nullable = frame.astype({"age": "Int64", "score": "Float64"}).to_numpy(object)  # with NA
    marked.fit(nullable, y)
    np.testing.assert_array_equal(marked.predict_proba(nullable), clf.predict_proba(frame))
    array = frame.to_numpy(object)
    array[3, 1] = "unknown"
    with pytest.raises(ValueError, match=r"Column 1 holds strings: select it by .* in fit"):
        marked.fit(array, y)
    array[3, 1] = {}
    with pytest.raises(ValueError, match="Column 1 holds values that are not numbers"):
        marked.predict(array)
    with pytest.raises(ValueError, match=r"could not convert.*select them by categorical_features"):
        clone(clf).fit(array, y)


def test_sparse_columns_beside_others():
    frame, y = mixed_table(200, 0)
    clf = SoftmaxMLPClassifier((4,), epochs=2, random_state=0).fit(frame, y)
    for fill in (np.nan, 0.0):
        mixed = frame.assign(score=frame.score.astype(pd.SparseDtype(float, fill)))
        other = SoftmaxMLPClassifier((4,), epochs=2, random_state=0).fit(mixed, y)
        np.testing.assert_array_equal(other.predict_proba(mixed), clf.predict_proba(frame))
    numbers = frame[NUMBERS]
    clf.fit(numbers, y)
    for fill in (np.nan, 0.0):
        of_sparse = numbers.astype(pd.SparseDtype(float, fill))
        other = SoftmaxMLPClassifier((4,), epochs=2, random_state=0).fit(of_sparse, y)
        np.testing.assert_allclose(
            other.predict_proba(of_sparse), clf.predict_proba(numbers), atol=1e-6
        )


def test_plain_object_arrays_are_numbers():
    X = np.array([[1, 2.5], [None, 1], [3, 4], [0, 2]] * 20, object)
    clf = SoftmaxMLPClassifier((4,), epochs=2, random_state=0).fit(X, [0, 1, 1, 0] * 20)
    assert not clf.is_categorical_.any()
    assert clf.encoded_feature_names_.tolist() == ["x0", "x1", "missingindicator_x0"]


def test_attributes_are_those_of_the_encoder():
    frame, y = mixed_table(700, 0)
    clf = SoftmaxMLPClassifier((8,), epochs=2, random_state=0, n_bins=4, min_frequency=20)
    clf.fit(frame, y)
    encoder = OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist")
    encoder.fit(frame[["town", "colour", "answer"]])
    columns = np.flatnonzero(clf.is_categorical_)
    for j, theirs in zip(columns, encoder.categories_, strict=True):
        ours = clf.categories_[j]
        assert [c for c in ours if c is not None] == [c for c in theirs if isinstance(c, str)]
    assert clf.categories_[5].tolist() == ["no", "yes", None]
    assert clf.infrequent_categories_[0].tolist() == encoder.infrequent_categories_[0].tolist()
    assert clf.infrequent_categories_[2] is None
    assert clf.categories_[1] is None
    names = clf.encoded_feature_names_.tolist()
    assert len(names) == len(clf.coefs_[0])
    assert names[:5] == [
        "age", "income", "score", "missingindicator_age", "missingindicator_score"
    ]  # fmt: skip
    theirs = encoder.get_feature_names_out().tolist()
    expected = [name.replace("_sklearn", "").replace("_nan", "_missing") for name in theirs]
    expected = [name.replace("_None", "_missing") for name in expected]
    assert names[5 : 5 + len(theirs)] == expected
    assert names[-1] == "score_bin1"  # most scores are missing, so that quantiles are equal
    assert "income_bin3" in names


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights_are_repeated_rows(solver):
    frame, y = mixed_table(300, 0)
    w = np.random.RandomState(0).randint(0, 3, 300)
    params = {"epochs": 4, "random_state": 0, "units": (6,), "solver": solver, "n_bins": None,
              "dtype": "float64", "min_frequency": 0.05, "l2": 1e-3, "dropout": 0.0}  # fmt: skip
    if solver == "adam":  # all rows are a batch, so that their order does not matter
        params |= {"batch_size": 10**4, "early_stopping": False}
    with pytest.warns(UserWarning, match="clipped") if solver == "adam" else nullcontext():
        weighted = SoftmaxMLPClassifier(**params).fit(frame, y, sample_weight=w)
        repeated = SoftmaxMLPClassifier(**params).fit(
            frame.loc[frame.index.repeat(w)], np.repeat(y, w)
        )
    assert weighted.infrequent_categories_[0].tolist() == (
        repeated.infrequent_categories_[0].tolist()
    )
    np.testing.assert_allclose(
        weighted.predict_proba(frame), repeated.predict_proba(frame), atol=1e-6
    )


@pytest.mark.parametrize("min_frequency", [0.1, 5])
@pytest.mark.parametrize("unit", [1e308, 1e-322])
def test_the_unit_of_weights_does_not_matter(min_frequency, unit):
    frame, y = mixed_table(400, 0)
    params = {"units": (4,), "epochs": 2, "random_state": 0, "min_frequency": min_frequency}
    clf = SoftmaxMLPClassifier(**params).fit(frame, y)
    weighted = SoftmaxMLPClassifier(**params).fit(frame, y, sample_weight=np.full(400, unit))
    np.testing.assert_allclose(weighted.predict_proba(frame), clf.predict_proba(frame), atol=1e-6)


def test_rows_of_weight_0_have_no_categories():
    frame, y = mixed_table(300, 0)
    frame.loc[0, "town"] = "nowhere"
    w = np.ones(300)
    w[0] = 0
    clf = SoftmaxMLPClassifier((4,), epochs=2).fit(frame, y, sample_weight=w)
    assert "nowhere" not in clf.categories_[0]


def test_gaps_only_in_prediction_are_the_mean():
    frame, y = mixed_table(400, 0)
    clf = SoftmaxMLPClassifier((8,), epochs=5, random_state=0, early_stopping=False)
    clf.fit(frame, y)
    gap, mean = frame.assign(income=np.nan), frame.assign(income=frame.income.mean())
    np.testing.assert_allclose(clf.predict_proba(gap), clf.predict_proba(mean), atol=1e-9)
    assert "missingindicator_income" not in clf.encoded_feature_names_


def test_unknown_categories():
    frame, y = mixed_table(400, 0)
    rare = SoftmaxMLPClassifier((8,), epochs=3, random_state=0, min_frequency=30).fit(frame, y)
    unknown = rare.predict_proba(frame.assign(town="elsewhere"))
    infrequent = rare.predict_proba(frame.assign(town=rare.infrequent_categories_[0][0]))
    np.testing.assert_array_equal(unknown, infrequent)
    every = SoftmaxMLPClassifier((8,), epochs=3, random_state=0, min_frequency=1).fit(frame, y)
    with_row = every.predict_proba(frame.assign(colour="red"))
    without = every.predict_proba(frame.assign(colour="purple"))
    assert np.abs(with_row - without).max() > 1e-3
    names = every.encoded_feature_names_.tolist()
    every.coefs_[0][names.index("colour_red")] = 0.0  # contributes nothing, as an unknown one
    np.testing.assert_allclose(every.predict_proba(frame.assign(colour="red")), without, atol=1e-12)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("params", [{}, {"n_bins": None}, {"solver": "lbfgs", "epochs": 9}])
def test_gaps_in_sparse_rows(rng, container, params):
    X = rng.normal(3, 1, (400, 5)) * (rng.rand(400, 5) < 0.4)
    X[:, 4] += 100.0  # dense, and far from 0
    y = (X[:, 0] > 0).astype(int)
    X[rng.rand(400, 5) < 0.1] = np.nan
    X[:, 3] = np.nan_to_num(X[:, 3])
    params = {"units": (8,), "epochs": 4, "random_state": 0, "dtype": "float64"} | params
    dense, of_sparse = (SoftmaxMLPClassifier(**params) for _ in range(2))
    dense.fit(X, y)
    of_sparse.fit(container(X), y)
    assert dense._encoding["gaps"].tolist() == [0, 1, 2, 4]
    np.testing.assert_allclose(of_sparse.theta_, dense.theta_, atol=1e-6)
    for rows in (X, container(X)):
        np.testing.assert_allclose(of_sparse.predict_proba(rows), dense.predict_proba(X), atol=1e-6)


def test_memory_maps_with_gaps(rng, tmp_path):
    X = rng.normal(size=(500, 4))
    y = (X[:, 1] > 0).astype(int)
    X[rng.rand(500, 4) < 0.2] = np.nan
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    params = {"units": (8,), "epochs": 3, "random_state": 0}
    ours = SoftmaxMLPClassifier(**params).fit(mapped, y)
    expected = SoftmaxMLPClassifier(**params).fit(X, y)
    np.testing.assert_array_equal(ours.theta_, expected.theta_)
    np.testing.assert_array_equal(mapped, X)


def test_columns_of_gaps_alone_have_no_influence(rng):
    X = rng.normal(size=(200, 3))
    X[:, 1] = np.nan
    y = (X[:, 0] > 0).astype(int)
    clf = SoftmaxMLPClassifier((8,), epochs=3, random_state=0).fit(X, y)
    other = X.copy()
    other[:, 1] = 7.0
    np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(other))
    assert np.isfinite(clf.predict_proba(X)).all()


@pytest.mark.parametrize("seed", range(6))
def test_columns_of_one_level_have_no_influence(seed):
    # Sums of such weights are rounded, but a level of all rows has a share of exactly 1.
    rng = np.random.RandomState(seed)
    frame, y = mixed_table(250, seed)
    frame = frame.assign(colour="red", answer=None).astype({"answer": "str"})
    w = rng.choice([0.1, 0.7, 1.3], 250)
    clf = SoftmaxMLPClassifier((8,), epochs=2, random_state=0).fit(frame, y, sample_weight=w)
    other = frame.assign(colour="blue", answer="yes")
    np.testing.assert_array_equal(clf.predict_proba(other), clf.predict_proba(frame))


def test_streams():
    frame, y = mixed_table(600, 0)
    towns = pd.CategoricalDtype([f"t{i}" for i in range(20)])
    stream = frame.astype({"town": towns})
    clf = SoftmaxMLPClassifier((8,), random_state=0)
    for start in range(0, 600, 100):
        part = slice(start, start + 100)
        clf.partial_fit(stream[part], y[part], classes=[0, 1, 2])
    # Declared categories have weights from the first call on; min_frequency has no effect.
    assert clf.categories_[0].tolist() == sorted(towns.categories)
    assert clf.infrequent_categories_ == [None] * 6
    assert clf.score(stream, y) > 0.5
    # The statistics are those of all calls.
    encoding = clf._network.encoding
    np.testing.assert_allclose(encoding.centre, frame[["age", "income", "score"]].mean())
    shares = clf._column_moments.mean[5 : 5 + 20]
    counts = frame.town.value_counts(normalize=True).reindex(sorted(towns.categories)).fillna(0)
    np.testing.assert_allclose(shares, counts, atol=1e-12)


def test_strings_that_come_late_are_unknown():
    frame, y = mixed_table(200, 0)
    clf = SoftmaxMLPClassifier((4,), random_state=0).partial_fit(frame, y, classes=[0, 1, 2])
    late = frame.assign(colour="purple")
    message = "Column 'colour' has categories that the first call did not have.*'purple'"
    with pytest.warns(UserWarning, match=message):
        clf.partial_fit(late, y)
    assert "purple" not in clf.categories_[2]


def test_warm_starts_continue_exactly():
    frame, y = mixed_table(400, 0)
    params = {"units": (8,), "schedule": "constant", "early_stopping": False, "averaging": 0.0,
              "random_state": 0}  # fmt: skip
    whole = SoftmaxMLPClassifier(**params, epochs=6).fit(frame, y)
    parts = SoftmaxMLPClassifier(**params, epochs=3, warm_start=True).fit(frame, y).fit(frame, y)
    np.testing.assert_array_equal(parts.theta_, whole.theta_)


def test_files_pickles_and_copies(tmp_path):
    frame, y = mixed_table(400, 0)
    held_out, _ = mixed_table(100, 1, levels=14)
    clf = SoftmaxMLPClassifier((8,), epochs=3, random_state=0, categorical_features=CATEGORIES)
    clf.fit(frame, y)
    save(clf, tmp_path / "clf.npz")
    for same in (load(tmp_path / "clf.npz"), pickle.loads(pickle.dumps(clf)), deepcopy(clf)):
        np.testing.assert_array_equal(same.predict_proba(held_out), clf.predict_proba(held_out))
        assert [None if c is None else c.tolist() for c in same.categories_] == [
            None if c is None else c.tolist() for c in clf.categories_
        ]
        assert same.encoded_feature_names_.tolist() == clf.encoded_feature_names_.tolist()
        same.partial_fit(frame[:50], y[:50])


@pytest.mark.parametrize("kind", [pd.Index, pd.Series, np.array, tuple])
def test_marks_of_any_kind_in_files(tmp_path, kind):
    frame, y = mixed_table(100, 0)
    clf = SoftmaxMLPClassifier((4,), epochs=1, categorical_features=kind(CATEGORIES))
    again = saved_and_loaded(clf.fit(frame, y), tmp_path)
    assert again.categorical_features == tuple(CATEGORIES)


def test_numeric_categories_in_files(tmp_path):
    frame, y = mixed_table(400, 0)
    frame = frame.assign(town=frame.town.str[1:].astype(int), colour=frame.colour == "red",
                         age=frame.age.round(-1))  # fmt: skip
    marked = ["town", "colour", "age", "answer"]
    clf = SoftmaxMLPClassifier((8,), epochs=3, categorical_features=marked).fit(frame, y)
    save(clf, tmp_path / "clf.npz")
    again = load(tmp_path / "clf.npz")
    np.testing.assert_array_equal(again.predict_proba(frame), clf.predict_proba(frame))
    for ours, theirs in zip(again._categories, clf._categories, strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or ours.dtype.kind == theirs.dtype.kind


def test_large_integers_as_categories(tmp_path):
    frame, y = mixed_table(200, 0)
    ids = frame.assign(town=frame.town.str[1:].astype("Int64") + 2**60)
    ids.loc[3, "town"] = pd.NA
    clf = SoftmaxMLPClassifier((4,), epochs=2, min_frequency=1, categorical_features=[0, 2, 5])
    clf.fit(ids, y)
    assert clf.categories_[0].tolist() == [*sorted(set(ids.town.dropna().tolist())), None]
    again = saved_and_loaded(clf, tmp_path)
    unsigned = ids.assign(town=ids.town.astype("UInt64"))
    for same in (ids, unsigned):
        np.testing.assert_array_equal(again.predict_proba(same), clf.predict_proba(ids))


def test_ids_that_a_missing_value_made_floats():
    """As pandas.read_csv does: float64 gives two customers the same id."""
    ids = [2**53, 2**53 + 1, 2**53 + 2] * 40
    X, y = pd.DataFrame({"id": ids, "x": np.arange(120) % 7}), np.arange(120) % 2
    rounded = X.astype({"id": float})
    params = {"epochs": 1, "categorical_features": ["id"], "early_stopping": False}
    clf = SoftmaxMLPClassifier((4,), **params)
    message = "Column 'id' holds 9007199254740992.0, to which float64 rounds .*dtype 'Int64'"
    for call in (clf.fit, lambda X, y: clf.partial_fit(X, y, classes=[0, 1])):
        with pytest.raises(ValueError, match=message):
            call(rounded, y)
        call(X, y)
        for use in (clf.predict, lambda X: clf.score(X, y[: len(X)])):
            with pytest.raises(ValueError, match=message):
                use(rounded[:5])
    with pytest.raises(ValueError, match=message):
        clf.partial_fit(rounded, y)
    with pytest.raises(ValueError, match=rf"\(X_val, y_val\) is unusable: {message}"):
        clf.fit(X, y, X_val=rounded, y_val=y)
    objects = pd.DataFrame({"id": [2**70 + i for i in range(3)] * 40, "x": X.x})
    with pytest.raises(ValueError, match=r"Column 'id' .* or as strings"):
        clf.fit(objects, y)
    # What the message advises keeps the ids apart, and small ids need none of it.
    gap = X.astype({"id": "Int64"})
    gap.loc[:30, "id"] = pd.NA
    assert clf.fit(gap, y).categories_[0].tolist() == [*ids[:3], None]
    small = X.assign(id=X.id - 2**53)
    clf.fit(small, y)
    other = pd.DataFrame({"id": [1.0, np.nan, 1e20], "x": [0, 0, 0]})
    assert clf.predict_proba(other).shape == (3, 2)  # 1e20 is unknown


@pytest.mark.parametrize("dtype", ["u8", "g", "f4", "f2", "i1", "?"])
def test_categories_of_all_numeric_dtypes_in_files(tmp_path, dtype):
    frame, y = mixed_table(200, 0)
    least = {"u8": 2**64 - 12}.get(dtype, 0)
    numbers = np.array([least + i for i in range(12)], dtype)
    if numbers.dtype.kind == "f":
        numbers /= 3
    groups = frame[["income"]].assign(town=numbers[frame.town.str[1:].astype(int)])
    clf = SoftmaxMLPClassifier((4,), epochs=2, min_frequency=1, categorical_features=["town"])
    clf.fit(groups, y)
    again = saved_and_loaded(clf, tmp_path)
    assert again.categories_[1].tolist() == clf.categories_[1].tolist()
    np.testing.assert_array_equal(again.predict_proba(groups), clf.predict_proba(groups))


def saved_and_loaded(clf, folder):
    save(clf, folder / "clf.npz")
    return load(folder / "clf.npz")


def test_damaged_files(tmp_path):
    frame, y = mixed_table(300, 0)
    clf = SoftmaxMLPClassifier((4,), epochs=2).fit(frame, y)
    whole = clf._encoding
    codes = whole["row_of_code"]
    for changes, message in (
        ({"centre": whole["centre"] * np.nan}, "centres or indicators"),
        ({"gaps": whole["gaps"][::-1]}, "centres or indicators"),
        ({"gaps": whole["gaps"] + 2}, "centres or indicators"),
        ({"gaps": whole["gaps"][:1]}, "do not fit"),
        ({"row_of_code": np.where(codes == 3, 99, codes)}, "levels of its categorical"),
        ({"row_of_code": codes[:-1]}, "do not fit the levels"),
        ({"first_code": whole["first_code"][::-1]}, "categorical columns are damaged"),
        ({"first_code": whole["first_code"][:2]}, "do not fit 5 features"),
    ):
        damaged = copy(clf)
        damaged._encoding = whole | changes
        with pytest.raises(ValueError, match=message):
            saved_and_loaded(damaged, tmp_path)
    for categories in ([c if c is None else c[::-1] for c in clf._categories], clf._categories[:5]):
        damaged = copy(clf)
        damaged._categories = categories
        save(damaged, tmp_path / "damaged.npz")
        with pytest.raises(ValueError, match=r"ascending|do not fit"):
            load(tmp_path / "damaged.npz")


def test_checkpoints_resume_bit_for_bit(tmp_path):
    frame, y = mixed_table(400, 0)
    params = {"units": (8,), "epochs": 6, "random_state": 0}
    whole = SoftmaxMLPClassifier(**params).fit(frame, y)
    path = tmp_path / "checkpoint"
    stopped = SoftmaxMLPClassifier(**params, schedule=interrupting_after(3))
    stopped.set_callbacks(Checkpoint(path))
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(frame, y)
    resumed = SoftmaxMLPClassifier.resume(path, frame, y, schedule="one_cycle")
    np.testing.assert_array_equal(resumed.theta_, whole.theta_)
    other = frame.assign(colour=frame.colour.replace("red", "rot"))
    with pytest.raises(ValueError, match="differ"):
        SoftmaxMLPClassifier.resume(path, other, y)


def interrupting_after(n_epochs):
    """Return the default schedule, which raises KeyboardInterrupt after half of the epochs."""
    from skmlp.core.schedules import SCHEDULES

    def schedule(done):
        if done > n_epochs / 6:
            raise KeyboardInterrupt
        return SCHEDULES["one_cycle"](0, done)

    return schedule


def test_messages():
    frame, y = mixed_table(200, 0)
    clf = SoftmaxMLPClassifier((4,), epochs=2)
    with pytest.raises(ValueError, match=r"Column 'town' of dtype .* holds strings.*from_dtype"):
        clone(clf).set_params(categorical_features=None).fit(frame, y)
    with pytest.raises(ValueError, match=r"Column 'day' of dtype datetime64.* holds dates"):
        clf.fit(frame.assign(day=pd.Timestamp("2020-01-01")), y)
    with pytest.raises(ValueError, match=r"categorical_features must be .*names of columns"):
        clone(clf).set_params(categorical_features=["city"]).fit(frame, y)
    with pytest.raises(ValueError, match="min_frequency must be an integer >= 1"):
        clone(clf).set_params(min_frequency=0).fit(frame, y)
    with pytest.raises(ValueError, match="Input X contains infinity"):
        clf.fit(frame.assign(age=np.inf), y)
    with pytest.raises(ValueError, match="X is sparse"):
        clone(clf).set_params(categorical_features=[0]).fit(sparse.csr_array(np.eye(200)), y)
    with pytest.warns(UserWarning, match="Column 'id' has 200 different strings in 200 rows"):
        clf.fit(frame.assign(id=[f"customer {i}" for i in range(200)]), y)
    clf.fit(frame, y)
    with pytest.raises(ValueError, match=r"'town' holds numbers, but .*: convert.*astype\(str\)"):
        clf.predict(frame.assign(town=3))
    remedy = "pandas.to_numeric(X['age'], errors='coerce')"
    message = "was numeric in fit and holds strings such as 'n/a': convert it, as by "
    message = re.escape(f"Column 'age' {message}{remedy}.")
    expected = clf.predict_proba(frame.assign(age=frame.age.replace(60, np.nan)))
    for spoilt in (frame.age.astype(str).replace("60.0", "n/a"), frame.age.replace({60: "n/a"})):
        with pytest.raises(ValueError, match=message):
            clf.predict(frame.assign(age=spoilt))
        numbers = eval(remedy, {"pandas": pd, "X": {"age": spoilt}})
        np.testing.assert_array_equal(clf.predict_proba(frame.assign(age=numbers)), expected)
    commas = frame.assign(age=frame.age.map(lambda age: f"{age:.1f}".replace(".", ",")))
    with pytest.raises(ValueError, match="decimal=','") as caught:
        clf.predict(commas)
    remedy = re.search(r"as by (.*), or read it", str(caught.value))[1]
    numbers = eval(remedy, {"X": commas})
    np.testing.assert_array_equal(numbers, frame.age)
    flags = frame.assign(age=frame.age > 50)
    flagged = clone(clf).fit(flags, y)
    for spoilt in (
        flags.age.map({True: " TRUE", False: "False"}),
        flags.age.replace({True: "true"}),
    ):
        with pytest.raises(ValueError, match=r"astype\(str\)") as caught:
            flagged.predict(frame.assign(age=spoilt))
        remedy = re.search(r"as by (.*\))\.", str(caught.value))[1]
        assert eval(remedy, {"X": {"age": spoilt}}).tolist() == flags.age.tolist()
    codes = frame.assign(town=frame.town.map({"a": "1"}).fillna("2"))
    coded = clone(clf).fit(codes, y)
    floats = codes.assign(town=codes.town.astype(float))
    with pytest.raises(ValueError, match="holds numbers, but") as caught:
        coded.predict(floats)
    remedy = re.search(r"as by (\S+)", str(caught.value))[1].rstrip(".")
    strings = eval(f"town{remedy}", {"town": floats.town})
    np.testing.assert_array_equal(
        coded.predict_proba(floats.assign(town=strings)), coded.predict_proba(codes)
    )
    named = clone(clf).set_params(categorical_features=["town"])
    with pytest.raises(ValueError, match=r"'colour' .* holds strings: add it to categorical_feat"):
        named.fit(frame, y)
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match=r"\(X_val, y_val\) is unusable.*feature names"):
        clf.fit(frame, y, X_val=frame[frame.columns[::-1]], y_val=y)


@pytest.mark.parametrize("library", ["pandas", "polars", "array"])
def test_dates_as_strings_are_warned_of(library):
    frame, y = mixed_table(60, 0)
    dates = pd.date_range("2024-08-26", periods=60).strftime("%Y-%m-%d")
    frame = frame[["age"]].assign(signup=dates)
    X, params = frame, {}
    if library == "polars":
        pl = pytest.importorskip("polars")
        X = pl.DataFrame({name: frame[name].tolist() for name in frame})
    elif library == "array":
        X, params = frame.to_numpy(object), {"categorical_features": [1]}
    clf = SoftmaxMLPClassifier((8,), random_state=0, epochs=2, **params)
    column = "X[:, 1]" if library == "array" else "X['signup']"
    message = re.escape(
        "holds dates as strings ('2024-08-26'), which are treated as categories: convert them to "
        f"numbers, as in (pandas.to_datetime({column}) - pandas.Timestamp('2000-01-01')) / "
    )
    with pytest.warns(UserWarning, match=message) as caught:
        clf.fit(X, y)
    assert len(caught) == 1  # none of ids
    code = str(caught[0].message).partition(", as in ")[2].removesuffix(", or drop the column.")
    assert list(eval(code, {"pandas": pd, "X": X})) == list(range(9004, 9064))
    if library == "pandas":  # declared: no warning
        clone(clf).fit(frame.astype({"signup": "category"}), y)
    elif library == "polars":
        clone(clf).fit(X.with_columns(pl.col("signup").cast(pl.Enum(dates.tolist()))), y)


def test_rows_that_are_no_frame_yet():
    frame, y = mixed_table(60, 0)
    clf = SoftmaxMLPClassifier((8,), random_state=0, epochs=2).fit(frame, y)
    expected = clf.predict_proba(frame)
    rows, row = frame.to_dict("records"), frame.iloc[0]
    with pytest.raises(ValueError, match=r"^X holds dicts: use pandas.DataFrame\(X\)\.$"):
        clone(clf).fit(rows, y)
    with pytest.raises(ValueError, match="X holds dicts"):
        clf.predict(rows)
    np.testing.assert_array_equal(clf.predict_proba(pd.DataFrame(rows)), expected)
    with pytest.raises(ValueError, match=r"got a dict: .*, and pandas.DataFrame\(\[X\]\) if"):
        clf.predict(rows[0])
    np.testing.assert_allclose(clf.predict_proba(pd.DataFrame(rows[:1])), expected[:1], 1e-6)
    message = r"^Expected 2D array.*: X is a Series\. Reshape your data: .*DataFrame\(\[row\]\)"
    with pytest.raises(ValueError, match=message):
        clf.predict(row)
    for one in (frame.iloc[[0]], pd.DataFrame([row])):
        np.testing.assert_allclose(clf.predict_proba(one), expected[:1], 1e-6)
    numeric = SoftmaxMLPClassifier((8,), epochs=2).fit(frame[["age"]], y)
    with pytest.raises(ValueError, match="X is a Series"):
        numeric.predict(frame["age"])


def test_frames_of_categories_alone():
    frame, y = mixed_table(300, 0)
    only = frame[CATEGORIES]
    clf = SoftmaxMLPClassifier((8,), random_state=0, epochs=20).fit(only, y)
    assert clf.score(only, y) > clf.class_weight_.mean() * np.bincount(y).max() / 300
    assert clf.theta_.dtype == np.float32
    small = SoftmaxMLPClassifier((8,), random_state=0).fit(only[:100], y[:100])
    assert small.predict_proba(only).shape == (300, 3)


def test_many_levels():
    rng = np.random.RandomState(0)
    n = 20_000
    frame = pd.DataFrame({"id": pd.Categorical(rng.randint(100_000, size=n))})
    y = (frame.id.astype(int) % 2).to_numpy()
    clf = SoftmaxMLPClassifier((4,), epochs=1, random_state=0, min_frequency=1, batch_size=2000)
    clf.fit(frame, y)
    assert len(clf.coefs_[0]) == frame.id.nunique() > 15_000


def test_scorers_get_rows_they_can_pass_on():
    frame, y = mixed_table(400, 0)
    clf = SoftmaxMLPClassifier((8,), epochs=4, random_state=0, early_stopping=True,
                               scoring="balanced_accuracy").fit(frame, y)  # fmt: skip
    assert 0 < clf.best_validation_score_ <= 1


def test_in_searches_and_pipelines():
    frame, y = mixed_table(400, 0)
    clf = SoftmaxMLPClassifier((8,), epochs=3, random_state=0)
    grid = {"l2": [0.0, 1e-2], "min_frequency": [1, 20]}
    theirs = GridSearchCV(clf, grid, cv=3).fit(frame, y)
    ours = PopulationGridSearchCV(clf, grid, cv=3).fit(frame, y)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=1e-9
    )
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_array_equal(ours.predict(frame), theirs.predict(frame))
    marked = {"categorical_features": ["from_dtype", ["town", "colour", "answer", "age"]]}
    ours = PopulationGridSearchCV(clf, marked, cv=3).fit(frame, y)
    theirs = GridSearchCV(clf, marked, cv=3).fit(frame, y)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=1e-9
    )
    pipeline = make_pipeline(FunctionTransformer(), clf).fit(frame, y)
    np.testing.assert_array_equal(
        pipeline.predict_proba(frame), clf.fit(frame, y).predict_proba(frame)
    )


@pytest.mark.parametrize("cv", [None, 3])
def test_ensembles(cv, tmp_path):
    frame, y = mixed_table(600, 0)
    net = SoftmaxMLPClassifier((8,), epochs=4, dtype="float64", n_bins=None, min_frequency=1)
    model = SoftmaxMLPEnsembleClassifier(net, 3, cv=cv, random_state=0).fit(frame, y)
    members = [member.predict_proba(frame) for member in model.estimators_]
    np.testing.assert_allclose(model.predict_proba_members(frame), members, atol=1e-9)
    np.testing.assert_allclose(model.predict_proba(frame), np.mean(members, axis=0), atol=1e-9)
    if cv is not None:
        # Each member is the classifier fitted on its rows: levels that these lack have no weights.
        for fold, member in zip(model_folds(model, frame, y), model.estimators_, strict=True):
            rows = np.delete(np.arange(600), fold)
            alone = clone(net).set_params(random_state=member.random_state)
            alone.fit(frame.iloc[rows], y[rows])
            np.testing.assert_allclose(
                member.predict_proba(frame.iloc[fold]),
                alone.predict_proba(frame.iloc[fold]),
                atol=1e-6,
            )
            np.testing.assert_allclose(
                model.oof_proba_[fold], member.predict_proba(frame.iloc[fold]), atol=1e-9
            )
    save(model, tmp_path / "model.npz")
    np.testing.assert_array_equal(
        load(tmp_path / "model.npz").predict_proba(frame), model.predict_proba(frame)
    )


@pytest.mark.parametrize("n_bins", [None, 4])
def test_ensembles_of_sparse_rows_with_gaps(rng, n_bins):
    X = rng.normal(3, 1, (300, 4)) * (rng.rand(300, 4) < 0.5)
    y = (X[:, 0] > 0).astype(int)
    X[rng.rand(300, 4) < 0.1] = np.nan
    net = SoftmaxMLPClassifier((6,), epochs=2, dtype="float64", n_bins=n_bins)
    # Members of other rows have other means, which replace gaps.
    model = SoftmaxMLPEnsembleClassifier(net, 3, cv=3, random_state=0).fit(sparse.csr_array(X), y)
    members = [member.predict_proba(X) for member in model.estimators_]
    for rows in (X, sparse.csr_array(X)):
        np.testing.assert_allclose(model.predict_proba_members(rows), members, atol=1e-9)
        np.testing.assert_allclose(model.predict_proba(rows), np.mean(members, axis=0), atol=1e-9)


def test_older_pickles_of_ensembles(rng):
    X = rng.normal(size=(300, 3))
    y = (X[:, 0] > 0).astype(int)
    for n_bins in (None, 4):
        net = SoftmaxMLPClassifier((6,), epochs=2, n_bins=n_bins)
        model = SoftmaxMLPEnsembleClassifier(net, 2, random_state=0).fit(X, y)
        expected = model.predict_proba(X)
        del model._categories
        for _, fitted in model._members:
            arrays = fitted.pop("_encoding")
            if n_bins is not None:
                fitted["_bins"] = tuple(arrays[f"bin_{n}"] for n in ("columns", "left", "right"))
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)


def model_folds(model, frame, y):
    seed = int(np.random.RandomState(model._seed).randint(np.iinfo(np.int32).max, size=1)[0])
    folds = StratifiedKFold(model.cv, shuffle=True, random_state=seed)
    return [test for _, test in folds.split(frame, y)]
