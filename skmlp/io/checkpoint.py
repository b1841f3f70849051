"""Checkpoint files: where a training stands, to continue from bit for bit.

An archive of the labels, ``classes``, and of the arrays of a run (`io/run.py`). Its header has the
constructor parameters, the fingerprint of the rows (`io/fingerprint.py`), and that of the run.

The checkpoint of an ensemble has the arrays of the run of each member, with its number in the name,
as in ``theta.0``, and for each repeat of the folds the fold of each row, as in ``folds.0``. Its
header has those of the members, and the seed that theirs and the folds are drawn from.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skmlp._errors import short_repr, shorten
from skmlp.io._npz import from_plain, plain_labels, read_archive, to_plain, write_archive
from skmlp.io.fingerprint import LABELS, SHAPE, differences
from skmlp.io.run import (
    RunCheckpoint,
    is_array_of_run,
    restore_count,
    restore_run,
    run_contents,
)
from skmlp.training.trainer import TrainingRun

__all__ = ["CheckpointState", "Origin", "read_checkpoint", "write_checkpoint"]

FORMAT, ENSEMBLE_FORMAT = "checkpoint 1", "ensemble checkpoint 1"
# Parameters that files of skmlp 0.1.0 do not have, with the values that mean what it did, and
# what "auto" meant there.
LATER_PARAMETERS = {"averaging": 0.0, "calibration": None, "n_bins": None}
EARLIER_AUTO_BATCH_SIZE = 128


@dataclass(frozen=True)
class Origin:
    """What a training began with, to be checked when it is resumed.

    Attributes
    ----------
    params : dict of str to object
        Constructor parameters.
    classes : ndarray of shape (n_classes,)
    fingerprint : dict of str to object
        As of `data_fingerprint`.
    seed : int or None
        Of an ensemble: that the seeds of its members and folds are drawn from.
    repeats : sequence of sequence of ndarray
        The rows of each fold of an ensemble, for each repeat.
    """

    params: Mapping[str, Any]
    classes: np.ndarray
    fingerprint: Mapping[str, Any]
    seed: int | None = None
    repeats: Sequence[Sequence[np.ndarray]] = ()


def write_checkpoint(
    path: str | bytes | os.PathLike[str],
    runs: Mapping[TrainingRun, bool],
    origin: Origin,
    *,
    every: int,
) -> None:
    """Write where runs stand after an epoch, atomically.

    Parameters
    ----------
    path : str, bytes or path-like
    runs : dict of TrainingRun to bool
        The run of a network, or those of an ensemble; and whether it is over.
    origin : Origin
    every : int
        Epochs from one checkpoint to the next.

    Raises
    ------
    ValueError
        If the labels need pickle or the random stream is not a RandomState of MT19937.
    OSError
        If the file cannot be written; the one before is whole then.
    """
    contents = [run_contents(run, is_over) for run, is_over in runs.items()]
    params, left_out = _plain_parameters(origin.params)
    rows = dict(origin.fingerprint)
    header = {"every": every, "params": params, "left_out": left_out, "rows": rows}
    classes = {"classes": plain_labels(origin.classes)}
    if origin.seed is None:
        ((of_run, arrays),) = contents
        write_archive(path, {"format": FORMAT, **header, **of_run}, classes | arrays)
        return
    headers = [of_run for of_run, _ in contents]
    header |= {"format": ENSEMBLE_FORMAT, "seed": origin.seed, "runs": headers}
    folds = {f"folds.{i}": _fold_of_row(folds) for i, folds in enumerate(origin.repeats)}
    members = {f"{n}.{i}": array for i, (_, a) in enumerate(contents) for n, array in a.items()}
    write_archive(path, header, classes | folds | members)


def _fold_of_row(folds: Sequence[np.ndarray]) -> np.ndarray:
    """Return the number of the fold that each row is in."""
    numbers = np.empty(sum(map(len, folds)), np.int64)
    for k, rows in enumerate(folds):
        numbers[rows] = k
    return numbers


def _plain_parameters(params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return parameters in types of JSON, and the names of those that have none."""
    values, left_out = {}, []
    for name, value in params.items():
        try:
            values[name] = to_plain(name, value)
        except ValueError:
            left_out.append(name)
    return values, left_out


