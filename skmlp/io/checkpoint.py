"""Checkpoint files: where a training stands, to continue from bit for bit.

An archive with these members besides its header:

==================  =============================================================
theta               the parameters being trained
classes             the labels, sorted
best_theta          with early stopping, the parameters after the best epoch
mean, scale         of standardized columns
bin_...             column, left and right edge of the bins of numeric columns
optimizer_...       the arrays of the optimizer's state: for instance ``m`` and ``v``
==================  =============================================================

The header has the rest: constructor parameters, history, the states of both random streams,
the prior of label smoothing, the optimizer's step and the names of its arrays, the factor of
the adaptive schedule, the state of the patience, and checksums of the rows.

The checkpoint of an ensemble has these arrays of each member but the labels, with its number in the
name, as in ``theta.0``, and for each repeat of the folds the fold of each row, as in ``folds.0``.
Its header has those of the members, and the seed that theirs and the folds are drawn from.
"""

import json
import os
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from skmlp._errors import invalid, shorten
from skmlp.core.encoding import Encoding
from skmlp.core.levels import Table
from skmlp.core.patience import Patience
from skmlp.core.schedules import Adaptive
from skmlp.data.dataset import Dataset
from skmlp.data.memmap import is_memmap
from skmlp.io._columns import (
    ENCODING,
    categories_to_plain,
    encoding_arrays,
    restore_encoding,
    restore_scaling,
    scaling_arrays,
)
from skmlp.io._npz import (
    check_history,
    from_plain,
    plain_labels,
    read_archive,
    to_plain,
    write_archive,
)
from skmlp.training.config import TrainConfig
from skmlp.training.state import TrainState
from skmlp.training.trainer import TrainingRun

__all__ = [
    "CheckpointState",
    "Origin",
    "RunCheckpoint",
    "data_fingerprint",
    "read_checkpoint",
    "write_checkpoint",
]

FORMAT, ENSEMBLE_FORMAT = "checkpoint 1", "ensemble checkpoint 1"
OF_RUN = {"theta", "best_theta", "mean", "scale", *ENCODING}
OPTIMIZER = "optimizer_"  # the prefix of the optimizer's arrays
FINGERPRINT_ROWS, CHUNK_ROWS = 64, 4096
ALL_ROWS = "the rows"  # the checksum that memory maps and files of skmlp 0.1.0 do not have
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
    params, left_out = _plain_parameters(origin.params)
    rows = dict(origin.fingerprint)
    header = {"every": every, "params": params, "left_out": left_out, "rows": rows}
    classes = {"classes": plain_labels(origin.classes)}
    contents = [_run_contents(run, is_over) for run, is_over in runs.items()]
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


def _run_contents(
    run: TrainingRun, is_over: bool
) -> tuple[dict[str, Any], dict[str, np.ndarray | None]]:
    """Return the header and the arrays by which a file holds a run."""
    state, stopping = run.state, run.early_stopping
    optimizer = sorted(state.optimizer.keys() - {"step"})
    header = {
        "smoothing_prior": run.config.smoothing_prior,
        "epochs": run.n_epochs,
        "n_earlier": run.history.n_earlier,
        "is_over": is_over,
        "history": run.history.metrics,
        "stop_reason": run.stop_reason,
        "best_epoch": stopping.best_epoch,
        "patience": _patience_values(stopping.patience),
        "schedule": None if state.schedule is None else state.schedule.factor,
        "schedule_patience": _patience_values(state.patience),
        "step": state.optimizer.get("step"),
        "optimizer": optimizer,
        "split_seed": state.split_seed,
        "rng": _rng_values(state.rng),
        "dropout_rng": None if state.dropout_rng is None else state.dropout_rng.bit_generator.state,
    }
    arrays = {
        "theta": state.theta,
        "best_theta": stopping.best_theta,
        **scaling_arrays(state.scaling),
        **encoding_arrays(state.encoding),
        **{f"{OPTIMIZER}{name}": state.optimizer[name] for name in optimizer},
    }
    return header, arrays


