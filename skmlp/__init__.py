"""A softmax multilayer perceptron for people who work in scikit-learn."""

from skmlp.classifier import SoftmaxMLPClassifier
from skmlp.display import LossCurveDisplay
from skmlp.persistence import load, save
from skmlp.search import PopulationGridSearchCV, PopulationRandomizedSearchCV

__all__ = [
    "LossCurveDisplay",
    "PopulationGridSearchCV",
    "PopulationRandomizedSearchCV",
    "SoftmaxMLPClassifier",
    "load",
    "save",
]

__version__ = "0.1.0"
