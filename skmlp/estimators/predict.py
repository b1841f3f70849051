"""Methods and properties of fitted estimators.

`ProbabilityMixin` has the predictions and the columns, also of ensembles. `PredictMixin` has what
only a single network has: weights and outputs of the layers, and conversion to scikit-learn.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from numbers import Integral
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp._errors import invalid
from skmlp._sklearn_compat import FittedHTMLMixin
from skmlp.core.encoding import Encoding
from skmlp.core.losses import log_softmax
from skmlp.core.network import Network
from skmlp.core.scaling import Scaling
from skmlp.data.checks import check_label_values
from skmlp.data.moments import Moments
from skmlp.estimators.columns import (
    encoded_names,
    infrequent_categories,
    visible_categories,
)
from skmlp.estimators.html import network_html
from skmlp.estimators.validation import validate_features
from skmlp.training.config import build_network
from skmlp.training.inference import finite_chunks, finite_outputs

__all__ = [
    "BEFORE_FIT",
    "SNAPSHOT_OF",
    "PredictMixin",
    "ProbabilityMixin",
    "fitted_network",
    "kept_network",
]

# The Network of each fitted estimator, and the object that it was made of. They are not attributes:
# a prediction may not change an estimator, and pickles hold plain arrays.
_NETWORKS: WeakKeyDictionary[Any, tuple[object, Network]] = WeakKeyDictionary()
# Attributes of an estimator while it is fitted, those before, and of a snapshot, its estimator.
BEFORE_FIT, SNAPSHOT_OF = "_before_fit", "_snapshot_of"


def fitted_network(
    layer_sizes: tuple[int, ...],
    activations: tuple[str, ...],
    encoding: Mapping[str, np.ndarray] | None,
) -> Network:
    """Return the Network of a fitted estimator; its encoding is given by arrays."""
    found = None if encoding is None else Encoding.from_arrays(encoding)
    return build_network(layer_sizes, activations, found)


def kept_network(estimator: Any, source: object, build: Callable[[], Network]) -> Network:
    """Return the Network of an estimator; ``build`` makes it if `source` is another object.

    A Network caches its shapes, which takes a quarter of the time of predicting one row.
    """
    estimator = vars(estimator).get(SNAPSHOT_OF, estimator)
    kept = _NETWORKS.get(estimator)
    if kept is None or kept[0] is not source:
        kept = _NETWORKS[estimator] = source, build()
    return kept[1]


class ProbabilityMixin(FittedHTMLMixin):
    """Predictions from scores whose softmax are the probabilities.

    A class with this mixin has `classes_`, `theta_`, whose dtype is that of the predictions, and
    methods ``_score_chunks(X)`` that yields slices of validated rows and their scores (n, K), and
    ``_fitted_html()``, which returns what is shown of a fitted network, or "" without one.
    """

    def decision_function(self, X: Any) -> np.ndarray:
        """Return scores whose softmax are the probabilities.

        These are the logits or, of an ensemble, the logarithms of the mean probabilities.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes) or (n_samples,)
            For two classes, the difference ``z1 - z0`` of the scores; the probability of
            ``classes_[1]`` is its logistic function.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X is not finite, overflows in the dtype of the network, or has other features
            than in fit.
        """
        fitted, X = self._validated_rows(X)
        scores = np.empty((X.shape[0], len(fitted.classes_)), fitted.theta_.dtype)
        for chunk, part in fitted._score_chunks(X):
            scores[chunk] = part
        return scores[:, 1] - scores[:, 0] if len(fitted.classes_) == 2 else scores

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities, by log-softmax of the scores.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; clipped below at the logarithm of the smallest normal
            number of the dtype (-87.3 in float32, -708.4 in float64), so never -inf.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X is not finite, overflows in the dtype of the network, or has other features
            than in fit.
        """
        fitted, X = self._validated_rows(X)
        log_proba = np.empty((X.shape[0], len(fitted.classes_)), fitted.theta_.dtype)
        least = np.log(np.finfo(log_proba.dtype).tiny)
        for chunk, scores in fitted._score_chunks(X):
            with np.errstate(over="ignore"):  # a difference may be -inf, which is clipped
                np.maximum(log_softmax(scores), least, out=log_proba[chunk])
        return log_proba

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`: the exponential of `predict_log_proba`.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X is not finite, overflows in the dtype of the network, or has other features
            than in fit.
        """
        proba = self.predict_log_proba(X)
        return np.exp(proba, out=proba)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels, of the dtype of `classes_`.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X is not finite, overflows in the dtype of the network, or has other features
            than in fit.
        """
        fitted, X = self._validated_rows(X)
        labels = np.empty(X.shape[0], fitted.classes_.dtype)
        for chunk, scores in fitted._score_chunks(X):
            labels[chunk] = fitted.classes_[scores.argmax(axis=1)]
        return labels

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        score : float
            The weight of the correctly predicted rows, divided by that of all rows.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X, y or weights are invalid.
        """
        check_is_fitted(self)
        check_label_values(y)
        accuracy: float = super().score(X, y, sample_weight)  # type: ignore[misc]
        return accuracy

    @property
    def is_categorical_(self) -> np.ndarray:
        """Which columns are categorical (n_features,)."""
        return np.array([found is not None for found in self._column_categories], bool)

    @property
    def categories_(self) -> list[np.ndarray | None]:
        """The sorted categories of each column, with None or NaN for missing values at the end."""
        return visible_categories(self._column_categories, self._network.encoding)

    @property
    def infrequent_categories_(self) -> list[np.ndarray | None]:
        """The categories of each column that share a row of weights, or None."""
        return infrequent_categories(self._column_categories, self._network.encoding)

    @property
    def encoded_feature_names_(self) -> np.ndarray:
        """The names of the first layer's inputs: numbers, missing indicators, categories, bins."""
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"x{j}" for j in range(self.n_features_in_)]
        return encoded_names(names, self._column_categories, self._network.encoding)

    @property
    def _column_categories(self) -> list[np.ndarray | None]:
        """The categories of each column without missing values; older pickles have none."""
        return vars(self).get("_categories") or [None] * self.n_features_in_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_label = False
        return tags

    def _snapshot(self) -> Any:
        """Return a copy with the fitted attributes of now, which later calls of fit do not change.

        While fit runs in another thread, these are the attributes before it.
        """
        now = vars(self).copy()  # at once
        snapshot = object.__new__(type(self))
        snapshot.__dict__ = {**now.get(BEFORE_FIT, now), SNAPSHOT_OF: self}
        return snapshot

    def _validated_rows(self, X: Any) -> tuple[Any, Any]:
        """Return a snapshot, after a check that it is fitted, and the rows after checks."""
        fitted = self._snapshot()
        check_is_fitted(fitted)
        return fitted, validate_features(fitted, X)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes, for copies and pickles, also those of a fit that is running."""
        state: Any = super().__getstate__()
        return {n: value for n, value in state.items() if n not in (BEFORE_FIT, SNAPSHOT_OF)}


class PredictMixin(ProbabilityMixin):
    """The methods and properties of SoftmaxMLPClassifier that require a fitted network."""

    def hidden_activations(self, X: Any, layer: int = -1) -> np.ndarray:
        """Return the outputs of a hidden layer.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        layer : int, default=-1
            0 is the first hidden layer, -1 the last one.

        Returns
        -------
        A : ndarray of shape (n_samples, units[layer])
            ``f(A_before W + b)`` of that layer, in the dtype of `theta_`.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the network has no such layer; for invalid X as in `predict`.
        """
        layer, (fitted, X) = self._hidden_layer(layer), self._validated_rows(X)
        return finite_outputs(fitted._network, fitted.theta_, X, layer)

    def to_sklearn(self) -> Any:
        """Return the network as an MLPClassifier of scikit-learn, with the same probabilities.

        A network that was trained with missing values or categories becomes a pipeline of a
        ColumnTransformer and an MLPClassifier. It accepts the same rows as `predict`, except that
        missing strings must be None or NaN: OneHotEncoder treats pandas.NA as an unknown
        category.

        For two classes, the two outputs become one, whose logistic function is the probability of
        the second class. The defaults `activation="silu"` and `n_bins="auto"` cannot be converted:
        train with ``activation="relu"`` and ``n_bins=None``. `skmlp.onnx` exports any network,
        without this conversion.

        Returns
        -------
        mlp : sklearn.neural_network.MLPClassifier or sklearn.pipeline.Pipeline
            Fitted; its arrays are copies.

        Raises
        ------
        ValueError
            If MLPClassifier does not support the network: for the hidden activations
            "leaky_relu", "elu", "silu" and "gelu", different ones for different layers, bins, or a
            single class.
        ImportError
            If a network with missing values or categories was trained on a data frame, and pandas
            is not installed.
        """
        # A local import, so that importing skmlp does not import sklearn.neural_network.
        from skmlp.estimators.conversion import to_mlpclassifier

        return to_mlpclassifier(self)

    @classmethod
    def from_sklearn(cls, mlp: Any) -> Any:
        """Return a classifier with the network of an MLPClassifier of scikit-learn.

        Parameters
        ----------
        mlp : sklearn.neural_network.MLPClassifier
            Fitted, with one label per row.

        Returns
        -------
        clf : SoftmaxMLPClassifier
            Fitted; its probabilities are the same.

        Raises
        ------
        TypeError
            If mlp is not an MLPClassifier.
        ValueError
            If it was fitted with several labels per row.
        """
        from skmlp.estimators.conversion import from_mlpclassifier  # as above

        return from_mlpclassifier(cls, mlp)

    def _hidden_layer(self, layer: int) -> int:
        """Return the non-negative index of a hidden layer."""
        check_is_fitted(self)
        n_hidden = len(self._layer_sizes) - 2
        if not n_hidden:
            raise ValueError("hidden_activations needs a hidden layer: units=() has none.")
        if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
            raise invalid("layer", layer, f"an integer from {-n_hidden} to {n_hidden - 1}")
        return layer % n_hidden

    def _score_chunks(self, X: Any) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of the rows and their logits, which the next one overwrites."""
        return finite_chunks(self._network, self.theta_, X)

    def _fitted_html(self) -> str:
        """Return what notebooks show of the network."""
        return network_html(self) if hasattr(self, "theta_") else ""

    @property
    def _network(self) -> Network:
        """The Network, made from the stored layer sizes, names of activations and encoding."""
        arrays = self._encoding_arrays
        build = partial(fitted_network, self._layer_sizes, self._activations, arrays)
        return kept_network(self, self._layer_sizes if arrays is None else arrays, build)

    @property
    def _encoding_arrays(self) -> Mapping[str, np.ndarray] | None:
        """The arrays of the encoding; older pickles have those of bins alone."""
        if "_encoding" in vars(self):
            return self._encoding
        bins = getattr(self, "_bins", None)
        if bins is None:
            return None
        centre = np.zeros(self._layer_sizes[0]) if self._scaling is None else self._scaling.mean
        names = "centre", "gaps", "bin_columns", "bin_left", "bin_right"
        return dict(zip(names, (centre, np.zeros(0, np.intp), *bins), strict=True))

    @property
    def _scaling(self) -> Scaling | None:
        """The scaling that is folded into the first layer, if any."""
        return None if self._mean_and_scale is None else Scaling(*self._mean_and_scale)

    @property
    def _column_moments(self) -> Moments | None:
        """The Moments of the columns; older pickles have none."""
        moments = getattr(self, "_moments", None)
        return None if moments is None else Moments(*moments)

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The weights of each layer (fan_in, fan_out), views on `theta_`."""
        return self._network.views(self.theta_)[0]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """The biases of each layer (fan_out,), views on `theta_`."""
        return [b[0] for b in self._network.views(self.theta_)[1]]

    @property
    def loss_curve_(self) -> list[float]:
        """The objective in each epoch."""
        return self.history_["loss"]

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """The cross-entropy on the validation set after each epoch, or None."""
        return self.history_.get("validation_loss")

    @property
    def validation_scores_(self) -> list[float] | None:
        """The score on the validation set after each epoch, or None."""
        return self.history_.get("validation_score")