def _plain_parameters(params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return parameters in types of JSON, and the names of those that have none."""
    values, left_out = {}, []
    for name, value in params.items():
        try:
            values[name] = to_plain(name, value)
        except ValueError:
            left_out.append(name)
    return values, left_out


def _differ(name: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether fingerprints differ in a value that both have, or must have."""
    values = now.get(name), before.get(name)
    return values[0] != values[1] and not (name.startswith(ALL_ROWS) and None in values)


def data_fingerprint(
    feature_names: Iterable[Any],
    categories: Sequence[np.ndarray | None],
    dataset: Dataset,
    validation: Dataset | None,
) -> dict[str, Any]:
    """Return what identifies training and validation rows.

    These are shapes, feature names, and checksums of all labels, categories and weights, and of all
    rows of X. Of memory maps, which may be larger than memory, only 64 rows are read.
    """
    fingerprint: dict[str, Any] = {"feature names": [str(name) for name in feature_names]}
    if categories:
        plain = json.dumps(categories_to_plain(categories)).encode()
        fingerprint["categories"] = zlib.crc32(plain)
    for name, part in (("X, y", dataset), ("X_val, y_val", validation)):
        if part is not None:
            values = part.cached("fingerprint", partial(_fingerprint, part))
            fingerprint |= {f"{what} of {name}": value for what, value in values.items()}
    return fingerprint


def _fingerprint(dataset: Dataset) -> dict[str, Any]:
    X = dataset.X
    some = X[np.linspace(0, X.shape[0] - 1, FINGERPRINT_ROWS).astype(int)]
    return {
        "the shape": list(X.shape),
        "the dtype": X.dtype.name,
        "the entries": _entries_checksum(some),
        "the labels": _checksum(dataset.y_encoded.astype("<i8")),
        "the weights": None if dataset.sample_weight is None else _checksum(dataset.sample_weight),
        ALL_ROWS: None if is_memmap(X) else _rows_checksum(X),
    }


def _rows_checksum(X: Any) -> int:
    """Return a checksum of all rows, which takes a thousandth of the time of a usual fit."""
    checksum = 0
    for start in range(0, X.shape[0], CHUNK_ROWS):
        checksum = _entries_checksum(X[start : start + CHUNK_ROWS], checksum)
    return checksum


def _entries_checksum(X: Any, checksum: int = 0) -> int:
    """Return a checksum of rows, which continues that of earlier ones."""
    arrays: tuple[np.ndarray, ...] = (X,)
    if sparse.issparse(X):
        arrays = X.data, X.indices.astype("<i8"), X.indptr.astype("<i8")
    elif isinstance(X, Table):
        arrays = X.numbers, X.codes.astype("<i8"), X.n_codes.astype("<i8")
    return _checksum(*arrays, checksum=checksum)


def _checksum(*arrays: np.ndarray, checksum: int = 0) -> int:
    for array in arrays:
        checksum = zlib.crc32(np.ascontiguousarray(array).data, checksum)
    return checksum


def _patience_values(patience: Patience | None) -> list[Any] | None:
    return None if patience is None else [float(patience.best), patience.stalled]


def _rng_values(rng: np.random.RandomState) -> list[Any]:
    """Return the state of a RandomState in types of JSON."""
    state = rng.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        accepted = "None, an int or a RandomState of MT19937 to be written to a checkpoint"
        raise invalid("random_state", rng, accepted)
    key, position = state["state"]["key"], state["state"]["pos"]
    return [key.tolist(), int(position), int(state["has_gauss"]), float(state["gauss"])]


@dataclass
class RunCheckpoint:
    """Where a run stands.

    Attributes
    ----------
    smoothing_prior : str
        As in TrainConfig.
    epochs, n_earlier : int
        Epochs of that call of fit, and those of earlier calls in the history.
    is_over : bool
        Whether training in that call of fit was over.
    state : TrainState
    history, stop_reason, best_epoch, best_theta, patience
        As of a TrainingRun.
    """

    smoothing_prior: str
    epochs: int
    n_earlier: int
    is_over: bool
    state: TrainState
    history: dict[str, list[float]]
    stop_reason: str
    best_epoch: int | None
    best_theta: np.ndarray | None
    patience: tuple[float, int] | None

    def resolve(self, config: TrainConfig) -> TrainConfig:
        """Return the configuration of the run; raise if it does not fit the network."""
        config = replace(
            config,
            epochs=self.epochs,
            smoothing_prior=self.smoothing_prior,
            theta_dtype=self.state.theta.dtype,
            encoding=self.state.encoding,
        )
        optimizer = config.make_optimizer()
        fresh = {} if optimizer is None else optimizer.init(np.zeros(1))
        if (
            len(self.state.theta) != config.network.n_params
            or self.state.optimizer.keys() != fresh.keys()
        ):
            raise ValueError(
                "The arrays of the checkpoint do not fit the network that it describes."
            )
        return config

    def restore(self, run: TrainingRun) -> None:
        """Bring a run that started from `state` to where training stood."""
        run.is_over, run.stop_reason = self.is_over, self.stop_reason
        run.history.n_earlier, stopping = self.n_earlier, run.early_stopping
        stopping.best_epoch, stopping.best_theta = self.best_epoch, self.best_theta
        if stopping.patience is not None and self.patience is not None:
            stopping.patience.best, stopping.patience.stalled = self.patience


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
        unknown = sorted(self.params.keys() - set(accepted))
        if unknown:
            raise ValueError(
                f"The checkpoint has parameters that {owner} does not have: "
                f"{shorten(repr(unknown))}."
            )
        return {**self.params, **given}

    def check_origin(self, origin: Origin) -> None:
        """Raise unless these are the rows that the checkpoint is of."""
        now, before = dict(origin.fingerprint), self.fingerprint
        if origin.classes.tolist() != self.classes.tolist():
            now["the labels of X, y"] = None
        differing = [name for name in {**before, **now} if _differ(name, now, before)]
        if differing:
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
    return is_fold or (_is_of_run(kind) and (number.isdecimal() or kind == name))


def _is_of_run(kind: str) -> bool:
    return kind in OF_RUN or kind.startswith(OPTIMIZER)


def _restore(header: dict[str, Any], classes: np.ndarray, **arrays: np.ndarray) -> CheckpointState:
    """Return the contents of the checkpoint of a network."""
    if "theta" not in arrays or not all(map(_is_of_run, arrays)):
        raise ValueError("it must hold theta and classes, and besides them only known arrays")
    run = _restore_run(header, header["rows"]["the shape of X, y"][1], **arrays)
    state = _restore_origin(header, classes, [run])
    if not state.params.keys() >= LATER_PARAMETERS.keys():
        if state.params.get("batch_size") == "auto":
            state.params["batch_size"] = EARLIER_AUTO_BATCH_SIZE
        state.params = LATER_PARAMETERS | state.params
    return state


def _restore_ensemble(
    header: dict[str, Any], classes: np.ndarray, **arrays: np.ndarray
) -> CheckpointState:
    """Return the contents of the checkpoint of an ensemble."""
    n_rows, n_features = header["rows"]["the shape of X, y"]
    by_member: list[dict[str, np.ndarray]] = [{} for _ in header["runs"]]
    folds: dict[int, np.ndarray] = {}
    for name, array in arrays.items():
        kind, _, number = name.partition(".")
        if kind == "folds":
            folds[int(number)] = array
        elif int(number) < len(by_member):
            by_member[int(number)][kind] = array
        else:
            raise ValueError(f"it has {len(by_member)} members, and an array {name}")
    pairs = zip(header["runs"], by_member, strict=True)
    runs = [_restore_run(of_run, n_features, **of_member) for of_run, of_member in pairs]
    if not runs or any(run.state.theta.dtype != runs[0].state.theta.dtype for run in runs):
        raise ValueError("its members are not of one dtype")
    if header["params"]["n_estimators"] != len(runs):
        raise ValueError(f"it has {len(runs)} members, and others of its parameters")
    state = _restore_origin(header, classes, runs)
    state.seed = _count(header, "seed")
    if state.seed >= 2**32 or sorted(folds) != list(range(len(folds))):
        raise ValueError("its seed or its folds are damaged")
    state.repeats = [_rows_of_folds(folds[i], n_rows) for i in range(len(folds))]
    if sum(map(len, state.repeats)) < (len(runs) if folds else 0):
        raise ValueError("it has fewer folds than members")
    return state


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
        every=_count(header, "every"),
        classes=classes,
        fingerprint=dict(header["rows"]),
        runs=runs,
    )


