"""A softmax multilayer perceptron for people who work in scikit-learn."""

from skmlp.classifier import SoftmaxMLPClassifier
from skmlp.display import LossCurveDisplay
from skmlp.persistence import load, save

__all__ = ["LossCurveDisplay", "SoftmaxMLPClassifier", "load", "save"]

__version__ = "0.1.0"