@dataclass
class CheckpointState:
    """Contents of a checkpoint file.

    Attributes
    ----------
    params : dict of str to object
        Constructor parameters.
    left_out : list of str
        Names of the parameters that the file cannot hold.
    every : int
        Epochs from one checkpoint to the next.
    classes : ndarray of shape (n_classes,)
    fingerprint : dict
        As of `data_fingerprint`.
    runs : list of RunCheckpoint
        That of a network, or those of an ensemble.
    seed, repeats
        As in Origin.
    """

    params: dict[str, Any]
    left_out: list[str]
    every: int
    classes: np.ndarray
    fingerprint: dict[str, Any]
    runs: list[RunCheckpoint]
    seed: int | None = None
    repeats: list[list[np.ndarray]] = field(default_factory=list)

    def resumed_params(
        self, given: Mapping[str, Any], accepted: Collection[str], owner: str
    ) -> dict[str, Any]:
        """Return the constructor parameters to resume with.

        Parameters
        ----------
        given : dict of str to object
            Values for the parameters that were left out; also verbose and n_jobs.
        accepted : collection of str
            Names of the constructor's parameters.
        owner : str
            The name of the class, for messages.
        """
        self._check_given(given, accepted)
        unknown = sorted(self.params.keys() - set(accepted))
        if unknown:
            raise ValueError(
                f"The checkpoint has parameters that {owner} does not have: {short_repr(unknown)}."
            )
        return {**self.params, **given}

    def _check_given(self, given: Mapping[str, Any], accepted: Collection[str]) -> None:
        """Raise unless the parameters that were left out are given, and no other one counts."""
        # Random streams are in the file.
        held = {*given, "random_state", "estimator__random_state"}
        missing = [name for name in self.left_out if name not in held]
        if missing:
            raise ValueError(
                f"The checkpoint cannot hold {shorten(' and '.join(missing))}: pass the values "
                f"of the constructor to resume: resume(path, X, y, {shorten(missing[0])}=...)."
            )
        free = [name for name in ("verbose", "n_jobs") if name in accepted]  # no effect
        fixed = sorted(given.keys() - {*self.left_out, *free})
        if fixed:
            raise ValueError(
                f"{' and '.join(fixed)} cannot be passed to resume. It accepts "
                f"{shorten(', '.join([*free, *self.left_out]))}. Training continues with the "
                "parameters in the checkpoint."
            )

    def check_origin(self, origin: Origin) -> None:
        """Raise unless these are the rows that the checkpoint is of."""
        now = dict(origin.fingerprint)
        if origin.classes.tolist() != self.classes.tolist():
            now[LABELS] = None
        if differing := differences(now, self.fingerprint):
            raise ValueError(
                "Training can be resumed only with the rows, labels and weights that it began "
                f"with, in the same order: {shorten(' and '.join(differing))} differ from those of "
                "the checkpoint. To train on other rows, use warm_start or partial_fit."
            )


def read_checkpoint(
    path: str | bytes | os.PathLike[str], *, of_ensemble: bool = False
) -> CheckpointState:
    """Read the checkpoint file of a network or of an ensemble; everything in it is checked.

    Raises
    ------
    ValueError
        Saying what is wrong, if the file is damaged or no checkpoint.
    OSError
        If the file cannot be read.
    """

    def restore(header: dict[str, Any], **arrays: np.ndarray) -> CheckpointState:
        if (header["format"] == ENSEMBLE_FORMAT) != of_ensemble:
            kinds = ["of a single network", "of an ensemble"]
            raise ValueError(f"it is {kinds[not of_ensemble]}, not {kinds[of_ensemble]}")
        return (_restore_ensemble if of_ensemble else _restore)(header, **arrays)

    forms = [FORMAT, ENSEMBLE_FORMAT]
    return read_archive(path, "checkpoint", forms, {"classes"}, _is_known, restore)


