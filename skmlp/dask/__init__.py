"""Training on Dask's arrays and dataframes.

In: collections whose partitions are on the workers of a cluster. Out: an estimator like
`skmlp.SoftmaxMLPClassifier`, whose predictions are collections. Rows stay where they are: what
is exchanged are summaries, parameters and gradients.
"""

from skmlp.dask.classifier import DaskSoftmaxMLPClassifier

__all__ = ["DaskSoftmaxMLPClassifier"]
