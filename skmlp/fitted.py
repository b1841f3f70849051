"""What a fitted classifier can do: predict, show its layers, become scikit-learn's own."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp.core.losses import log_softmax
from skmlp.errors import invalid
from skmlp.inputs import check_X
from skmlp.parameters import build_network
from skmlp.prediction import finite_chunks, finite_logits, finite_outputs

__all__ = ["FittedMLP"]


class FittedMLP:
    """The half of SoftmaxMLPClassifier that keeps what training has left, and reads it."""

    def _keep(self, outcome, *, whole=False):
        """Set the fitted attributes from what training returned; all of it, to go on later."""
        vars(self).update(self._fitted_attributes(outcome))
        if whole:
            self._progress = outcome.progress

    def _fitted_attributes(self, outcome):
        """Return the fitted attributes, besides those set before training, by name."""
        layer_sizes, activations = outcome.description
        history, best, scaling = outcome.history, outcome.best_epoch, outcome.scaling
        scores, n_classes = history.get("validation_score"), len(self.classes_)
        return {
            "_layer_sizes": layer_sizes,
            "_activations": activations,
            # Plain arrays: what reads models without trusting them asks about every other type.
            "_mean_and_scale": scaling and (scaling.mean, scaling.scale),
            "_progress": None,
            "theta_": outcome.theta,
            "history_": history,
            "n_iter_": len(history["loss"]),
            "loss_": history["loss"][-1] if history["loss"] else np.nan,
            "best_epoch_": best,
            "best_validation_score_": None if best is None or not scores else scores[best],
            "stop_reason_": outcome.stop_reason,
            "class_weight_": np.ones(n_classes)
            if outcome.class_weight is None
            else outcome.class_weight,
            "n_layers_": len(layer_sizes),
            "n_outputs_": n_classes,
            "out_activation_": "softmax",
        }

    def decision_function(self, X):
        """Return the logits.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes) or (n_samples,)
            For two classes the difference ``z1 - z0`` of the two logits, whose logistic
            function is the probability of ``classes_[1]``.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            For rows that are not finite numbers, are too large for the network's dtype, or
            have other features than those trained on.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_log_proba(self, X):
        """Return the logarithms of the probabilities, by log-softmax of the logits.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; never less than the logarithm of the smallest
            normal number of its dtype (-87.3 in float32, -708.4 in float64), so never -inf.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            For rows that are not finite numbers, are too large for the network's dtype, or
            have other features than those trained on.
        """
        check_is_fitted(self)
        X = check_X(self, X)
        log_proba = np.empty((X.shape[0], len(self.classes_)), self.theta_.dtype)
        least = np.log(np.finfo(log_proba.dtype).tiny)
        for chunk, logits in finite_chunks(self._network, self.theta_, X):
            with np.errstate(over="ignore"):  # a difference may be -inf, which is clipped
                np.maximum(log_softmax(logits), least, out=log_proba[chunk])
        return log_proba

    def predict_proba(self, X):
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
            For rows that are not finite numbers, are too large for the network's dtype, or
            have other features than those trained on.
        """
        proba = self.predict_log_proba(X)
        return np.exp(proba, out=proba)

    def predict(self, X):
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
            For rows that are not finite numbers, are too large for the network's dtype, or
            have other features than those trained on.
        """
        check_is_fitted(self)
        X = check_X(self, X)
        labels = np.empty(X.shape[0], self.classes_.dtype)
        for chunk, logits in finite_chunks(self._network, self.theta_, X):
            labels[chunk] = self.classes_[logits.argmax(axis=1)]
        return labels

    def hidden_activations(self, X, layer=-1):
        """Return what a hidden layer makes of the rows.

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
            If the network has no such layer, and for rows as `predict`.
        """
        layer = self._hidden_layer(layer)
        return finite_outputs(self._network, self.theta_, check_X(self, X), layer)

    def to_sklearn(self):
        """Return the same network as scikit-learn's own, which other tools know.

        Its probabilities are the same. Two outputs become one, as MLPClassifier has it: for
        two classes the logistic function of their difference.

        Returns
        -------
        mlp : sklearn.neural_network.MLPClassifier
            Fitted; its arrays are copies.

        Raises
        ------
        ValueError
            If MLPClassifier has no such network: for the hidden activations "leaky_relu",
            "elu", "silu" and "gelu", different ones for different layers, or a single class.
        """
        # Here, so that importing skmlp need not import scikit-learn's networks.
        from skmlp.conversion import to_mlpclassifier

        return to_mlpclassifier(self)

    @classmethod
    def from_sklearn(cls, mlp):
        """Return a classifier made of scikit-learn's own.

        Parameters
        ----------
        mlp : sklearn.neural_network.MLPClassifier
            Fitted, on one label a row.

        Returns
        -------
        clf : SoftmaxMLPClassifier
            Fitted; its probabilities are the same.

        Raises
        ------
        TypeError
            If mlp is no MLPClassifier.
        ValueError
            If it was fitted on several labels a row.
        """
        from skmlp.conversion import from_mlpclassifier  # as above

        return from_mlpclassifier(cls, mlp)

    def _hidden_layer(self, layer):
        """Return the number of a hidden layer, counted from the first."""
        check_is_fitted(self)
        n_hidden = len(self._layer_sizes) - 2
        if not n_hidden:
            raise ValueError("hidden_activations needs a hidden layer: units=() has none.")
        if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
            raise invalid("layer", layer, f"an integer from {-n_hidden} to {n_hidden - 1}")
        return layer % n_hidden

    def _logits(self, X):
        """Return logits (n_samples, n_classes), in theta_'s dtype, also for two classes."""
        check_is_fitted(self)
        return finite_logits(self._network, self.theta_, check_X(self, X))

    @property
    def _network(self):
        """The core's Network; the estimator itself keeps only sizes and names."""
        return build_network(self._layer_sizes, self._activations)

    @property
    def coefs_(self):
        """The weights of each layer (fan_in, fan_out), views on `theta_`."""
        return self._network.views(self.theta_)[0]

    @property
    def intercepts_(self):
        """The biases of each layer (fan_out,), views on `theta_`."""
        return [b[0] for b in self._network.views(self.theta_)[1]]

    @property
    def loss_curve_(self):
        """The objective in each epoch."""
        return self.history_["loss"]

    @property
    def validation_loss_curve_(self):
        """The cross-entropy on the validation set after each epoch, or None."""
        return self.history_.get("validation_loss")

    @property
    def validation_scores_(self):
        """The score on the validation set after each epoch, or None."""
        return self.history_.get("validation_score")
