"""Categories and gaps in Dask collections: the same network as on the concatenated rows."""

import pickle
import warnings
from functools import partial

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask.sizeof import sizeof
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skmlp import SoftmaxMLPClassifier, load, save
from skmlp.dask import DaskSoftmaxMLPClassifier
from skmlp.dask.input import validate_shard
from tests.dask.arrays import cut
from tests.estimators.test_mixed_tables import CATEGORIES, mixed_table

# Without an order of the rows, so that the result is that on the concatenated rows.
LBFGS = {
    "units": (5,), "solver": "lbfgs", "epochs": 12, "l2": 1e-2, "dtype": "float64",
    "random_state": 0,
}  # fmt: skip
FRAME, Y = mixed_table(600, 0)
HELD_OUT, Y_VAL = mixed_table(200, 1, levels=14)
W = np.random.RandomState(0).randint(0, 3, 600)


def frame_of(parts):
    """Return data frames as the partitions of a Dask data frame, whatever their dtypes."""
    parts = [dask.delayed(part) for part in parts]
    return dd.from_delayed(parts, meta=parts[0].compute()[:0], verify_meta=False)


def in_parts(frame, *others, ends=(170, 170, 400)):
    """Return a frame and arrays with the same partitions, one of them without rows."""
    cuts = [slice(*pair) for pair in zip((0, *ends), (*ends, len(frame)), strict=True)]
    rows = [None if array is None else np.asarray(array) for array in others]
    arrays = [
        None if array is None else frame_of([pd.Series(array[part]) for part in cuts])
        for array in rows
    ]
    return [frame_of([frame[part] for part in cuts]), *arrays]


def assert_same_model(ours, theirs, rows, *, atol=1e-6):
    """Assert that networks have the same inputs and the same predictions."""
    for name in ("categories_", "infrequent_categories_"):
        for left, right in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert (left is None) == (right is None), name
            if left is not None:
                np.testing.assert_array_equal(left, right, err_msg=name)
    assert ours.encoded_feature_names_.tolist() == theirs.encoded_feature_names_.tolist()
    np.testing.assert_array_equal(ours.is_categorical_, theirs.is_categorical_)
    local = ours.to_local() if hasattr(ours, "to_local") else ours
    np.testing.assert_allclose(
        local.predict_proba(rows), theirs.predict_proba(rows), rtol=0, atol=atol
    )


@pytest.mark.parametrize("n_shards", [1, 3])
@pytest.mark.parametrize("w", [None, W])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_bins": 5, "min_frequency": 1, "units": ()},
        {"min_frequency": 0.05, "class_weight": "balanced"},
        {"min_frequency": None, "l1": 1e-3, "units": ()},
        {"standardize": False, "epochs": 3},
        {"categorical_features": ["town", "answer", "colour", "age"], "min_frequency": 40},
    ],
)
def test_equals_local_fit(params, w, n_shards):
    local = SoftmaxMLPClassifier(**LBFGS | params).fit(FRAME, Y, w)
    clf = DaskSoftmaxMLPClassifier(n_shards=n_shards, **LBFGS | params)
    clf.fit(*in_parts(FRAME, Y, w))
    assert_same_model(clf, local, HELD_OUT)
    assert clf.loss_ == pytest.approx(local.loss_, abs=1e-9)


def test_one_batch_of_one_shard_is_the_local_fit():
    params = {
        "units": (6,), "epochs": 5, "batch_size": 1000, "early_stopping": False, "dropout": 0.0,
        "averaging": 0.0, "l2": 0.0, "random_state": 0, "dtype": "float64", "schedule": "constant",
        "n_bins": 6, "shuffle": False,
    }  # fmt: skip
    with pytest.warns(UserWarning, match="clipped"):
        local = SoftmaxMLPClassifier(**params).fit(FRAME, Y, W)
    with pytest.warns(UserWarning, match="clipped"):
        clf = DaskSoftmaxMLPClassifier(n_shards=1, **params).fit(*in_parts(FRAME, Y, W))
    assert_same_model(clf, local, HELD_OUT)


def categories_by_partition(frame, ends=(170, 400)):
    """Return parts whose categories are those that they have, in orders of their own."""
    cuts = [slice(*pair) for pair in zip((0, *ends), (*ends, len(frame)), strict=True)]
    for i, part in enumerate(cuts):
        rows = frame[part].astype(dict.fromkeys(CATEGORIES, "category"))
        for name in CATEGORIES:
            order = np.random.RandomState(i).permutation(rows[name].cat.categories)
            rows[name] = rows[name].cat.set_categories(order)
        yield rows


