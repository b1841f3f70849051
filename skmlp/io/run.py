"""Where the training of a network stands, as a part of a checkpoint file.

==================  =============================================================
theta               the parameters being trained
best_theta          with early stopping, the parameters after the best epoch
mean, scale         of standardized columns
bin_...             column, left and right edge of the bins of numeric columns
optimizer_...       the arrays of the optimizer's state: for instance ``m`` and ``v``
==================  =============================================================

The header has the rest: history, the states of both random streams, the prior of label smoothing,
the optimizer's step and the names of its arrays, the factor of the adaptive schedule, the state of
the patience.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skmlp._errors import invalid
from skmlp.core.encoding import Encoding
from skmlp.core.patience import Patience
from skmlp.core.schedules import Adaptive
from skmlp.io._columns import (
    ENCODING,
    encoding_arrays,
    restore_encoding,
    restore_scaling,
    scaling_arrays,
)
from skmlp.io._npz import check_history
from skmlp.training.config import TrainConfig
from skmlp.training.state import TrainState
from skmlp.training.trainer import TrainingRun

__all__ = ["RunCheckpoint", "is_array_of_run", "restore_count", "restore_run", "run_contents"]

NAMES = {"theta", "best_theta", "mean", "scale", *ENCODING}
OPTIMIZER = "optimizer_"  # the prefix of the optimizer's arrays


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


def run_contents(
    run: TrainingRun, is_over: bool
) -> tuple[dict[str, Any], dict[str, np.ndarray | None]]:
    """Return the header and the arrays by which a file holds a run, for `restore_run`.

    Raises
    ------
    ValueError
        If the random stream is not a RandomState of MT19937.
    """
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


def is_array_of_run(name: str) -> bool:
    """Whether a run may have an array of this name."""
    return name in NAMES or name.startswith(OPTIMIZER)


def restore_run(
    header: dict[str, Any],
    n_features: int,
    *,
    best_theta: np.ndarray | None = None,
    **arrays: np.ndarray,
) -> RunCheckpoint:
    """Return where a run stands, of a file; raise if a value is damaged."""
    state = _restore_state(header, n_features, **arrays)
    if best_theta is not None:
        _check_array_like(state.theta, "best_theta", best_theta)
    _check_epochs(header, best_theta)
    return RunCheckpoint(
        smoothing_prior=_smoothing_prior(header),
        epochs=header["epochs"],
        n_earlier=header["n_earlier"],
        is_over=header["is_over"] is True,
        state=state,
        history=header["history"],
        stop_reason=header["stop_reason"],
        best_epoch=header["best_epoch"],
        best_theta=best_theta,
        patience=_best_and_stalled(header["patience"]),
    )


def _check_epochs(header: Mapping[str, Any], best_theta: np.ndarray | None) -> None:
    """Raise unless the numbers of epochs fit each other, and the best has parameters."""
    check_history(header["history"], header["stop_reason"], header["best_epoch"])
    n_epochs = len(header["history"]["loss"])
    n_of_fit = n_epochs - restore_count(header, "n_earlier")
    if not 0 <= n_of_fit <= restore_count(header, "epochs"):
        raise ValueError(f"its history of {n_epochs} epochs has the wrong length")
    if (header["best_epoch"] is None) != (best_theta is None):
        raise ValueError("its best epoch has no parameters, or they no epoch")


def _smoothing_prior(header: Mapping[str, Any]) -> str:
    """Return the prior of label smoothing; files of skmlp 0.1.0 do not declare it."""
    prior: str = header.get("smoothing_prior", "uniform")
    if prior not in ("frequencies", "uniform"):
        raise ValueError(f"its smoothing_prior is {prior!r}")
    return prior


def _restore_state(
    header: Mapping[str, Any],
    n_features: int,
    *,
    theta: np.ndarray,
    mean: np.ndarray | None = None,
    scale: np.ndarray | None = None,
    **arrays: np.ndarray,
) -> TrainState:
    """Return the training state; the other arrays are those of the columns and the optimizer."""
    _check_array_like(theta, "theta", theta)
    encoding = _restore_columns(arrays, n_features, mean)  # the others are the optimizer's
    schedule, patience = _restore_schedule(header)
    return TrainState(
        theta,
        _random_state(*header["rng"]),
        scaling=restore_scaling(mean, scale, encoding.n_columns, theta.dtype),
        encoding=encoding,
        optimizer=_optimizer_state(header, theta, arrays),
        split_seed=None if header["split_seed"] is None else restore_count(header, "split_seed"),
        dropout_rng=_generator(header["dropout_rng"]),
        schedule=schedule,
        patience=patience,
    )


def _restore_columns(
    arrays: dict[str, np.ndarray], n_features: int, mean: np.ndarray | None
) -> Encoding:
    """Return the encoding of the columns, whose arrays are removed."""
    encoding = restore_encoding(arrays, n_features, mean)
    if encoding is None:  # of a version without gaps and categories
        encoding = Encoding.of_numbers(np.zeros(n_features))
    if encoding.n_numeric + encoding.n_categorical != n_features:
        raise ValueError(f"its encoding does not fit {n_features} columns")
    return encoding


def _optimizer_state(
    header: Mapping[str, Any], theta: np.ndarray, arrays: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Return the optimizer's state; files of skmlp 0.1.0 do not declare its arrays."""
    for name, array in arrays.items():
        _check_array_like(theta, name, array)
    state: dict[str, Any] = {name.removeprefix(OPTIMIZER): a for name, a in arrays.items()}
    if header.get("optimizer", sorted(state)) != sorted(state) or "step" in state:
        raise ValueError("the arrays of its optimizer are not those that it declares")
    if header["step"] is not None:
        state["step"] = restore_count(header, "step")
    return state


