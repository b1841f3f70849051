"""Displays in the style of scikit-learn's: loss curves, grids of images."""

from skmlp.plotting.image_grid import ImageGridDisplay
from skmlp.plotting.loss_curve import LossCurveDisplay

__all__ = ["ImageGridDisplay", "LossCurveDisplay"]
