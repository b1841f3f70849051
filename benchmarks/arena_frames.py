"""The contestants of the arena on data frames: each gets the columns as its users would give them.

Numbers are floats with NaN, strings are columns of the dtype "category". skmlp itself takes frames;
its "long way" is the transformer that its users would otherwise put in front.
"""

from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from benchmarks.arena_contestants import PEERS, ours

LONG_WAY = "skmlp long way"

categories = make_column_selector(dtype_include="category")
numbers = make_column_selector(dtype_exclude="category")


def encoder():
    """Return what stands in front of an estimator that takes numbers only."""
    one_hot = OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist")
    scaled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    return ColumnTransformer([("categories", one_hot, categories), ("numbers", scaled, numbers)])


def _logistic_regression(seed):
    return make_pipeline(encoder(), LogisticRegression(random_state=seed))


def _mlp_classifier(seed):
    return make_pipeline(encoder(), MLPClassifier(random_state=seed))


def _long_way(seed):
    _, make = ours("default")[1]
    return make_pipeline(encoder(), make(seed))


def _as_category(frame):
    return frame.astype("category")


def _hist_gradient_boosting(seed):
    """Merge the rarest of more than 255 levels, which are an error; gaps stay gaps."""
    _, make = PEERS["HistGradientBoosting"]
    codes = OrdinalEncoder(
        max_categories=255, handle_unknown="use_encoded_value", unknown_value=float("nan")
    )
    levels = make_pipeline(codes, FunctionTransformer(_as_category))
    merged = ColumnTransformer([("categories", levels, categories)], remainder="passthrough")
    estimator = make(seed).set_params(categorical_features="from_dtype")
    return make_pipeline(merged.set_output(transform="pandas"), estimator)


def _xgboost(seed):
    _, make = PEERS["XGBoost"]
    return make(seed).set_params(enable_categorical=True)


class CatBoostOnFrames:
    """CatBoostClassifier with the names of the categories; a gap in one is a level of its own."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        """Fit it to a frame."""
        self.estimator.fit(self._filled(X), y, cat_features=categories(X))
        return self

    def predict_proba(self, X):
        """Return its probabilities."""
        return self.estimator.predict_proba(self._filled(X))

    @staticmethod
    def _filled(X):
        return X.assign(
            **{name: X[name].astype(object).fillna("missing") for name in categories(X)}
        )


def _catboost(seed):
    _, make = PEERS["CatBoost"]
    return CatBoostOnFrames(make(seed))


def _realmlp(seed):
    """Fill the gaps of numbers, which are an error; those of categories are not."""
    _, make = PEERS["RealMLP_TD_S"]
    filled = ("numbers", SimpleImputer(add_indicator=True), numbers)
    imputer = ColumnTransformer([filled], remainder="passthrough").set_output(transform="pandas")
    return make_pipeline(imputer, make(seed))


# As in PEERS; LightGBM takes the frame as it is.
FRAME_CONTESTANTS = {
    "LogisticRegression": ("sklearn", _logistic_regression),
    "MLPClassifier": ("sklearn", _mlp_classifier),
    "HistGradientBoosting": ("sklearn", _hist_gradient_boosting),
    "XGBoost": ("xgboost", _xgboost),
    "LightGBM": PEERS["LightGBM"],
    "CatBoost": ("catboost", _catboost),
    "RealMLP_TD_S": ("pytabkit", _realmlp),
    LONG_WAY: ("skmlp", _long_way),
}
