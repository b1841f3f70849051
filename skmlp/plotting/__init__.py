"""Plots with the interface of scikit-learn's displays."""

from skmlp.plotting.confusion import ConfusionDisplay
from skmlp.plotting.image_grid import ImageGridDisplay
from skmlp.plotting.loss_curve import LossCurveDisplay
from skmlp.plotting.reliability import ReliabilityDisplay

__all__ = ["ConfusionDisplay", "ImageGridDisplay", "LossCurveDisplay", "ReliabilityDisplay"]
