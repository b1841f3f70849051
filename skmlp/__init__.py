"""A softmax multilayer perceptron for people who work in scikit-learn."""

from skmlp.classifier import SoftmaxMLPClassifier

__all__ = ["SoftmaxMLPClassifier"]

__version__ = "0.1.0"
