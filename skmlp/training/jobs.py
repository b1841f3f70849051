"""Training of many networks: in populations, which are divided among jobs."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from time import perf_counter
from typing import Any, NamedTuple

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

__all__ = ["Outcome", "Training", "train_networks"]

Outcome = tuple[FitResult | Exception, float]  # the result, or the error, and the seconds
LONG_PRODUCT = 2**22  # rows of a batch times parameters; some tenths of a millisecond


class Training(NamedTuple):
    """The networks of a fit, ready to be trained, and how the fit is finished.

    Attributes
    ----------
    trainers : list of Trainer
        Of the network, or of the members of an ensemble.
    finish : callable (outcomes) -> None
        Sets the fitted attributes, given a dict of Outcome by the index of the trainer.
    """

    trainers: list[Trainer[LocalSource]]
    finish: Callable[[Mapping[int, Outcome]], None]


def train_networks(
    trainers: Sequence[Trainer[LocalSource]],
    n_jobs: int | None,
    verbose: int = 0,
    *,
    of_one_fit: bool = False,
) -> tuple[dict[int, Outcome], bool]:
    """Train networks; return the outcome of each, with a share of its population's seconds.

    Networks of sparse rows, and those by L-BFGS, are trained one by one. An error of a network is
    its outcome, unless the networks are of one fit, such as the members of an ensemble: then the
    first error is raised.

    Parameters
    ----------
    trainers : sequence of Trainer
        Of single networks, prepared by `local_trainer`.
    n_jobs : int or None
        As in scikit-learn.
    verbose : int, default=0
        Whether to print a line for each population.
    of_one_fit : bool, default=False
        If so, Ctrl-C, in a single job, ends training without KeyboardInterrupt. Networks that were
        being trained then have the stop reason "interrupted", others no outcome.

    Returns
    -------
    outcomes : dict of int to Outcome
        By the index of the trainer.
    interrupted : bool
        Whether Ctrl-C ended the training, and whoever keeps the outcomes is to raise it again.
    """
    jobs = joblib.effective_n_jobs(n_jobs)
    stackable = [i for i, trainer in enumerate(trainers) if _is_stackable(trainer)]
    found = group_trainers([trainers[i] for i in stackable], jobs, working_memory())
    groups = [[stackable[i] for i in group] for group in found]
    groups += [[i] for i in range(len(trainers)) if i not in set(stackable)]
    if jobs == 1:
        return _train_in_turn(trainers, groups, verbose, of_one_fit)
    long = [group for group in groups if _has_long_products(trainers[group[0]])]
    short = [group for group in groups if group not in long]
    # Between short products two threads would contend for Python's lock, while sending rows to
    # processes takes longer than long products do. In threads, BLAS gets one thread each.
    with threadpool_limits(1, "blas") if long else nullcontext():
        # Not scikit-learn's Parallel, whose threads restore the global warning filters in any
        # order.
        in_threads = joblib.Parallel(n_jobs=n_jobs, require="sharedmem")
        train = joblib.delayed(_with_config(_train))
        results = in_threads(
            train([trainers[i] for i in group], verbose, of_one_fit) for group in long
        )
    in_processes = Parallel(n_jobs=n_jobs)
    results += in_processes(
        delayed(_train)([trainers[i] for i in group], verbose, of_one_fit) for group in short
    )
    return _by_network([*long, *short], results), False


def _train_in_turn(
    trainers: Sequence[Trainer[LocalSource]],
    groups: Sequence[Sequence[int]],
    verbose: int,
    of_one_fit: bool,
) -> tuple[dict[int, Outcome], bool]:
    """Train populations one after the other, until the last or an interrupted one."""
    results: list[_GroupResult] = []
    interrupted = False
    for group in groups:
        try:
            results.append(_train([trainers[i] for i in group], verbose, of_one_fit))
            interrupted = results[-1].interrupted
        except KeyboardInterrupt:  # before this group has learnt anything
            if not of_one_fit or not results:
                raise
            interrupted = True
        if interrupted:
            break
    return _by_network(groups, results), interrupted


def _by_network(
    groups: Sequence[Sequence[int]], results: Sequence["_GroupResult"]
) -> dict[int, Outcome]:
    """Return the outcome of each network of the groups that have a result."""
    return {
        i: (network, result.seconds / len(group))
        for group, result in zip(groups, results, strict=False)
        for i, network in zip(group, result.networks, strict=True)
    }


class _GroupResult(NamedTuple):
    """What became of a population: its networks, the seconds of all, whether Ctrl-C ended it."""

    networks: list[FitResult | Exception]
    seconds: float
    interrupted: bool


def _is_stackable(trainer: Trainer[LocalSource]) -> bool:
    """Whether a network can be trained in a population."""
    run = trainer.run
    return not (run.config.full_batch or run.is_over or is_sparse(trainer.source.dataset.X))


def _has_long_products(trainer: Trainer[LocalSource]) -> bool:
    """Whether a single network's matrix products occupy a processor for a while."""
    return trainer.source.batches.batch_size * len(trainer.run.state.theta) > LONG_PRODUCT


def _train(
    trainers: Sequence[Trainer[LocalSource]], verbose: int, of_one_fit: bool
) -> _GroupResult:
    """Train the networks of a population, or a single one that can be in none."""
    started, first = perf_counter(), trainers[0]
    trainer: Trainer[Any] = population_trainer(trainers) if _is_stackable(first) else first
    results: list[FitResult | Exception]
    try:
        results = trainer.train_all(of_one_fit=of_one_fit)
    except MemoryError:
        raise  # says nothing about the networks
    except Exception as error:
        if of_one_fit:
            raise
        results = [error] * len(trainers)  # of the schedule, which they share
    seconds = perf_counter() - started
    if verbose > 0:
        sizes = "-".join(map(str, first.run.network.layer_sizes))
        print(
            f"Trained {len(trainers)} networks {sizes} for {first.run.config.n_epochs} epochs in "
            f"{seconds:.1f} s",
            flush=True,
        )
    return _GroupResult(results, seconds, trainer.interrupted)


def _with_config(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, to be called with this thread's configuration of scikit-learn."""
    config = get_config()

    def configured(*args: Any) -> Any:
        with config_context(**config):
            return function(*args)

    return configured
