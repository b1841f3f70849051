"""From a TrainConfig and a source of rows to a FitResult.

In: a `TrainConfig`, which is the validated parameters, and a data source: rows in memory, a
stacked population or, from `skmlp.dask`, shards. Out: a `FitResult` of each network. There is
one epoch loop, in `trainer`. Estimators are not known here: callers that need one during
training, such as scorers, are given a function that makes it of a `FitResult`.
"""
