"""The contestants of the arena, with default settings and in one thread.

MLPClassifier and LogisticRegression are put behind StandardScaler, as their users do.
"""

import json
import logging

from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def _logistic_regression(seed):
    return make_pipeline(StandardScaler(), LogisticRegression(random_state=seed))


def _mlp_classifier(seed):
    return make_pipeline(StandardScaler(), MLPClassifier(random_state=seed))


def _hist_gradient_boosting(seed):
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed)


def _random_forest(seed):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(random_state=seed)


def _xgboost(seed):
    from xgboost import XGBClassifier

    return XGBClassifier(random_state=seed, n_jobs=1)


def _lightgbm(seed):
    from lightgbm import LGBMClassifier

    return LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1)


def _catboost(seed):
    from catboost import CatBoostClassifier

    return CatBoostClassifier(
        random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False
    )


def _pytabkit(name):
    def make(seed):
        import pytabkit
        import torch

        torch.set_num_threads(1)
        for logger in ("lightning", "pytorch_lightning", "lightning.pytorch"):
            logging.getLogger(logger).setLevel(logging.ERROR)
        return getattr(pytabkit, f"{name}_Classifier")(device="cpu", n_threads=1, random_state=seed)

    return make


DEFAULT = "skmlp default"

# By name, the package and a function of the seed that returns the estimator.
PEERS = {
    "LogisticRegression": ("sklearn", _logistic_regression),
    "MLPClassifier": ("sklearn", _mlp_classifier),
    "HistGradientBoosting": ("sklearn", _hist_gradient_boosting),
    "RandomForest": ("sklearn", _random_forest),
    "XGBoost": ("xgboost", _xgboost),
    "LightGBM": ("lightgbm", _lightgbm),
    "CatBoost": ("catboost", _catboost),
    "RealMLP_TD_S": ("pytabkit", _pytabkit("RealMLP_TD_S")),
    "RealMLP_TD": ("pytabkit", _pytabkit("RealMLP_TD")),
    "TabM": ("pytabkit", _pytabkit("TabM_D")),
}


def ours(name, params=None):
    """Return a contestant with parameters of SoftmaxMLPClassifier, or those of a preset.

    "default" has no parameters; other names are of PRESETS unless `params` is given. Parameters
    with "n_estimators" are those of an ensemble, and its "estimator" those of the networks.
    """
    import skmlp

    if params is None:
        params = {} if name == "default" else skmlp.PRESETS[name]

    def make(seed):
        if "n_estimators" not in params:
            return skmlp.SoftmaxMLPClassifier(**params, random_state=seed)
        net = skmlp.SoftmaxMLPClassifier(**params.get("estimator", {}))
        return skmlp.SoftmaxMLPEnsembleClassifier(**params | {"estimator": net}, random_state=seed)

    return f"skmlp {name}", ("skmlp", make)


def from_text(text):
    """Return a contestant from "name" or 'name={"parameter": value}'; lists become tuples."""
    name, _, params = text.partition("=")
    if not params:
        return ours(name)
    pairs = json.loads(params).items()
    return ours(name, {key: tuple(v) if isinstance(v, list) else v for key, v in pairs})
