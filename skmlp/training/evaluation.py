"""Evaluation after each epoch: loss and score on validation and training rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn import config_context
from sklearn.metrics import get_scorer

from skmlp.core.losses import softmax_cross_entropy
from skmlp.core.network import Network
from skmlp.core.temperature import find_inverse_temperature, inverse_temperature_derivative
from skmlp.data.checks import max_abs
from skmlp.data.dataset import Dataset
from skmlp.data.splitting import stratified_sample
from skmlp.data.weights import normalize_weights, rescale_for_sum
from skmlp.training.config import TrainConfig
from skmlp.training.inference import finite_chunks, finite_outputs
from skmlp.training.state import FitResult

__all__ = ["EvaluationSet", "Evaluator", "LocalEvaluationSet", "MakeEstimator", "score_rows"]

# Returns a fitted estimator, for scorers.
MakeEstimator = Callable[[FitResult], Any]


class EvaluationSet(Protocol):
    """Rows that are evaluated after each epoch, in memory or in shards."""

    def loss_and_accuracy(self, network: Network, theta: np.ndarray) -> tuple[float, float]:
        """Return the cross-entropy, without penalty and smoothing, and the accuracy."""

    def scored_result(self, result: FitResult) -> FitResult:
        """Return the network that is scored: the result, or a network that takes its logits."""

    def score(self, result: FitResult, estimator: Any) -> float:
        """Return the score of a result, given the estimator made of its `scored_result`."""

    def inverse_temperature(self, network: Network, theta: np.ndarray, q: np.ndarray) -> float:
        """Return the inverse temperature, given class frequencies q: see `core.temperature`."""


@dataclass
class Evaluator:
    """Computes the metrics of an epoch.

    Parameters
    ----------
    training : EvaluationSet
        All or some of the rows that are trained on.
    validation : EvaluationSet or None
    make_estimator : callable (FitResult) -> fitted estimator, or None
        For scorers of scikit-learn; None if `scoring` is the loss.
    """

    training: EvaluationSet
    validation: EvaluationSet | None
    make_estimator: MakeEstimator | None

    @classmethod
    def create(
        cls,
        config: TrainConfig,
        make_training: Callable[[], EvaluationSet],
        validation: EvaluationSet | None,
        make_estimator: MakeEstimator | None,
    ) -> "Evaluator | None":
        """Return the evaluator that a configuration needs; None if there is nothing to evaluate."""
        if validation is None and (not config.early_stopping or config.monitors_loss):
            return None
        return cls(make_training(), validation, None if config.monitors_loss else make_estimator)

    def evaluate(self, network: Network, result: FitResult) -> dict[str, float]:
        """Return the metrics of the present state by name."""
        if self.make_estimator is None:
            _, score = self.training.loss_and_accuracy(network, result.theta)
        else:
            estimator = self.make_estimator(self.training.scored_result(result))
            score = self.training.score(result, estimator)
        metrics = {"score": score}
        if self.validation is not None:
            loss, score = self.validation.loss_and_accuracy(network, result.theta)
            if self.make_estimator is not None:
                score = self.validation.score(result, estimator)
            metrics.update(validation_loss=loss, validation_score=score)
        return metrics


class LocalEvaluationSet:
    """Rows in memory that are evaluated after each epoch.

    Parameters
    ----------
    dataset : Dataset
    class_weight : ndarray of shape (n_classes,)
        Weights in the loss, as in training; scores have sample weights alone.
    scoring : str or callable
        "loss", or a scorer of scikit-learn.
    name : str
        What messages call the rows.
    """

    def __init__(self, dataset: Dataset, class_weight: np.ndarray, scoring: Any, name: str) -> None:
        self.dataset, self.scoring, self.name = dataset, scoring, name
        self._class_weight = class_weight
        self._w = None
        if dataset.sample_weight is not None or np.ptp(class_weight) > 0:
            sample_weight = 1.0 if dataset.sample_weight is None else dataset.sample_weight
            w = class_weight[dataset.y_encoded] * sample_weight
            if not w.any():
                raise ValueError(f"class_weight gives every row of {name} the weight zero.")
            self._w = normalize_weights(w)
        weights = dataset.sample_weight
        self._sample_weight = None if weights is None else rescale_for_sum(weights)

    def loss_and_accuracy(self, network: Network, theta: np.ndarray) -> tuple[float, float]:
        """Return the cross-entropy, without penalty and smoothing, and the accuracy."""
        dataset, loss = self.dataset, 0.0
        correct = np.empty(len(dataset.y_encoded), bool)
        for chunk, logits in finite_chunks(network, theta, dataset.X, name=self.name):
            correct[chunk] = logits.argmax(axis=-1) == dataset.y_encoded[chunk]
            w = None if self._w is None else self._w[chunk]
            Y, share = dataset.Y[chunk].toarray(), len(logits) / len(correct)
            with np.errstate(all="ignore"):
                loss += share * float(softmax_cross_entropy(logits, Y, w, out=logits)[0])
        if not np.isfinite(loss):
            raise ValueError(
                f"The loss on {self.name} is {loss:g}: its largest number is "
                f"{max_abs(dataset.X):g}, far from the training data."
            )
        return float(loss), float(np.average(correct, weights=self._sample_weight))

    def inverse_temperature(self, network: Network, theta: np.ndarray, q: np.ndarray) -> float:
        """Return the inverse temperature, given class frequencies q."""
        n = len(self.dataset.y_encoded)
        return find_inverse_temperature(self.temperature_derivative(network, theta, q, n))

    def temperature_derivative(
        self, network: Network, theta: np.ndarray, q: np.ndarray, n: int
    ) -> Callable[[float], float]:
        """Return `inverse_temperature_derivative` as a function of b; the rows are a part of n.

        One parameter needs no more than 10,000 rows, which are drawn from more.
        """
        dataset = stratified_sample(self.dataset, np.arange(len(self.dataset.y_encoded)))
        rows = self
        if dataset is not self.dataset:
            rows = LocalEvaluationSet(dataset, self._class_weight, "loss", self.name)
        logits = finite_outputs(network, theta, dataset.X, name=self.name)
        Y = dataset.Y[:].toarray()
        return lambda b: inverse_temperature_derivative(logits, Y, rows._w, q, b, n)

    def scored_result(self, result: FitResult) -> FitResult:
        """Return the result itself, whose estimator takes the rows."""
        return result

    def score(self, result: FitResult, estimator: Any) -> float:
        """Return the score of the estimator made of a result."""
        X, y, w = self.dataset.X, self.dataset.y, self._sample_weight
        return score_rows(self.scoring, estimator, X, y, w, self.name)


def score_rows(
    scoring: Any, estimator: Any, X: Any, y: np.ndarray, sample_weight: np.ndarray | None, name: str
) -> float:
    """Return the score of a fitted estimator on validated rows, called by that name in messages."""
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    try:
        with config_context(assume_finite=True):  # X has been checked
            score = get_scorer(scoring)(estimator, X, y, **weights)
    except TypeError as error:
        if "sample_weight" not in str(error):
            raise
        raise TypeError(
            f"scoring={scoring!r} does not accept sample_weight, but fit got some: {error}"
        ) from error
    if not isinstance(score, float | int | np.number) or not np.isfinite(score):
        raise ValueError(f"scoring={scoring!r} must give a finite number, got {score!r} on {name}.")
    return float(score)
