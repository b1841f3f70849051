"""Training of many networks: in populations, which are divided among jobs."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from time import perf_counter
from typing import Any

import joblib
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from skmlp.core.design import is_sparse
from skmlp.training.inference import working_memory
from skmlp.training.local import LocalSource
from skmlp.training.population import group_trainers, population_trainer
from skmlp.training.state import FitResult
from skmlp.training.trainer import Trainer

__all__ = ["Outcome", "train_networks"]

Outcome = tuple[FitResult | Exception, float]  # the result, or the error, and the seconds
LONG_PRODUCT = 2**22  # rows of a batch times parameters; some tenths of a millisecond


def train_networks(
    trainers: Sequence[Trainer[LocalSource]], n_jobs: int | None, verbose: int = 0
) -> list[Outcome]:
    """Train networks; return the outcome of each, with a share of its population's seconds.

    Networks of sparse rows, and those by L-BFGS, are trained one by one.

    Parameters
    ----------
    trainers : sequence of Trainer
        Of single networks, prepared by `local_trainer`.
    n_jobs : int or None
        As in scikit-learn.
    verbose : int, default=0
        Whether to print a line for each population.
    """
    jobs = joblib.effective_n_jobs(n_jobs)
    stackable = [i for i, trainer in enumerate(trainers) if _is_stackable(trainer)]
    found = group_trainers([trainers[i] for i in stackable], jobs, working_memory())
    groups = [[stackable[i] for i in group] for group in found]
    groups += [[i] for i in range(len(trainers)) if i not in set(stackable)]
    long = [group for group in groups if _has_long_products(trainers[group[0]])]
    short = [group for group in groups if group not in long]
    outcomes: dict[int, Outcome] = {}

    def train(groups: Sequence[Sequence[int]], parallel: Any, call: Callable[..., Any]) -> None:
        results = parallel(call([trainers[i] for i in group], verbose) for group in groups)
        for group, (of_group, seconds) in zip(groups, results, strict=True):
            for i, result in zip(group, of_group, strict=True):
                outcomes[i] = result, seconds / len(group)

    # Between short products two threads would contend for Python's lock, while sending rows to
    # processes takes longer than long products do. In threads, BLAS gets one thread each.
    with threadpool_limits(1, "blas") if jobs > 1 and long else nullcontext():
        # Not scikit-learn's Parallel, whose threads restore the global warning filters in any
        # order.
        in_threads = joblib.Parallel(n_jobs=n_jobs, require="sharedmem")
        train(long, in_threads, joblib.delayed(_with_config(_train)))
    train(short, Parallel(n_jobs=n_jobs), delayed(_train))
    return [outcomes[i] for i in range(len(trainers))]


def _is_stackable(trainer: Trainer[LocalSource]) -> bool:
    """Whether a network can be trained in a population."""
    return not (trainer.run.config.full_batch or is_sparse(trainer.source.dataset.X))


def _has_long_products(trainer: Trainer[LocalSource]) -> bool:
    """Whether a single network's matrix products occupy a processor for a while."""
    return trainer.source.batches.batch_size * len(trainer.run.state.theta) > LONG_PRODUCT


def _train(
    trainers: Sequence[Trainer[LocalSource]], verbose: int
) -> tuple[list[FitResult | Exception], float]:
    """Return the result of each network of a population, and the seconds of all."""
    started, first = perf_counter(), trainers[0]
    trainer: Trainer[Any] = population_trainer(trainers) if _is_stackable(first) else first
    results: list[FitResult | Exception]
    try:
        results = trainer.train_all()
    except MemoryError:
        raise  # says nothing about the networks
    except Exception as error:  # of the schedule, which they share
        results = [error] * len(trainers)
    seconds = perf_counter() - started
    if verbose > 0:
        sizes = "-".join(map(str, first.run.network.layer_sizes))
        print(
            f"Trained {len(trainers)} networks {sizes} for {first.run.config.n_epochs} epochs in "
            f"{seconds:.1f} s",
            flush=True,
        )
    return results, seconds


def _with_config(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, to be called with this thread's configuration of scikit-learn."""
    config = get_config()

    def configured(*args: Any) -> Any:
        with config_context(**config):
            return function(*args)

    return configured