def kinds_of_frames():
    """Return FRAME as Dask data frames of the kinds that people have."""
    whole = partial(dd.from_pandas, npartitions=3)
    known = whole(FRAME.astype(dict.fromkeys(CATEGORIES, "category")))
    with dask.config.set({"dataframe.convert-string": False}):
        objects = whole(FRAME.astype(dict.fromkeys(CATEGORIES, object)))
    return {
        "pyarrow strings": whole(FRAME),
        "objects": objects,
        "known categories": known,
        "unknown categories": known.assign(
            **{name: known[name].cat.as_unknown() for name in CATEGORIES}
        ),
        "categories of each partition": frame_of(categories_by_partition(FRAME)),
        "nullable": whole(FRAME.convert_dtypes()),
        "pyarrow dtypes": whole(FRAME.convert_dtypes(dtype_backend="pyarrow")),
    }


@pytest.mark.parametrize("kind", kinds_of_frames())
def test_all_kinds_of_frames_are_the_same(kind):
    local = SoftmaxMLPClassifier(**LBFGS).fit(FRAME, Y)
    frame = kinds_of_frames()[kind]
    labels = frame.map_partitions(lambda part: pd.Series(Y[part.index], part.index), meta=(0, int))
    clf = DaskSoftmaxMLPClassifier(n_shards=2, **LBFGS).fit(frame, labels)
    assert clf.feature_names_in_.tolist() == list(FRAME)
    assert_same_model(clf, local, FRAME)
    proba = clf.predict_proba(frame).compute()
    np.testing.assert_allclose(proba, local.predict_proba(FRAME), atol=1e-6)
    assert (clf.predict(frame).compute() == local.predict(FRAME)).all()
    assert clf.score(frame, labels) == local.score(FRAME, Y)


@pytest.fixture
def objects_stay_objects():
    """Without it, Dask converts objects to strings, numbers among them as well."""
    with dask.config.set({"dataframe.convert-string": False}):
        yield


@pytest.mark.usefixtures("objects_stay_objects")
def test_partitions_without_a_value():
    """Such columns are often floats, whatever the others hold."""
    frame = FRAME.astype({"town": object})
    frame["income"] = np.arange(600.0)
    frame.loc[:169, "town"] = None
    frame.loc[400:, "age"] = frame.loc[170:399, "income"] = np.nan
    local = SoftmaxMLPClassifier(**LBFGS).fit(frame, Y)
    parts = [frame[:170], frame[170:400], frame[400:]]
    labels = frame_of([pd.Series(Y[part.index]) for part in parts])
    no_age = pd.Series([None] * 200, parts[2].index, "str")
    for other in (
        parts,
        [parts[0].astype({"town": float}), *parts[1:]],
        [parts[0].assign(town=pd.Categorical([None] * 170)), *parts[1:]],
        [part.astype({"town": "category"}) for part in parts],
        [parts[0].astype({"age": object}), parts[1].assign(income=None), parts[2]],
        [*parts[:2], parts[2].assign(age=no_age)],
        [*parts[:2], parts[2].astype({"age": "Float64"})],
    ):
        for n_shards in (1, 2, 3):
            clf = DaskSoftmaxMLPClassifier(n_shards=n_shards, **LBFGS)
            clf.fit(frame_of(other), labels)
            assert_same_model(clf, local, frame)
            assert clf._encoding["gaps"].tolist() == [0, 1, 2]


def tables(draw):
    """Return a small frame, labels, weights and the ends of its partitions."""
    n = draw(st.integers(4, 30))
    column = partial(st.lists, min_size=n, max_size=n)
    frame = pd.DataFrame(
        {
            "word": draw(column(st.sampled_from([None, "a", "b", "c", "d", "B", ""]))),
            "group": pd.Series(draw(column(st.sampled_from([None, "x", "y", "z"]))), dtype="str"),
            "level": draw(column(st.integers(0, 3))),
            "x": draw(column(st.sampled_from([np.nan, 0.0, 1.0, -3.0, 2.5]))),
            "z": draw(column(st.integers(-5, 5))),
        }
    )
    frame["word"] = frame["word"].astype(object)
    frame.loc[n - 1, ["word", "group"]] = "a", "x"  # without a string, they would be numbers
    weights = draw(st.none() | column(st.integers(0, 3)))
    ends = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    labels = np.arange(n) % 2
    if weights is not None:
        weights[:2] = [1, 2]
    return frame, labels, weights, ends


