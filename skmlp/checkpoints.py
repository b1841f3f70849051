"""Checkpoints: where a training stands, in a file, and how to go on from there bit for bit.

An `archive` with these members besides its header:

==================  =============================================================
theta               the parameters being trained
classes             the labels, sorted
best_theta          with early stopping, the parameters after the best epoch
mean, scale         of standardized columns
optimizer_...       the optimizer's arrays: ``velocity``, or ``m`` and ``v``
==================  =============================================================

The header has what is left: constructor parameters, history, the states of both random
streams, the optimizer's step, the place in the schedule, patience, and checksums by which
the rows are known again.
"""

import zlib
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse

from skmlp.archive import (
    check_history,
    parameter,
    plain,
    plain_labels,
    read_archive,
    scaling_of,
    write_archive,
)
from skmlp.core.schedules import Adaptive
from skmlp.core.stopping import Patience
from skmlp.errors import invalid
from skmlp.parameters import build_network, build_optimizer, network_description
from skmlp.progress import Progress

__all__ = ["Standing", "read_checkpoint", "write_checkpoint"]

FORMAT = "checkpoint 1"
REQUIRED = {"theta", "classes"}
OPTIMIZER = ("velocity", "m", "v")
OPTIONAL = {"best_theta", "mean", "scale", *(f"optimizer_{name}" for name in OPTIMIZER)}
ROWS_COMPARED = 64


def write_checkpoint(training, path, every, *, is_over=False):
    """Write where a Training stands after an epoch, atomically.

    Raises
    ------
    ValueError
        If the labels need pickle or the random stream is not NumPy's usual one.
    OSError
        If the file cannot be written; the one before is whole then.
    """
    e, p, m = training.estimator, training.progress, training.monitor
    params, left_out = _plain_parameters(e)
    header = {
        "format": FORMAT,
        "every": every,
        "params": params,
        "left_out": left_out,
        "rows": _known_rows(e, *training.given),
        "epochs": training.epochs,
        "n_earlier": m.n_earlier,
        "is_over": is_over,
        "history": m.history,
        "stop_reason": m.stop_reason,
        "best_epoch": m.best_epoch,
        "patience": _state_of_patience(m.patience),
        "schedule": None if p.schedule is None else p.schedule.factor,
        "schedule_patience": _state_of_patience(p.patience),
        "step": p.optimizer.get("step"),
        "split_seed": p.split_seed,
        "rng": _state_of_rng(p.rng),
        "dropout_rng": None if p.dropout_rng is None else p.dropout_rng.bit_generator.state,
    }
    arrays = {
        "theta": p.theta,
        "classes": plain_labels(e.classes_),
        "best_theta": m.best_theta,
        "mean": None if p.scaling is None else p.scaling.mean,
        "scale": None if p.scaling is None else p.scaling.scale,
        **{f"optimizer_{name}": p.optimizer.get(name) for name in OPTIMIZER},
    }
    write_archive(path, header, arrays)


def _plain_parameters(estimator):
    """Return constructor parameters as JSON has them, and the names of those it cannot have."""
    params, left_out = {}, []
    for name, value in estimator.get_params(deep=False).items():
        try:
            params[name] = plain(name, value)
        except ValueError:
            left_out.append(name)
    return params, left_out


def _known_rows(estimator, rows, validation):
    """Return by what Encoded rows, and those to validate on or None, are known again.

    Shapes, feature names, checksums of all labels and weights, and of some rows of X.
    """
    names = [str(name) for name in getattr(estimator, "feature_names_in_", [])]
    known = {"feature names": names}
    for name, part in (("X, y", rows), ("X_val, y_val", validation)):
        if part is not None:
            values = part.once("known by", partial(_known_by, part))
            known |= {f"{what} of {name}": value for what, value in values.items()}
    return known


def _known_by(rows):
    some = rows.X[np.linspace(0, rows.X.shape[0] - 1, ROWS_COMPARED).astype(int)]
    if sparse.issparse(some):
        entries = _checksum(some.data, some.indices.astype("<i8"), some.indptr.astype("<i8"))
    else:
        entries = _checksum(some)
    return {
        "the shape": list(rows.X.shape),
        "the dtype": rows.X.dtype.name,
        "the entries": entries,
        "the labels": _checksum(rows.codes.astype("<i8")),
        "the weights": None if rows.w is None else _checksum(rows.w),
    }


