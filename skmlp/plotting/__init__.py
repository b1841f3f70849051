"""Plots with the interface of scikit-learn's displays: loss curves, grids of images."""

from skmlp.plotting.image_grid import ImageGridDisplay
from skmlp.plotting.loss_curve import LossCurveDisplay

__all__ = ["ImageGridDisplay", "LossCurveDisplay"]