@settings(max_examples=20, deadline=None)
@given(
    table=st.composite(tables)(),
    min_frequency=st.sampled_from([None, 2, 4, 0.1, 0.3]),
    marked=st.sampled_from(["from_dtype", ["word", "group", "level"]]),
    n_shards=st.integers(1, 4),
    as_categories=st.booleans(),
)
def test_categories_of_random_partitions(table, min_frequency, marked, n_shards, as_categories):
    frame, labels, w, ends = table
    # Not standardized: which value half of the rows have is known of large partitions only.
    params = LBFGS | {
        "epochs": 3, "units": (), "standardize": False, "min_frequency": min_frequency,
        "categorical_features": marked,
    }  # fmt: skip
    local = SoftmaxMLPClassifier(**params).fit(frame, labels, w)
    clf = DaskSoftmaxMLPClassifier(n_shards=n_shards, **params)
    X, y, v = in_parts(frame, labels, w, ends=ends)
    if as_categories:
        X = X.map_partitions(lambda part: part.astype({"word": "category"}), enforce_metadata=False)
    with dask.config.set(scheduler="synchronous"):
        clf.fit(X, y, v)
    assert_same_model(clf, local, frame)


def test_arrays_with_marked_columns():
    array, marked = FRAME.to_numpy(object), [0, 2, 5]
    params = LBFGS | {"categorical_features": marked}
    local = SoftmaxMLPClassifier(**params).fit(array, Y)
    dX, dy = (da.from_array(a, chunks=(250, *a.shape[1:])) for a in (array, Y))
    clf = DaskSoftmaxMLPClassifier(n_shards=2, **params).fit(dX, dy)
    assert_same_model(clf, local, array)
    np.testing.assert_allclose(clf.predict_proba(dX), local.predict_proba(array), atol=1e-6)
    # Numbers that are names of groups.
    codes = np.column_stack([FRAME.town.str[1:].astype(int), FRAME.age, FRAME.score])
    params["categorical_features"] = [True, False, False]
    local = SoftmaxMLPClassifier(**params).fit(codes, Y)
    clf = DaskSoftmaxMLPClassifier(n_shards=2, **params).fit(*cut(codes, Y, chunks=(250, 350)))
    assert_same_model(clf, local, codes)
    assert clf._categories[0].dtype == codes.dtype


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("params", [{}, {"n_bins": 4}, {"units": ()}])
def test_gaps_in_arrays(rng, container, params):
    X = rng.normal(3, 1, (400, 5)) * (rng.rand(400, 5) < 0.4)
    X[:, 4] += 100.0  # dense, and far from 0
    y = (X[:, 0] > 0).astype(int)
    X[rng.rand(400, 5) < 0.1] = np.nan
    X[:, 3] = np.nan_to_num(X[:, 3])
    X[100:, 1] = np.nan_to_num(X[100:, 1])  # gaps in the first shard alone
    local = SoftmaxMLPClassifier(**LBFGS | params).fit(container(X), y)
    dX, dy = cut(X, y, chunks=100)
    clf = DaskSoftmaxMLPClassifier(n_shards=4, **LBFGS | params)
    clf.fit(dX.map_blocks(container) if container is not np.asarray else dX, dy)
    assert clf._encoding["gaps"].tolist() == [0, 1, 2, 4]
    assert_same_model(clf, local, X)


def test_validation_sets_and_unknown_categories():
    val = dict(zip(("X_val", "y_val"), in_parts(HELD_OUT, Y_VAL, ends=(60,)), strict=True))
    params = LBFGS | {"early_stopping": True, "n_iter_no_change": 50}
    local = SoftmaxMLPClassifier(**params).fit(FRAME, Y, X_val=HELD_OUT, y_val=Y_VAL)
    clf = DaskSoftmaxMLPClassifier(n_shards=2, **params).fit(*in_parts(FRAME, Y), **val)
    assert_same_model(clf, local, HELD_OUT)
    np.testing.assert_allclose(
        clf.validation_loss_curve_, local.validation_loss_curve_, rtol=1e-6, atol=1e-9
    )
    late = HELD_OUT.assign(town="elsewhere", income=np.nan)
    np.testing.assert_allclose(
        clf.predict_proba(in_parts(late, ends=(60,))[0]).compute(),
        local.predict_proba(late),
        atol=1e-6,
    )