def _checksum(*arrays):
    checksum = 0
    for array in arrays:
        checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
    return checksum


def _state_of_patience(patience):
    return None if patience is None else [float(patience.best), patience.stalled]


def _state_of_rng(rng):
    """Return the state of a RandomState as JSON has it."""
    state = rng.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        accepted = "None, an int or a RandomState of MT19937 to be written to a checkpoint"
        raise invalid("random_state", rng, accepted)
    key, position = state["state"]["key"], state["state"]["pos"]
    return [key.tolist(), int(position), int(state["has_gauss"]), float(state["gauss"])]


@dataclass
class Standing:
    """Where a training stood, as a checkpoint has it.

    Attributes
    ----------
    params : dict
        Constructor parameters.
    left_out : list of str
        Those that the file cannot hold.
    every : int
        After how many epochs a checkpoint was written.
    classes : ndarray of shape (n_classes,)
    rows : dict
        What `_known_rows` returned.
    epochs, n_earlier : int
        Epochs of that call of fit, and those of earlier calls in the history.
    is_over : bool
        Whether that call of fit had done with training.
    progress : Progress
    history, stop_reason, best_epoch, best_theta, patience
        As an EpochMonitor has them.
    """

    params: dict
    left_out: list
    every: int
    classes: np.ndarray
    rows: dict
    epochs: int
    n_earlier: int
    is_over: bool
    progress: Progress
    history: dict
    stop_reason: str
    best_epoch: int | None
    best_theta: np.ndarray | None
    patience: tuple | None

    @property
    def past(self):
        """What a Training needs to go on."""
        return {"start": self.progress, "history": self.history, "epochs": self.epochs}

    def estimator(self, cls, given):
        """Return an estimator with the parameters, to which those left out must be given."""
        held = {*given, "random_state"}  # a random stream is in the file, as it stood
        missing = [name for name in self.left_out if name not in held]
        if missing:
            raise ValueError(
                f"The checkpoint cannot hold {' and '.join(missing)}: give resume what the "
                f"constructor was given, as in resume(path, X, y, {missing[0]}=...)."
            )
        fixed = sorted(given.keys() - {*self.left_out, "verbose"})
        if fixed:
            raise ValueError(
                f"{' and '.join(fixed)} cannot be given to resume: what can be is verbose"
                f"{''.join(f', {name}' for name in self.left_out)}. Training goes on with the "
                "parameters in the checkpoint."
            )
        unknown = sorted(self.params.keys() - set(cls._get_param_names()))
        if unknown:
            raise ValueError(
                f"The checkpoint has parameters that {cls.__name__} has not: {unknown}."
            )
        return cls(**{**self.params, **given})

    def check_same_rows(self, estimator, rows, validation):
        """Raise unless these are the rows, and this the network, that the checkpoint is of."""
        now = _known_rows(estimator, rows, validation)
        if estimator.classes_.tolist() != self.classes.tolist():
            now["the labels of X, y"] = None
        differing = [name for name in {**self.rows, **now} if now.get(name) != self.rows.get(name)]
        if differing:
            raise ValueError(
                "Training goes on bit for bit only with the rows, labels and weights that it began "
                f"with, in the same order: {' and '.join(differing)} differ from those of the "
                "checkpoint. To train on other rows, use warm_start or partial_fit."
            )
        description = network_description(estimator, rows.X.shape[1], len(self.classes))
        state = {} if estimator.solver == "lbfgs" else build_optimizer(estimator).init(np.zeros(1))
        p = self.progress
        if (
            len(p.theta) != build_network(*description).n_params
            or p.optimizer.keys() != state.keys()
        ):
            raise ValueError(
                "The arrays of the checkpoint do not fit the network that it describes."
            )

    def restore(self, training):
        """Bring a Training that was made of `past` to where it stood."""
        monitor = training.monitor
        training.is_over = self.is_over
        monitor.n_earlier, monitor.stop_reason = self.n_earlier, self.stop_reason
        monitor.best_epoch, monitor.best_theta = self.best_epoch, self.best_theta
        if monitor.patience is not None and self.patience is not None:
            monitor.patience.best, monitor.patience.stalled = self.patience