def _restore_run(
    header: dict[str, Any],
    n_features: int,
    *,
    theta: np.ndarray,
    best_theta: np.ndarray | None = None,
    mean: np.ndarray | None = None,
    scale: np.ndarray | None = None,
    **optimizer: np.ndarray,
) -> RunCheckpoint:
    """Return where a run stands, of a file."""
    encoding = restore_encoding(optimizer, n_features, mean)  # the others are the optimizer's
    if encoding is None:  # of a version without gaps and categories
        encoding = Encoding.of_numbers(np.zeros(n_features))
    if encoding.n_numeric + encoding.n_categorical != n_features:
        raise ValueError(f"its encoding does not fit {n_features} columns")
    for name, array in {"theta": theta, "best_theta": best_theta, **optimizer}.items():
        _check_array_like(theta, name, array)
    check_history(header["history"], header["stop_reason"], header["best_epoch"])
    n_epochs, n_earlier = len(header["history"]["loss"]), _count(header, "n_earlier")
    if not 0 <= n_epochs - n_earlier <= _count(header, "epochs"):
        raise ValueError(f"its history of {n_epochs} epochs has the wrong length")
    if (header["best_epoch"] is None) != (best_theta is None):
        raise ValueError("its best epoch has no parameters, or they no epoch")
    schedule, patience = _adaptive(header["schedule"]), _patience(header["schedule_patience"])
    if (schedule is None) != (patience is None):
        raise ValueError("its schedule is damaged")
    return RunCheckpoint(
        smoothing_prior=_smoothing_prior(header),
        epochs=header["epochs"],
        n_earlier=n_earlier,
        is_over=header["is_over"] is True,
        state=TrainState(
            theta,
            _random_state(*header["rng"]),
            scaling=restore_scaling(mean, scale, encoding.n_columns, theta.dtype),
            encoding=encoding,
            optimizer=_optimizer_state(header, optimizer),
            split_seed=None if header["split_seed"] is None else _count(header, "split_seed"),
            dropout_rng=_generator(header["dropout_rng"]),
            schedule=schedule,
            patience=patience,
        ),
        history=header["history"],
        stop_reason=header["stop_reason"],
        best_epoch=header["best_epoch"],
        best_theta=best_theta,
        patience=_best_and_stalled(header["patience"]),
    )