@pytest.mark.parametrize("scoring", ["loss", "balanced_accuracy"])
def test_mini_batches_and_early_stopping(scoring):
    clf = DaskSoftmaxMLPClassifier(
        (16,), n_shards=3, epochs=30, scoring=scoring, random_state=0, learning_rate=0.02
    )
    X, y = in_parts(FRAME, Y, ends=(150, 300, 450))
    clf.fit(X, y)
    assert clf.best_epoch_ is not None
    local = SoftmaxMLPClassifier((16,), random_state=0, learning_rate=0.02).fit(FRAME, Y)
    assert clf.score(X, y) > local.score(FRAME, Y) - 0.1
    names = [[n for n in m.encoded_feature_names_ if "_bin" not in n] for m in (clf, local)]
    assert names[0] == names[1]


def test_warm_starts_keep_the_categories():
    params = LBFGS | {"warm_start": True}
    clf = DaskSoftmaxMLPClassifier(n_shards=2, **params).fit(*in_parts(FRAME, Y))
    local = SoftmaxMLPClassifier(**params).fit(FRAME, Y)
    late = FRAME.assign(colour=FRAME.colour.replace("red", "purple"))
    message = "Column 'colour' has categories that the first call did not have.*'purple'"
    with pytest.warns(UserWarning, match=message) as caught:
        clf = pickle.loads(pickle.dumps(clf)).fit(*in_parts(late, Y))
    assert len(caught) == 1
    with pytest.warns(UserWarning, match=message):
        local.fit(late, Y)
    assert_same_model(clf, local, HELD_OUT)
    with pytest.raises(ValueError, match="Column 'town' holds numbers, but the categories"):
        clf.fit(*in_parts(FRAME.assign(town=1), Y))
    with pytest.raises(ValueError, match="Column 'age' was numeric in fit and holds strings"):
        clf.fit(*in_parts(FRAME.assign(age="old"), Y))
    with pytest.raises(ValueError, match="The columns of X are"):
        clf.fit(*in_parts(FRAME[FRAME.columns[::-1]], Y))


def test_files_and_local_models(tmp_path):
    clf = DaskSoftmaxMLPClassifier((4,), n_shards=2, epochs=3, random_state=0)
    clf.fit(*in_parts(FRAME, Y))
    save(clf.to_local(), tmp_path / "clf.npz")
    for same in (load(tmp_path / "clf.npz"), pickle.loads(pickle.dumps(clf))):
        np.testing.assert_array_equal(same.predict_proba(HELD_OUT), clf.predict_proba(HELD_OUT))
        assert same.encoded_feature_names_.tolist() == clf.encoded_feature_names_.tolist()


def test_messages():
    clf = DaskSoftmaxMLPClassifier((4,), n_shards=2, epochs=2)
    _, y = in_parts(FRAME, Y)

    def fit(**columns):
        return clf.fit(in_parts(FRAME.assign(**columns))[0], y)

    def mixed(first, second):
        return frame_of([FRAME[:170].assign(town=first), FRAME[170:].assign(town=second)])

    labels = frame_of([pd.Series(Y[:170]), pd.Series(Y[170:])])
    for n_shards in (1, 2):
        clf.set_params(n_shards=n_shards, categorical_features="from_dtype")
        with pytest.raises(ValueError, match="Column 'town' holds strings in some partitions"):
            clf.fit(mixed("here", 1.0), labels)
        with pytest.raises(ValueError, match="Column 'town' has a category dtype in some part"):
            clf.fit(mixed(pd.Categorical([1] * 170), 1.0), labels)
        clf.set_params(categorical_features=["town", "colour", "answer"])
        with pytest.raises(ValueError, match="Column 'town' holds strings in some partitions"):
            clf.fit(mixed("here", 1.0), labels)
        clf.fit(mixed(1, 2.5), labels)
        assert clf.categories_[0].tolist() == [1.0, 2.5]
    clf.set_params(categorical_features="from_dtype")
    with pytest.raises(ValueError, match=r"Column 'day' of dtype datetime64.* holds dates"):
        fit(day=pd.Timestamp("2020-01-01"))
    with pytest.raises(ValueError, match="Input X contains infinity"):
        fit(age=np.inf)
    with pytest.raises(ValueError, match=r"names of columns"):
        clf.set_params(categorical_features=["city"]).fit(in_parts(FRAME)[0], y)
    clf.set_params(categorical_features="from_dtype")
    reverse = in_parts(FRAME[FRAME.columns[::-1]])[0]
    with pytest.raises(ValueError, match="The columns of X_val are"):
        clf.fit(in_parts(FRAME)[0], y, X_val=reverse, y_val=y)
    with pytest.raises(ValueError, match="Column 'town' holds numbers, but the categories"):
        clf.fit(in_parts(FRAME)[0], y, X_val=in_parts(FRAME.assign(town=2))[0], y_val=y)
    sparse_rows = da.from_array(np.eye(600), chunks=(300, 600)).map_blocks(sparse.csr_array)
    with pytest.raises(ValueError, match="X is sparse"):
        clf.set_params(categorical_features=[0]).fit(sparse_rows, da.from_array(Y, chunks=300))