def _check_array_like(theta: np.ndarray, name: str, array: np.ndarray) -> None:
    """Raise unless an array has the length and dtype of theta, and only finite numbers."""
    if array.shape != theta.shape or array.dtype != theta.dtype or not len(theta):
        raise ValueError(f"{name} has dtype {array.dtype} and shape {array.shape}")
    if theta.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
        raise ValueError(f"{name} does not hold finite float32 or float64 numbers")


def restore_count(header: Mapping[str, Any], name: str) -> int:
    """Return an entry of the header that must be an integer >= 0."""
    value = header[name]
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{name} is {value!r}")
    return value


def _restore_schedule(header: Mapping[str, Any]) -> tuple[Adaptive | None, Patience | None]:
    """Return the adaptive schedule, and its Patience whose limits are to be set, or None."""
    factor, counted = header["schedule"], _best_and_stalled(header["schedule_patience"])
    if (factor is None) != (counted is None):
        raise ValueError("its schedule is damaged")
    if factor is None or counted is None:
        return None, None
    if type(factor) is not float or not 0.0 < factor <= 1.0:
        raise ValueError(f"the factor of its schedule is {factor!r}")
    return Adaptive(factor), Patience(1, 0.0, *counted)


def _best_and_stalled(state: Any) -> tuple[float, int] | None:
    """Return the best value and the stalled epochs of a Patience, or None."""
    if state is None:
        return None
    best, stalled = state
    if type(best) is not float or np.isnan(best) or type(stalled) is not int or stalled < 0:
        raise ValueError(f"its patience is {state}")
    return best, stalled


def _random_state(key: Any, position: Any, has_gauss: Any, gauss: Any) -> np.random.RandomState:
    """Return the RandomState; NumPy does not check the position, which indexes the key."""
    # Not by NumPy, which makes of a text among numbers an array of texts, all of its length.
    if type(key) is not list or len(key) != 624 or not all(map(_is_word, key)):
        raise ValueError("the state of its random stream is damaged")
    is_position = type(position) is int and 0 <= position <= 624
    is_gauss = has_gauss in (0, 1) and type(gauss) is float and np.isfinite(gauss)
    if not is_position or not is_gauss:
        raise ValueError("the state of its random stream is damaged")
    rng = np.random.RandomState()
    rng.set_state(("MT19937", np.array(key, np.uint32), position, has_gauss, gauss))
    return rng


def _is_word(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**32


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
