"""Training on Dask arrays and dataframes.

The partitions stay on the workers of the cluster; only summaries, parameters and gradients are
sent. The estimator has the interface of `skmlp.SoftmaxMLPClassifier`, and its predictions are
lazy Dask collections.
"""

from skmlp.dask.classifier import DaskSoftmaxMLPClassifier

__all__ = ["DaskSoftmaxMLPClassifier"]