def _is_known(name: str) -> bool:
    """Whether there may be an array of this name, of a network or of a member."""
    kind, _, number = name.partition(".")
    is_fold = kind == "folds" and number.isdecimal()
    return is_fold or (is_array_of_run(kind) and (number.isdecimal() or kind == name))


def _restore(header: dict[str, Any], classes: np.ndarray, **arrays: np.ndarray) -> CheckpointState:
    """Return the contents of the checkpoint of a network."""
    if "theta" not in arrays or not all(map(is_array_of_run, arrays)):
        raise ValueError("it must hold theta and classes, and besides them only known arrays")
    _, n_features = header["rows"][SHAPE]
    state = _restore_origin(header, classes, [restore_run(header, n_features, **arrays)])
    state.params = _current_parameters(state.params)
    return state


def _current_parameters(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a network, with those that the version of the file had not."""
    if params.keys() >= LATER_PARAMETERS.keys():
        return params
    params = LATER_PARAMETERS | params
    if params.get("batch_size") == "auto":
        params["batch_size"] = EARLIER_AUTO_BATCH_SIZE
    return params


def _restore_ensemble(
    header: dict[str, Any], classes: np.ndarray, **arrays: np.ndarray
) -> CheckpointState:
    """Return the contents of the checkpoint of an ensemble."""
    n_rows, n_features = header["rows"][SHAPE]
    by_member, folds = _by_number(arrays, len(header["runs"]))
    pairs = zip(header["runs"], by_member, strict=True)
    runs = [restore_run(of_run, n_features, **of_member) for of_run, of_member in pairs]
    if not runs or any(run.state.theta.dtype != runs[0].state.theta.dtype for run in runs):
        raise ValueError("its members are not of one dtype")
    if header["params"]["n_estimators"] != len(runs):
        raise ValueError(f"it has {len(runs)} members, and others of its parameters")
    state = _restore_origin(header, classes, runs)
    state.seed = restore_count(header, "seed")
    if state.seed >= 2**32:
        raise ValueError("its seed is damaged")
    state.repeats = [_rows_of_folds(of_row, n_rows) for of_row in folds]
    if sum(map(len, state.repeats)) < (len(runs) if folds else 0):
        raise ValueError("it has fewer folds than members")
    return state


def _by_number(
    arrays: Mapping[str, np.ndarray], n_members: int
) -> tuple[list[dict[str, np.ndarray]], list[np.ndarray]]:
    """Return the arrays of each member by name, and the folds of each repeat."""
    by_member: list[dict[str, np.ndarray]] = [{} for _ in range(n_members)]
    folds: dict[int, np.ndarray] = {}
    for name, array in arrays.items():
        kind, _, number = name.partition(".")
        if kind == "folds":
            folds[int(number)] = array
        elif int(number) < n_members:
            by_member[int(number)][kind] = array
        else:
            raise ValueError(f"it has {n_members} members, and an array {name}")
    if sorted(folds) != list(range(len(folds))):
        raise ValueError("its folds are damaged")
    return by_member, [folds[i] for i in range(len(folds))]


def _rows_of_folds(numbers: np.ndarray, n_rows: int) -> list[np.ndarray]:
    """Return the rows of each fold, of which there are two or more."""
    present = np.unique(numbers)
    if len(numbers) != n_rows or present.tolist() != list(range(max(len(present), 2))):
        raise ValueError("its folds are damaged")
    return [np.flatnonzero(numbers == k) for k in present]


def _restore_origin(
    header: dict[str, Any], classes: np.ndarray, runs: list[RunCheckpoint]
) -> CheckpointState:
    """Return the contents of a file, given its runs."""
    if not all(type(name) is str for name in (*header["params"], *header["left_out"])):
        raise ValueError("its parameters have no names")
    return CheckpointState(
        params={name: from_plain(value) for name, value in header["params"].items()},
        left_out=header["left_out"],
        every=restore_count(header, "every"),
        classes=classes,
        fingerprint=dict(header["rows"]),
        runs=runs,
    )