def test_ids_are_warned_of_once():
    ids = np.array([f"customer {i}" for i in range(600)])
    clf = DaskSoftmaxMLPClassifier((4,), n_shards=2, epochs=2)
    message = "Column 'town' has 600 different strings in 600 rows"
    with pytest.warns(UserWarning, match=message) as caught:
        clf.fit(*in_parts(FRAME.assign(town=ids), Y))
    assert len(caught) == 1
    dates = pd.date_range("2024-08-26", periods=600).strftime("%Y-%m-%d")
    with pytest.warns(UserWarning, match="Column 'town' holds dates as strings") as caught:
        clf.fit(*in_parts(FRAME.assign(town=dates), Y))
    assert len(caught) == 1
    # Within a shard, most strings are different; in all rows they are not.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        few = np.resize(ids[:200], 600)
        clf.fit(*in_parts(FRAME.assign(town=few), Y, ends=(200, 400)))
        clf.fit(*in_parts(FRAME.assign(town=pd.Categorical(ids)), Y))


def test_rows_of_weight_0_have_no_categories():
    frame = FRAME.assign(town=FRAME.town.where(FRAME.index > 0, "nowhere"))
    w = np.ones(600)
    w[0] = 0
    clf = DaskSoftmaxMLPClassifier(n_shards=2, **LBFGS).fit(*in_parts(frame, Y, w))
    assert "nowhere" not in clf.categories_[0]
    assert_same_model(clf, SoftmaxMLPClassifier(**LBFGS).fit(frame, Y, w), HELD_OUT)


def test_shards_hold_codes():
    shard = validate_shard(
        [(FRAME[:300], Y[:300], None), (FRAME[300:], Y[300:], None)], 0, "from_dtype", None
    )
    rows = shard.rows.X
    assert rows.codes.dtype == np.uint8
    assert rows.numbers.nbytes + rows.codes.nbytes < sizeof(shard) < FRAME.memory_usage().sum()
    assert [None if c is None else len(c) for c in shard.summary.columns.categories] == [
        FRAME[name].nunique() if name in CATEGORIES else None for name in FRAME
    ]


def test_ids_that_a_missing_value_in_one_part_made_floats():
    ids = [2**53, 2**53 + 1, 2**53 + 2] * 40
    whole, y = pd.DataFrame({"id": ids, "x": np.arange(120) % 7}), np.arange(120) % 2
    lost = whole[60:].astype({"id": float})
    lost.iloc[0, 0] = np.nan
    labels = frame_of([pd.Series(y[:60]), pd.Series(y[60:])])
    clf = DaskSoftmaxMLPClassifier((4,), epochs=1, categorical_features=["id"])
    message = "Column 'id' holds 9007199254740992.0, to which float64 rounds several integers"
    for rest in (lost, lost.assign(id=np.where(lost.x > 0, np.nan, 5.0))):
        with pytest.raises(ValueError, match=message):
            clf.fit(frame_of([whole[:60], rest]), labels)
    clf.fit(frame_of([whole[:60], whole[60:]]), labels)
    with pytest.raises(ValueError, match=message):
        clf.predict(frame_of([whole[:60], lost])).compute()
