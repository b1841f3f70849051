"""A softmax multilayer perceptron for people who work in scikit-learn."""

from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.ensemble import SoftmaxMLPEnsembleClassifier
from skmlp.estimators.persistence import load, save
from skmlp.estimators.presets import PRESETS
from skmlp.model_selection import PopulationGridSearchCV, PopulationRandomizedSearchCV
from skmlp.plotting.loss_curve import LossCurveDisplay

__all__ = [
    "PRESETS",
    "LossCurveDisplay",
    "PopulationGridSearchCV",
    "PopulationRandomizedSearchCV",
    "SoftmaxMLPClassifier",
    "SoftmaxMLPEnsembleClassifier",
    "load",
    "save",
]

__version__ = "0.1.0"
