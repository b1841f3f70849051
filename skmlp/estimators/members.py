"""The members of an ensemble: how they are trained, what is kept of each, the network of all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any, cast

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from skmlp._errors import short_repr
from skmlp.core.encoding import Encoding
from skmlp.core.network import Network
from skmlp.data.dataset import Dataset
from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.folds import Folds, rows_of_member
from skmlp.estimators.predict import fitted_network
from skmlp.io.run import RunCheckpoint
from skmlp.training.config import TrainConfig
from skmlp.training.inference import finite_chunks
from skmlp.training.jobs import Outcome
from skmlp.training.local import LocalSource, local_trainer
from skmlp.training.state import FitResult, TrainState, draw_seed
from skmlp.training.trainer import Trainer

__all__ = [
    "Member",
    "check_same_kind",
    "common_network",
    "draw_seeds",
    "member_logits",
    "member_trainers",
    "plain_member",
    "trained_members",
]

# The constructor parameters, and the fitted attributes but `theta_`. They are plain types, since
# skops asks the user whether to trust others.
Member = tuple[dict[str, Any], dict[str, Any]]


def draw_seeds(seed: int, n: int) -> list[int]:
    """Return the seeds of n members, of which the first ones do not depend on n."""
    rng = np.random.RandomState(seed)
    return [draw_seed(rng) for _ in range(n)]


def member_trainers(
    members: Mapping[int, SoftmaxMLPClassifier],
    config: TrainConfig,
    dataset: Dataset,
    validation: Dataset | None,
    *,
    repeats: Sequence[Folds],
    seeds: Sequence[int],
    encoding: Encoding | None,
    runs: Sequence[RunCheckpoint] | None = None,
) -> list[Trainer[LocalSource]]:
    """Prepare the training of members.

    Parameters
    ----------
    members : dict of int to SoftmaxMLPClassifier
        By their position in the ensemble; with a seed, the classes and features, and not fitted.
        If all train on the same rows, they have the same seed, and so visit them in one order.
    config : TrainConfig
        Of all members.
    dataset, validation : Dataset or None
    repeats : sequence of list of ndarray
        The folds that members leave out.
    seeds : sequence of int
        One for each member; of the initial weights where the members' own is another.
    encoding : Encoding or None
        That of the members before these.
    runs : sequence of RunCheckpoint, default=None
        Where their training stood.
    """
    trainers: list[Trainer[LocalSource]] = []
    every = np.arange(len(dataset.y_encoded))
    for i, member in members.items():
        start, history = TrainState(encoding=encoding), None
        of_member = replace(config, random_state=member.random_state)
        rows = rows_of_member(repeats, i, len(every))
        if member.random_state != seeds[i]:
            start.init_rng = np.random.RandomState(seeds[i])
        if runs is not None:
            start, history, of_member = runs[i].state, runs[i].history, runs[i].resolve(of_member)
        trainer = local_trainer(
            of_member,
            member.classes_,
            dataset,
            validation,
            rows=rows,
            layout_rows=every,  # in which gaps and levels are found
            start=start,
            history=history,
            make_estimator=member._fitted_copy,
        )
        if runs is not None:
            runs[i].restore(trainer.run)
        encoding = trainer.run.state.encoding
        trainers.append(trainer)
    return trainers


def trained_members(outcomes: Mapping[int, Outcome], *, in_order: bool) -> dict[int, FitResult]:
    """Return the results by the index of the trainer; raise the first error.

    Members whose training was not begun are left out, and in_order also all after them.
    """
    results: dict[int, FitResult] = {}
    for i in sorted(outcomes):
        result, _ = outcomes[i]
        if isinstance(result, Exception):
            raise result
        if in_order and i > len(results):
            break
        results[i] = result
    return results


def plain_member(params: Mapping[str, Any], result: FitResult) -> Member:
    """Return what an ensemble keeps of a member."""
    fitted = SoftmaxMLPClassifier._fitted_attributes(result)
    del fitted["theta_"]
    fitted["_moments"] = None  # for a later partial_fit, which an ensemble has not
    return dict(params), fitted


def common_network(members: Sequence[Member]) -> Network:
    """Return the network that all members have; each has its own centres of numeric columns."""
    first = members[0][1]
    encodings = [_encoding_arrays(*member) for member in members]
    encoding = encodings[0]
    if encoding is not None and len(encoding["centre"]):
        centres = np.stack([cast(Any, of_member)["centre"] for of_member in encodings])
        if (centres != centres[0]).any():
            encoding = {**encoding, "centre": centres[:, None]}
    return fitted_network(first["_layer_sizes"], first["_activations"], encoding)


def member_logits(ensemble: Any, X: Any) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of the rows and the members' logits (M, n, K), which may be overwritten."""
    network = ensemble._network
    encoding = network.encoding
    if not issparse(X) or encoding is None or encoding.centre.ndim == 1:
        yield from finite_chunks(network, ensemble.theta_, X)
        return
    # Sparse rows have no leading axes, in which the members' centres would replace gaps.
    networks = [member._network for member in ensemble.estimators_]
    of_members = map(finite_chunks, networks, ensemble.theta_, repeat(X))
    for parts in zip(*of_members, strict=True):
        yield parts[0][0], np.stack([logits for _, logits in parts])


def _encoding_arrays(params: dict[str, Any], fitted: dict[str, Any]) -> Any:
    """Return the arrays of a member's encoding, also of older pickles."""
    if "_encoding" in fitted:
        return fitted["_encoding"]
    return SoftmaxMLPClassifier._from_attributes(params, fitted)._encoding_arrays


def check_same_kind(estimators: Sequence[SoftmaxMLPClassifier]) -> None:
    """Check that fitted networks can be the members of an ensemble.

    Raises
    ------
    TypeError
        If one of them is not a SoftmaxMLPClassifier.
    ValueError
        If there is none, or if one has not the network, dtype, classes and features of the first.
    """
    if not len(estimators):
        raise ValueError("estimators must have one fitted SoftmaxMLPClassifier or more.")
    kinds: list[dict[str, Any]] = []
    for i, member in enumerate(estimators):
        if not isinstance(member, SoftmaxMLPClassifier):
            raise TypeError(
                f"estimators must be SoftmaxMLPClassifiers, but estimators[{i}] is a "
                f"{type(member).__name__}."
            )
        check_is_fitted(member)
        kinds.append(_kind(member))
        for what, expected in kinds[0].items():
            found = kinds[i][what]
            if found != expected:
                raise ValueError(
                    f"estimators[{i}] differs from estimators[0] in its {what}: "
                    f"{short_repr(found)}, not {short_repr(expected)}."
                )


def _kind(member: SoftmaxMLPClassifier) -> dict[str, Any]:
    """Return what all members have in common, by its name in messages."""
    network, categories = member._network, member._column_categories
    encoding = {} if network.encoding is None else network.encoding.arrays()
    return {
        "categories": [found.tolist() for found in categories if found is not None],
        "layers": network.layer_sizes,
        "activations": member._activations,
        "dtype": member.theta_.dtype,
        "classes": member.classes_.tolist(),
        "feature names": list(getattr(member, "feature_names_in_", [])),
        # Each may have its own centres, which replace missing values.
        "gaps, categories or bins": {
            name: array.tolist() for name, array in encoding.items() if name != "centre"
        },
    }
