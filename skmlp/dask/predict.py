"""Lazy predictions for Dask collections."""

from typing import Any

import dask
import dask.array as da
import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp.dask._cluster import Executor, aligned_blocks, is_collection, new_key
from skmlp.dask.shard import count_correct
from skmlp.data.checks import zero_weights_error

__all__ = ["LazyPredictMixin"]


class LazyPredictMixin:
    """The prediction methods of DaskSoftmaxMLPClassifier, computed by its local model."""

    def predict(self, X: Any) -> Any:
        """Return the most probable class.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. For rows in memory, the result is an array in memory.

        Returns
        -------
        y : dask array or series of shape (n_samples,)
            Labels, not yet computed.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            As SoftmaxMLPClassifier, when the result is computed.
        """
        return self._predict(X, "predict")

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. For rows in memory, the result is an array in memory.

        Returns
        -------
        proba : dask array or dataframe of shape (n_samples, n_classes)
            In the order of `classes_`, not yet computed.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            As SoftmaxMLPClassifier, when the result is computed.
        """
        return self._predict(X, "predict_proba")

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the probabilities.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. For rows in memory, the result is an array in memory.

        Returns
        -------
        log_proba : dask array or dataframe of shape (n_samples, n_classes)
            As of SoftmaxMLPClassifier, not yet computed.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            As SoftmaxMLPClassifier, when the result is computed.
        """
        return self._predict(X, "predict_log_proba")

    def decision_function(self, X: Any) -> Any:
        """Return the logits.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. For rows in memory, the result is an array in memory.

        Returns
        -------
        logits : dask array, series or dataframe of shape (n_samples, n_classes) or (n_samples,)
            As of SoftmaxMLPClassifier, not yet computed.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            As SoftmaxMLPClassifier, when the result is computed.
        """
        return self._predict(X, "decision_function")

    def hidden_activations(self: Any, X: Any, layer: int = -1) -> Any:
        """Return the outputs of a hidden layer.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. For rows in memory, the result is an array in memory.
        layer : int, default=-1
            0 is the first hidden layer, -1 the last one.

        Returns
        -------
        A : dask array or dataframe of shape (n_samples, units[layer])
            As of SoftmaxMLPClassifier, not yet computed.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the network has no such layer.
        """
        layer, local = self._hidden_layer(layer), self._without_train_state()
        if not is_collection(X):
            return local.hidden_activations(X, layer)
        units = range(self._layer_sizes[1 + layer])
        return _lazy(X, local, "hidden_activations", self.theta_.dtype, units, layer=layer)

    def score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy, computed on the workers that hold the partitions.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows; y and weights must be in memory if they are.
        y : dask array or series of shape (n_samples,)
            Their labels.
        sample_weight : dask array or series of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        score : float
            The weight of the correctly predicted rows, divided by that of all rows.

        Raises
        ------
        NotFittedError
            Before fit.
        TypeError
            If y or weights are not Dask collections.
        ValueError
            If they have other partitions than X, or are invalid.
        """
        check_is_fitted(self)
        local = self._without_train_state()
        if not is_collection(X):
            return local.score(X, y, sample_weight)
        blocks = aligned_blocks(X=X, y=y, sample_weight=sample_weight)
        with Executor.of(blocks, None, count_correct, local) as counts:
            correct, total = np.sum(counts.map(tuple), axis=0)
        if not total:
            raise zero_weights_error("sample_weight")
        return float(correct / total)

    def _without_train_state(self: Any) -> Any:
        """Return the local model without the state that is needed for further training only."""
        local = self._snapshot().to_local()
        local._train_state = None
        return local

    def _predict(self: Any, X: Any, method: str) -> Any:
        check_is_fitted(self)
        local = self._without_train_state()
        classes = local.classes_
        if not is_collection(X):
            return getattr(local, method)(X)
        if method == "predict":
            return _lazy(X, local, method, classes.dtype)
        one_column = method == "decision_function" and len(classes) == 2
        return _lazy(X, local, method, local.theta_.dtype, None if one_column else classes)


def _lazy(
    X: Any, model: Any, method: str, dtype: np.dtype, columns: Any = None, **params: Any
) -> Any:
    """Return the lazy result of a prediction method for X.

    Parameters
    ----------
    X : dask array or dataframe of shape (n, n_features)
    model : SoftmaxMLPClassifier
    method : str
    dtype : dtype
        Of the result.
    columns : sequence or None, default=None
        Labels of the columns of the result; None if it has one dimension.
    **params : dict
        Arguments of the method.

    Returns
    -------
    result : dask array, or for a dataframe a series or dataframe with the same index
    """
    if X.ndim != 2:
        raise ValueError(f"X must have two dimensions, rows and columns, got {X.ndim}.")
    empty: Any = np.empty(0 if columns is None else (0, len(columns)), dtype)
    if isinstance(X, da.Array):
        X = X.rechunk({1: -1}) if X.numblocks[1] > 1 else X
        chunks = X.chunks[:1] if columns is None else (X.chunks[0], (len(columns),))
        options = {"chunks": chunks, "drop_axis": [1] if columns is None else None}
        # One task for all blocks, which Dask does not search for collections.
        model = dask.delayed(model, name=new_key("parameters"), traverse=False)
        return X.map_blocks(
            _predict_block, model, method, params, empty, dtype=dtype, meta=empty, **options
        )
    import pandas as pd  # a dependency of Dask dataframes

    if columns is None:
        empty = pd.Series(empty, name=method)
    else:
        empty = pd.DataFrame(empty, columns=columns)
    return X.map_partitions(_predict_block, model, method, params, empty, meta=empty)


def _predict_block(block: Any, model: Any, method: str, params: dict, empty: Any) -> Any:
    """Return the result for a block, in the type of `empty`; a block may have no rows."""
    if not block.shape[0]:
        return empty.copy()
    result = getattr(model, method)(block, **params)
    if isinstance(empty, np.ndarray):
        return result
    if empty.ndim == 1:
        return type(empty)(result, index=block.index, name=empty.name)
    return type(empty)(result, index=block.index, columns=empty.columns)