def _smoothing_prior(header: Mapping[str, Any]) -> str:
    """Return the prior of label smoothing; files of skmlp 0.1.0 do not declare it."""
    prior: str = header.get("smoothing_prior", "uniform")
    if prior not in ("frequencies", "uniform"):
        raise ValueError(f"its smoothing_prior is {prior!r}")
    return prior


def _optimizer_state(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the optimizer's state; files of skmlp 0.1.0 do not declare its arrays."""
    state: dict[str, Any] = {name.removeprefix(OPTIMIZER): a for name, a in arrays.items()}
    if header.get("optimizer", sorted(state)) != sorted(state) or "step" in state:
        raise ValueError("the arrays of its optimizer are not those that it declares")
    if header["step"] is not None:
        state["step"] = _count(header, "step")
    return state


def _check_array_like(theta: np.ndarray, name: str, array: np.ndarray | None) -> None:
    """Raise unless an array has the length and dtype of theta, and only finite numbers."""
    if array is None:
        return
    if array.shape != theta.shape or array.dtype != theta.dtype or not len(theta):
        raise ValueError(f"{name} has dtype {array.dtype} and shape {array.shape}")
    if theta.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
        raise ValueError(f"{name} does not hold finite float32 or float64 numbers")


def _count(header: Mapping[str, Any], name: str) -> int:
    """Return an entry of the header that must be an integer >= 0."""
    value = header[name]
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{name} is {value!r}")
    return value


def _adaptive(factor: Any) -> Adaptive | None:
    """Return the adaptive schedule, or None."""
    if factor is None:
        return None
    if type(factor) is not float or not 0.0 < factor <= 1.0:
        raise ValueError(f"the factor of its schedule is {factor!r}")
    return Adaptive(factor)


def _best_and_stalled(state: Any) -> tuple[float, int] | None:
    """Return the best value and the stalled epochs of a Patience, or None."""
    if state is None:
        return None
    best, stalled = state
    if type(best) is not float or np.isnan(best) or type(stalled) is not int or stalled < 0:
        raise ValueError(f"its patience is {state}")
    return best, stalled


def _patience(state: Any) -> Patience | None:
    """Return a Patience whose limits are to be set, or None."""
    found = _best_and_stalled(state)
    return None if found is None else Patience(1, 0.0, *found)


def _random_state(key: Any, position: Any, has_gauss: Any, gauss: Any) -> np.random.RandomState:
    """Return the RandomState; NumPy does not check the position, which indexes the key."""
    words = np.array(key)
    if (
        words.shape != (624,)
        or words.dtype.kind not in "iu"
        or not 0 <= words.min() <= words.max() < 2**32
    ):
        raise ValueError("the state of its random stream is damaged")
    if not 0 <= position <= 624 or has_gauss not in (0, 1) or not np.isfinite(gauss):
        raise ValueError("the state of its random stream is damaged")
    rng = np.random.RandomState()
    rng.set_state(("MT19937", words.astype(np.uint32), int(position), has_gauss, float(gauss)))
    return rng


def _generator(state: Any) -> np.random.Generator | None:
    """Return the random stream of dropout, or None."""
    if state is None:
        return None
    numbers = state["state"]["state"], state["state"]["inc"], state["uinteger"]
    if not all(type(n) is int and n >= 0 for n in numbers) or state["has_uint32"] not in (0, 1):
        raise ValueError("the state of its dropout is damaged")
    bits = np.random.PCG64()
    bits.state = state
    return np.random.Generator(bits)
