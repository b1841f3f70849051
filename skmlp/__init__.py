"""A softmax multilayer perceptron for people who work in scikit-learn."""

from skmlp.classifier import SoftmaxMLPClassifier
from skmlp.persistence import load, save

__all__ = ["SoftmaxMLPClassifier", "load", "save"]

__version__ = "0.1.0"
