"""Invalid parameters and data raise errors that name them, before training starts."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from skmlp import SoftmaxMLPClassifier

X = np.random.RandomState(0).randn(60, 4)
y = np.arange(60) % 3


def with_entry(value, dtype=float):
    changed = X.astype(dtype)
    changed[3, 2] = value
    return changed


PARAMETERS = [
    ({"units": 0}, "units must be an integer >= 1 or a sequence of them, got 0"),
    ({"units": (5, -1)}, r"units must be .* got \(5, -1\)"),
    ({"units": 2.5}, "units must be .* got 2.5"),
    ({"units": "ten"}, "units must be .* got 'ten'"),
    ({"units": True}, "units must be .* got True"),
    ({"units": iter([5, 4])}, "units must be .* got <list_iterator"),
    ({"units": {5, 4}}, "units must be .* got {"),
    ({"units": np.array(5)}, r"units must be .* got array\(5\)"),
    ({"activation": "sigmoid"}, r"activation must be one of \['identity', 'logistic'.* 'sigmoid'"),
    ({"activation": ["relu"]}, "activation must be .* sequence of 2, one for each hidden"),
    ({"activation": ["softmax"]}, r"activation must be .* got \['softmax'\]"),
    ({"activation": 3}, "activation must be .* got 3"),
    ({"init": "zeros"}, "init must be one of .*'auto', 'glorot_uniform'.* got 'zeros'"),
    ({"solver": "newton"}, r"solver must be one of \['sgd', 'adam', 'lbfgs'\], got 'newton'"),
    ({"schedule": "step"}, "schedule must be one of .* or a callable fraction -> factor.* 'step'"),
    ({"dtype": "float16"}, "dtype must be one of .*'float32', 'float64'.* got 'float16'"),
    ({"l1": -0.1}, "l1 must be a finite number >= 0, or one for each of 3 layers, got -0.1"),
    ({"l2": -1}, "l2 must be 'auto', a finite number >= 0, .*, got -1"),
    ({"l2": np.nan}, "l2 must be 'auto', a finite number >= 0, .*, got nan"),
    ({"l2": 10**400}, "l2 must be 'auto', a finite number >= 0, .*, got 10"),
    ({"l1": "0.1"}, "l1 must be a finite number >= 0, .*, got '0.1'"),
    ({"learning_rate": 0}, "learning_rate must be a finite number > 0, got 0"),
    ({"learning_rate": np.inf}, "learning_rate must be a finite number > 0, got inf"),
    ({"momentum": 1}, r"momentum must be a number in \[0, 1\), got 1"),
    ({"beta_1": -0.1}, r"beta_1 must be a number in \[0, 1\), got -0.1"),
    ({"beta_2": 1.5}, r"beta_2 must be a number in \[0, 1\), got 1.5"),
    ({"epsilon": 0.0}, "epsilon must be a finite number > 0, got 0.0"),
    ({"batch_size": 0}, "batch_size must be 'auto' or an integer >= 1, got 0"),
    ({"batch_size": 32.0}, "batch_size must be .* got 32.0"),
    ({"batch_size": "all"}, "batch_size must be .* got 'all'"),
    ({"epochs": 0}, "epochs must be 'auto' or an integer >= 1, got 0"),
    ({"schedule": lambda fraction: None}, "schedule must return a finite factor .* got None"),
    ({"epochs": None}, "epochs must be 'auto' or an integer >= 1, got None"),
    ({"shuffle": "yes"}, "shuffle must be True or False, got 'yes'"),
    ({"nesterovs_momentum": 1}, "nesterovs_momentum must be True or False, got 1"),
    ({"verbose": -1}, "verbose must be a bool or an integer >= 0, got -1"),
    ({"standardize": 1}, "standardize must be True or False, got 1"),
    ({"l1": [0.1]}, r"l1 must be 3 numbers, one for each layer, .*>= 0, got \[0.1\]"),
    ({"l2": (0.1, -1, 0)}, r"l2 must be 3 numbers, .* >= 0, got \(0.1, -1, 0\)"),
    ({"dropout": 1.0}, r"dropout must be 'auto', a number in \[0, 1\), .* got 1.0"),
    ({"dropout": [0.5, 0.5]}, r"dropout must be 3 numbers, one for each layer, .*\[0, 1\)"),
    ({"dropout": 0.5, "solver": "lbfgs"}, "dropout=0.5 and solver='lbfgs' exclude each other"),
    ({"label_smoothing": 1}, r"label_smoothing must be a number in \[0, 1\), got 1"),
    ({"class_weight": "equal"}, "class_weight must be None, 'balanced' or a dict .* 'equal'"),
    ({"class_weight": [1, 2, 3]}, r"class_weight must be None, .* got \[1, 2, 3\]"),
    ({"class_weight": {0: -1}}, "class_weight must be a dict whose weights are .* got {0: -1}"),
    ({"class_weight": {0: 0, 1: 0, 2: 0}}, "class_weight=.* gives every row the weight zero"),
    ({"class_weight": {"0": 1, 1: 1, 2: 1}}, r"class_weight has no weight for \[0\].*\['0'\]"),
    ({"early_stopping": "on"}, "early_stopping must be 'auto', True or False, got 'on'"),
    ({"averaging": -1.0}, "averaging must be a finite number >= 0, got -1.0"),
    ({"calibration": "isotonic"}, r"calibration must be one of \['temperature'\] or None, got"),
    ({"warm_start": None}, "warm_start must be True or False, got None"),
    ({"scoring": "los"}, "scoring must be one of .* or a callable .*, got 'los'"),
    ({"scoring": None}, "scoring must be one of .* got None"),
    ({"scoring": accuracy_score}, r"scoring must be .*\(y_true, y_pred\), .*make_scorer makes one"),
    ({"scoring": lambda y, y_pred: 1.0}, "scoring must be .*make_scorer makes one"),
    ({"units": ["x"] * 10**5}, r"units must be .*\.\.\. \(500,000 characters\)"),
    ({"validation_fraction": 0}, r"validation_fraction must be a number in \(0, 1\), .* got 0"),
    ({"validation_fraction": 1.0}, "validation_fraction must be .* got 1.0"),
    (
        {"early_stopping": True, "validation_fraction": 59},
        "The validation set is too small. Increase 'validation_fraction' .*60 rows of 3 classes",
    ),
    (
        {"early_stopping": True, "scoring": lambda clf, X, y: np.nan},
        "scoring=<function .* must give a finite number, got nan on X",
    ),
    (
        {"early_stopping": True, "scoring": lambda clf, X, y: "good"},
        "scoring=<function .* must give a finite number, got 'good' on X",
    ),
    ({"n_iter_no_change": 0}, "n_iter_no_change must be an integer >= 1 or numpy.inf, got 0"),
    ({"n_iter_no_change": 2.5}, "n_iter_no_change must be .* got 2.5"),
    ({"tol": -1e-4}, "tol must be a finite number >= 0, got -0.0001"),
    ({"tol": np.inf}, "tol must be a finite number >= 0, got inf"),
    ({"random_state": "seed"}, "'seed' cannot be used to seed"),
]

DATA = {
    "inf in X": ((with_entry(np.inf), y), {}, "Input X contains infinity"),
    "complex X": ((X.astype(complex), y), {}, "Complex data not supported"),
    "object X": ((with_entry("word", object), y), {}, "could not convert string to float: 'word'"),
    "text X": (
        (X.astype(str).tolist()[:59] + [["a"] * 4], y),
        {},
        "could not convert string|numeric values explicitly",
    ),
    "X of objects": (([[Decimal("inf"), Decimal(1)]] * 60, y), {}, "X contains infinity"),
    "X of words": (
        (np.full((60, 2), "a", object), y),
        {},
        "could not convert string to float: 'a'",
    ),
    "X of dates": ((np.full((60, 2), np.datetime64("2020-01-01")), y), {}, "got dtype datetime64"),
    "X of spans": ((np.full((60, 2), np.timedelta64(1, "D")), y), {}, "X must hold real numbers"),
    "X_val of dates": (
        (X, y),
        {"X_val": np.full((60, 4), np.datetime64("2020-01-01")), "y_val": y},
        r"\(X_val, y_val\) is unusable: .*real|\(X_val, y_val\).* dtype",
    ),
    "3-d X": ((X[None], y[:1]), {}, "Found array with dim 3"),
    "1-d X": ((X[:, 0], y), {}, "Expected 2D array, got 1D array"),
    "ragged X": (([[1.0, 2.0], [3.0]], [0, 1]), {}, "inhomogeneous|sequence"),
    "no rows": ((X[:0], y[:0]), {}, r"Found array with 0 sample\(s\)"),
    "no columns": ((X[:, :0], y), {}, r"Found array with 0 feature\(s\)"),
    "y continuous": ((X, X[:, 0]), {}, "Unknown label type: .*continuous"),
    "y multilabel": ((X, np.eye(3)[y]), {}, "y should be a 1d array"),
    "y nan": ((X, np.where(y == 0, np.nan, y)), {}, "Input y contains NaN"),
    "y mixed": (
        (X, [1, *"ab" * 29, "a"]),
        {},
        r"y mixes strings and numbers: convert it, such as by y.astype\(str\)",
    ),
    "y of objects": ((X, y.astype(object)), {}, r"Unknown label type: .*y.astype\('int64'\)"),
    "y_val nan": (
        (X, y),
        {"X_val": X, "y_val": [None, *y[1:]]},
        r"\(X_val, y_val\) is unusable: Input y contains NaN or None: 1 of 60 labels",
    ),
    "y missing": ((X, None), {}, "requires y to be passed"),
    "lengths": ((X, y[:59]), {}, r"inconsistent numbers of samples: \[60, 59\]"),
    "weights: length": ((X, y, np.ones(59)), {}, "inconsistent numbers of samples"),
    "weights: shape": ((X, y, np.ones((60, 1))), {}, r"sample_weight must be 1-dim.*\(60, 1\)"),
    "weights: negative": ((X, y, -np.ones(60)), {}, "sample_weight must not be negative, got -1"),
    "weights: nan": ((X, y, with_entry(np.nan)[:, 2]), {}, "Input sample_weight contains NaN"),
    "weights: all zero": ((X, y, np.zeros(60)), {}, "sample_weight: every weight is zero"),
    "X_val alone": ((X, y), {"X_val": X}, "y_val not given"),
    "y_val alone": ((X, y), {"y_val": y}, "X_val not given"),
    "weights alone": ((X, y), {"sample_weight_val": y}, "X_val and y_val not given"),
    "X_val: width": ((X, y), {"X_val": X[:, :3], "y_val": y}, r"\(X_val, y_val\).* 3 features"),
    "X_val: inf": ((X, y), {"X_val": with_entry(np.inf), "y_val": y}, r"\(X_val, y_val\).* infin"),
    "y_val: length": ((X, y), {"X_val": X, "y_val": y[:9]}, r"\(X_val, y_val\).*\[60, 9\]"),
    "y_val: unknown": ((X, y), {"X_val": X, "y_val": y + 1}, r"Unknown class in y_val: \[3\]"),
    "y_val: other kind": (
        (X, y),
        {"X_val": X, "y_val": y.astype(str)},
        r"Unknown class in y_val: \['0', '1', '2'\]",
    ),
    "weights_val: negative": (
        (X, y),
        {"X_val": X, "y_val": y, "sample_weight_val": -np.ones(60)},
        "sample_weight_val must not be negative",
    ),
}


@pytest.mark.parametrize(
    ("params", "message"), PARAMETERS, ids=[f"{i}-{min(p)}" for i, (p, _) in enumerate(PARAMETERS)]
)
def test_invalid_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxMLPClassifier(**params).fit(X, y)


@pytest.mark.parametrize("case", DATA)
def test_invalid_data_are_named(case):
    args, kwargs, message = DATA[case]
    with pytest.raises(ValueError, match=message):
        SoftmaxMLPClassifier(epochs=1).fit(*args, **kwargs)


LONG = "x" * 5000
LABELS = np.array([f"label {i:03d}" for i in range(300)])  # 3,900 characters
OTHERS, ROWS = np.char.add(LABELS, "z"), np.eye(300)
WARM = {"warm_start": True}
FRAME = pd.DataFrame({LONG: X[:, 0], "b": X[:, 1]})

TOO_LONG = {
    "class_weight": (
        lambda clf: clf.set_params(class_weight={LONG: 1}).fit(ROWS, LABELS),
        "class_weight has no weight for",
    ),
    "no weight": (
        lambda clf: clf.set_params(class_weight=dict.fromkeys(range(900), 0)).fit(X, y),
        "gives every row the weight zero",
    ),
    "y_val": (
        lambda clf: clf.fit(ROWS, LABELS, X_val=ROWS, y_val=OTHERS),
        "Unknown class in y_val",
    ),
    "classes": (
        lambda clf: clf.partial_fit(ROWS, LABELS, LABELS).partial_fit(ROWS, LABELS, [LONG]),
        "is not the same as on last call",
    ),
    "warm start": (
        lambda clf: clf.set_params(**WARM).fit(ROWS, LABELS).fit(ROWS, OTHERS),
        "has the same classes as in the previous call",
    ),
    "units": (
        lambda clf: clf.set_params(**WARM).fit(X, y).set_params(units=[1] * 900).fit(X, y),
        "describe another network",
    ),
    "rare label": (
        lambda clf: clf.set_params(early_stopping=True).fit(X, [LONG] + ["b"] * 59),
        "cannot set validation_fraction=0.1 of the rows aside",
    ),
    "entry": (
        lambda clf: clf.fit(np.full((60, 1), LONG, object), y),
        "could not convert string to float",
    ),
    "column": (lambda clf: clf.fit(FRAME.astype(complex), y), "Column 'xxx"),
    "columns": (
        lambda clf: clf.fit(pd.DataFrame(X[:, :2], columns=[LONG, LONG]), y),
        "several columns of the same name",
    ),
    "column of strings": (
        lambda clf: clf.fit(FRAME, y).predict(FRAME.assign(**{LONG: LONG})),
        "Column 'xxx.*was numeric in fit",
    ),
    "names": (
        lambda clf: clf.set_params(categorical_features=["no"]).fit(FRAME, y),
        "categorical_features must be names of columns of X",
    ),
}


@pytest.mark.parametrize("case", TOO_LONG)
@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_messages_are_short(case):
    call, message = TOO_LONG[case]
    with pytest.raises(ValueError, match=message) as raised:
        call(SoftmaxMLPClassifier(3, epochs=1, early_stopping=False))
    assert len(str(raised.value)) < 2000


def test_warnings_are_short():
    y = np.arange(60) % 2
    first = pd.DataFrame({LONG: [f"2020-01-{i % 28 + 1:02d}" for i in range(60)]})
    clf = SoftmaxMLPClassifier(3)
    with pytest.warns(UserWarning, match="Column 'xxx") as dates:
        clf.partial_fit(first, y, [0, 1])
    with pytest.warns(UserWarning, match="Column 'xxx") as unknown:
        clf.partial_fit(first + LONG, y)
    assert max(len(str(warning.message)) for warning in [*dates, *unknown]) < 2000


@pytest.mark.parametrize("n_classes", [2, 3, 15, 100])
def test_validation_labels_of_another_type_are_unknown(n_classes):
    y = np.arange(1000) % n_classes
    for y_val in (y.astype(str), y + 1, y + 0.5):
        with pytest.raises(ValueError, match="Unknown class in y_val"):
            SoftmaxMLPClassifier(epochs=1).fit(np.eye(1000), y, X_val=np.eye(1000), y_val=y_val)


@pytest.mark.parametrize(
    "params", [{"learning_rate": 1e6, "solver": "sgd"}, {"learning_rate": 1e300}]
)
def test_divergence_raises_in_the_epoch_where_it_happens(params, capsys):
    clf = SoftmaxMLPClassifier(epochs=500, verbose=1, random_state=0, **params)
    with pytest.raises(ValueError, match=r"diverged in epoch \d+: .*learning_rate=.*\|X\| is") as e:
        clf.fit(X * 50, y)
    epoch = int(str(e.value).split("epoch ")[1].split(":")[0])
    assert len(capsys.readouterr().out.splitlines()) == epoch - 1
    assert f"{np.abs(X * 50).max():g}" in str(e.value)


@pytest.mark.parametrize(
    "failing",
    [
        lambda clf: clf.set_params(learning_rate=1e300).fit(X * 50, y % 2),
        lambda clf: clf.fit(X[:, :2], y, X_val=X, y_val=y),
        lambda clf: clf.fit(X[:, :2], y[:9]),
        lambda clf: clf.set_params(l2=-1).fit(X, y),
    ],
)
def test_failed_fit_keeps_the_fitted_model(failing):
    clf = SoftmaxMLPClassifier(units=8, epochs=5, random_state=0).fit(X, y)
    before = {name: value for name, value in vars(clf).items() if name.endswith("_")}
    expected = clf.predict_proba(X)
    with pytest.raises(ValueError, match=r"."):
        failing(clf)
    assert {name: value for name, value in vars(clf).items() if name.endswith("_")} == before
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_divergence_error_names_the_given_learning_rate():
    clf = SoftmaxMLPClassifier(learning_rate=1e200, schedule="cosine", random_state=0)
    with pytest.raises(ValueError, match=r"learning_rate=1e\+200,"):
        clf.fit(X, y)


def test_overflow_in_predict_and_validation_raises():
    small = X.astype(np.float32)
    clf = SoftmaxMLPClassifier(units=8, epochs=2).fit(small, y)
    for method in (clf.predict, clf.predict_proba, clf.predict_log_proba, clf.decision_function):
        with pytest.raises(ValueError, match=r"overflows on X: its float32 .* as large as 1e\+39"):
            method(np.full((1, 4), 1e39))
    with pytest.raises(ValueError, match="overflows on X_val"):
        clf.fit(small, y, X_val=X * 1e39, y_val=y)


def test_interrupt_does_not_keep_a_diverged_network():
    def interrupting(fraction):
        if fraction > 0.03:
            raise KeyboardInterrupt
        return 1.0

    params = {"solver": "sgd", "learning_rate": 1e300, "batch_size": 2, "epochs": 10}
    clf = SoftmaxMLPClassifier(schedule=interrupting, random_state=0, **params)
    with pytest.raises(KeyboardInterrupt):  # not ValueError, after which a loop would go on
        clf.fit(X, y)
    assert not hasattr(clf, "theta_")


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("name", ["l1", "l2"])
def test_divergence_error_advises_a_weaker_penalty(name, solver):
    params = {name: 1e308, "solver": solver, "learning_rate": 0.01}
    try:
        SoftmaxMLPClassifier(8, epochs=3, dtype="float64", **params).fit(X, y)
    except ValueError as error:
        message = str(error)
        assert f"Lower {name}=1e+308." in message
        assert "ower learning_rate" not in message
        return
    assert name == "l1"  # whose proximal step makes all weights 0


def test_overflow_error_advises_float64_only_if_that_is_wider():
    for dtype, is_advised in ((np.float32, True), (np.float64, False)):
        clf = SoftmaxMLPClassifier(8, epochs=2, activation="relu").fit(X.astype(dtype), y)
        with pytest.raises(ValueError, match=f"its {np.dtype(dtype)} parameters") as raised:
            clf.predict(np.full((1, 4), np.finfo(dtype).max))
        assert ("dtype='float64'" in str(raised.value)) == is_advised


@pytest.mark.parametrize("dtype", ["boolean", "Int64", "Float64", "category", "string"])
def test_classes_of_pandas_labels_are_those_of_logistic_regression(dtype):
    pd = pytest.importorskip("pandas")
    labels = pd.Series(y % 2).astype("bool" if dtype == "boolean" else "int").astype(dtype)
    expected = LogisticRegression().fit(X, labels)
    clf = SoftmaxMLPClassifier(8, epochs=2).fit(X, labels)
    assert clf.classes_.tolist() == expected.classes_.tolist()
    assert [type(label) for label in clf.classes_.tolist()] == [
        type(label) for label in expected.classes_.tolist()
    ]


def test_predict_with_wrong_number_of_features_raises():
    clf = SoftmaxMLPClassifier(units=8, epochs=5).fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but Soft"):
        clf.predict(X[:, :3])