def read_checkpoint(path):
    """Read what `write_checkpoint` wrote; everything in the file is checked.

    Raises
    ------
    ValueError
        Saying what is wrong, if the file is damaged or no checkpoint.
    OSError
        If the file cannot be read.
    """
    return read_archive(path, "checkpoint", FORMAT, REQUIRED, OPTIONAL, _standing)


def _standing(header, theta, classes, best_theta=None, mean=None, scale=None, **optimizer):
    like_theta = {"best_theta": best_theta, **optimizer}
    for name, array in {"theta": theta, **like_theta}.items():
        _check_array_like(theta, name, array)
    check_history(header["history"], header["stop_reason"], header["best_epoch"])
    n_epochs, n_earlier = len(header["history"]["loss"]), _count(header, "n_earlier")
    if not 0 <= n_epochs - n_earlier <= _count(header, "epochs"):
        raise ValueError(f"its history of {n_epochs} epochs has the wrong length")
    if (header["best_epoch"] is None) != (best_theta is None):
        raise ValueError("its best epoch has no parameters, or they no epoch")
    if not all(type(name) is str for name in (*header["params"], *header["left_out"])):
        raise ValueError("its parameters have no names")
    state = {name.removeprefix("optimizer_"): array for name, array in optimizer.items()}
    if header["step"] is not None:
        state["step"] = _count(header, "step")
    schedule, patience = _adaptive(header["schedule"]), _patience(header["schedule_patience"])
    if (schedule is None) != (patience is None):
        raise ValueError("its schedule is damaged")
    return Standing(
        params={name: parameter(value) for name, value in header["params"].items()},
        left_out=header["left_out"],
        every=_count(header, "every"),
        classes=classes,
        rows=dict(header["rows"]),
        epochs=header["epochs"],
        n_earlier=n_earlier,
        is_over=header["is_over"] is True,
        progress=Progress(
            theta,
            _random_state(*header["rng"]),
            scaling_of(mean, scale, header["rows"]["the shape of X, y"][1], theta.dtype),
            state,
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


def _check_array_like(theta, name, array):
    """Raise unless an array has the length and dtype of theta, and only finite numbers."""
    if array is None:
        return
    if array.shape != theta.shape or array.dtype != theta.dtype or not len(theta):
        raise ValueError(f"{name} has dtype {array.dtype} and shape {array.shape}")
    if theta.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
        raise ValueError(f"{name} does not hold finite float32 or float64 numbers")


def _count(header, name):
    """Return an entry of the header that counts something."""
    value = header[name]
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{name} is {value!r}")
    return value


def _adaptive(factor):
    """Return the schedule that has a memory, or None."""
    if factor is None:
        return None
    if type(factor) is not float or not 0.0 < factor <= 1.0:
        raise ValueError(f"the factor of its schedule is {factor!r}")
    return Adaptive(factor)


def _best_and_stalled(state):
    """Return what Patience has taken in, or None if there is none."""
    if state is None:
        return None
    best, stalled = state
    if type(best) is not float or np.isnan(best) or type(stalled) is not int or stalled < 0:
        raise ValueError(f"its patience is {state}")
    return best, stalled


def _patience(state):
    """Return a Patience whose limits are to be set, or None."""
    found = _best_and_stalled(state)
    return None if found is None else Patience(1, 0.0, *found)


def _random_state(key, position, has_gauss, gauss):
    """Return the RandomState; its bit generator would read beyond its key at a wrong position."""
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


def _generator(state):
    """Return the random stream of dropout, or None."""
    if state is None:
        return None
    numbers = state["state"]["state"], state["state"]["inc"], state["uinteger"]
    if not all(type(n) is int and n >= 0 for n in numbers) or state["has_uint32"] not in (0, 1):
        raise ValueError("the state of its dropout is damaged")
    bits = np.random.PCG64()
    bits.state = state
    return np.random.Generator(bits)
