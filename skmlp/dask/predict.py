"""Lazy predictions for Dask's collections."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp.dask._cluster import Executor, aligned_blocks, is_collection, map_predict
from skmlp.dask.shard import count_correct
from skmlp.data.validation import zero_weights_error

__all__ = ["LazyPredictMixin"]


class LazyPredictMixin:
    """The prediction methods of DaskSoftmaxMLPClassifier, computed by its local model."""

    def predict(self, X):
        """Return the most probable class.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. Predictions for rows in memory are computed at once.

        Returns
        -------
        y : dask array or series of shape (n_samples,)
            Labels, to be computed by Dask.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When they are computed, as SoftmaxMLPClassifier.
        """
        return self._predict(X, "predict")

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. Predictions for rows in memory are computed at once.

        Returns
        -------
        proba : dask array or dataframe of shape (n_samples, n_classes)
            In the order of `classes_`, to be computed by Dask.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When they are computed, as SoftmaxMLPClassifier.
        """
        return self._predict(X, "predict_proba")

    def predict_log_proba(self, X):
        """Return the logarithms of the probabilities.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. Predictions for rows in memory are computed at once.

        Returns
        -------
        log_proba : dask array or dataframe of shape (n_samples, n_classes)
            As of SoftmaxMLPClassifier, to be computed by Dask.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When they are computed, as SoftmaxMLPClassifier.
        """
        return self._predict(X, "predict_log_proba")

    def decision_function(self, X):
        """Return the logits.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. Predictions for rows in memory are computed at once.

        Returns
        -------
        logits : dask array, series or dataframe of shape (n_samples, n_classes) or (n_samples,)
            As of SoftmaxMLPClassifier, to be computed by Dask.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When they are computed, as SoftmaxMLPClassifier.
        """
        return self._predict(X, "decision_function")

    def hidden_activations(self, X, layer=-1):
        """Return the outputs of a hidden layer.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. Predictions for rows in memory are computed at once.
        layer : int, default=-1
            0 is the first hidden layer, -1 the last one.

        Returns
        -------
        A : dask array or dataframe of shape (n_samples, units[layer])
            As of SoftmaxMLPClassifier, to be computed by Dask.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the network has no such layer.
        """
        layer, local = self._hidden_layer(layer), self._to_send()
        if not is_collection(X):
            return local.hidden_activations(X, layer)
        width = self._layer_sizes[1 + layer]
        return map_predict(X, local, "hidden_activations", self.theta_.dtype, width, layer=layer)

    def _to_send(self):
        """Return the local model without the state that only further training needs."""
        local = self.to_local()
        local._train_state = None
        return local

    def _predict(self, X, method):
        check_is_fitted(self)
        local = self._to_send()
        if not is_collection(X):
            return getattr(local, method)(X)
        if method == "predict":
            return map_predict(X, local, method, self.classes_.dtype)
        n_classes = len(self.classes_)
        if method == "decision_function" and n_classes == 2:
            return map_predict(X, local, method, self.theta_.dtype)
        return map_predict(X, local, method, self.theta_.dtype, n_classes, self.classes_)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy, counted where the partitions lie.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            The rows. Rows in memory are scored at once.
        y : dask array or series of shape (n_samples,)
            Their labels.
        sample_weight : dask array or series of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        score : float
            The weight of the rows with the right label, over that of all rows.

        Raises
        ------
        NotFittedError
            Before fit.
        TypeError
            If y or weights are not Dask's.
        ValueError
            If they are not cut like X, or cannot be used.
        """
        check_is_fitted(self)
        local = self._to_send()
        if not is_collection(X):
            return local.score(X, y, sample_weight)
        blocks = aligned_blocks(X=X, y=y, sample_weight=sample_weight)
        counts = Executor.of(blocks, None, count_correct, local)
        correct, total = np.sum(counts.map(tuple), axis=0)
        if not total:
            raise zero_weights_error("sample_weight")
        return float(correct / total)
