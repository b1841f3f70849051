"""DaskSoftmaxMLPClassifier: parameters, fit and conversion to a local estimator."""

import inspect
from contextlib import ExitStack
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if

from skmlp._errors import check_integer
from skmlp._sklearn_compat import callbacks_of, feature_names, remove_callbacks
from skmlp.callbacks import Checkpoint, with_callbacks
from skmlp.dask._cluster import Executor, aligned_blocks
from skmlp.dask.input import ShardStats, check_features, validate_shard
from skmlp.dask.predict import LazyPredictMixin
from skmlp.dask.trainer import sharded_trainer
from skmlp.data.checks import check_labels, check_validation_complete
from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.predict import BEFORE_FIT, SNAPSHOT_OF
from skmlp.estimators.validation import check_same_classes, set_classes
from skmlp.estimators.warm_start import resume_state, unchanged_on_error
from skmlp.training.config import TrainConfig
from skmlp.training.state import FitResult

__all__ = ["DaskSoftmaxMLPClassifier"]


def _add_base_parameters(init: Any) -> Any:
    """Decorator: replace ``**params`` in a signature by the parameters of SoftmaxMLPClassifier."""
    base = inspect.signature(SoftmaxMLPClassifier.__init__).parameters
    merged = (inspect.signature(init).parameters | base).values()
    init.__signature__ = inspect.Signature([p for p in merged if p.kind is not p.VAR_KEYWORD])
    return init


def _raise_in_memory_only(estimator: Any) -> bool:
    raise AttributeError(
        "partial_fit trains on rows in memory: use to_local().partial_fit, or fit with warm_start."
    )


class DaskSoftmaxMLPClassifier(LazyPredictMixin, SoftmaxMLPClassifier):
    """SoftmaxMLPClassifier for Dask arrays and dataframes.

    The partitions of X are concatenated to a few *shards*. Each shard stays on one worker. Only
    summaries, parameters and gradients are sent; their size does not depend on the number of
    rows. The objective is that of SoftmaxMLPClassifier over all rows. Categories, missing
    indicators, class weights, means and scales, the mean weight and the number of epochs are also
    those of all rows.

    With ``solver="lbfgs"`` the gradients of the shards are summed, so the result is that of
    SoftmaxMLPClassifier up to rounding. With "adam" and "sgd", a copy of the network is trained
    on each shard, by mini-batches of its rows. After each of the `rounds_per_epoch` rounds, the
    parameters and optimizer states are averaged, weighted by the number of rows (local SGD). An
    epoch takes about ``1 / n_shards`` of the time, and reduces the objective somewhat less.

    The computations run on the cluster of the current ``dask.distributed.Client`` or, without
    a client, in threads of this process. If a worker dies, Dask recomputes its shard from the
    collections on another worker and repeats the round there, with the same result. This is
    not possible for collections of scattered futures.

    Parameters
    ----------
    units : int or sequence of int, default=(128, 128)
        Sizes of the hidden layers.
    n_shards : int or None, default=None
        Number of shards, at most one for each partition. None means one for each thread of the
        cluster, or of this machine. Results depend on it, also with a fixed random_state.
    rounds_per_epoch : int, default=1
        How often the parameters are averaged in an epoch; not used with "lbfgs". With more
        rounds, the result is closer to that on one machine, and more data is sent.
    **params : dict
        All other parameters of SoftmaxMLPClassifier. `batch_size` is that of each shard, at most
        the rows of a round; "auto" depends on the rows of a shard. With "adam" and "sgd", `l1`
        makes a weight exactly zero only if it is zero in all shards. Without X_val, early stopping
        sets aside a part of each shard; an integer `validation_fraction` is converted to a share of
        all rows. With a `scoring` other than "loss", the labels of the scored rows are sent to the
        client once, and their logits after each epoch. A callable gets these logits as X, and an
        estimator that accepts them.

    Attributes
    ----------
    theta_ : ndarray of shape (n_params,)
        All parameters, in this process. All other attributes of SoftmaxMLPClassifier are
        available as well.
    history_ : dict of str to list of float
        As in SoftmaxMLPClassifier; "seconds" includes the time for communication.

    See Also
    --------
    skmlp.SoftmaxMLPClassifier : For rows in memory.

    Notes
    -----
    The shards should have similar distributions: shuffle rows that are sorted by class before
    partitioning them. There is a warning if the class frequencies of a shard are far from those
    of all rows. Several workers with one thread each train faster than one worker with several
    threads.

    References
    ----------
    S. U. Stich, "Local SGD Converges Fast and Communicates Little", ICLR 2019,
    arXiv:1805.09767.

    H. B. McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
    Data", AISTATS 2017, arXiv:1602.05629.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.datasets import load_digits
    >>> from skmlp.dask import DaskSoftmaxMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, y = da.from_array(X, chunks=(450, 64)), da.from_array(y, chunks=450)
    >>> clf = DaskSoftmaxMLPClassifier(units=50, n_shards=2, random_state=0).fit(X, y)
    >>> clf.predict(X)
    dask.array<..., shape=(1797,), dtype=int64, chunksize=(450,), ...>
    >>> clf.score(X, y) > 0.97
    True
    >>> clf.to_local()
    SoftmaxMLPClassifier(random_state=0, units=50)
    """

    @_add_base_parameters
    def __init__(
        self,
        units: Any = (128, 128),
        *,
        n_shards: int | None = None,
        rounds_per_epoch: int = 1,
        **params: Any,
    ) -> None:
        super().__init__(units, **params)
        self.n_shards = n_shards
        self.rounds_per_epoch = rounds_per_epoch

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "DaskSoftmaxMLPClassifier":
        """Train on the workers that hold the partitions.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            As in SoftmaxMLPClassifier: real numbers and, in the columns of
            `categorical_features`, strings or numbers; NaN and None are missing values. The
            categories are those of all partitions, whose category dtypes may differ. Blocks of
            arrays may be sparse matrices. Columns may be chunked.
        y : dask array or series of shape (n_samples,)
            Labels, with the partitions of X; an array of known chunk sizes is rechunked.
        sample_weight : dask array or series of shape (n_samples,), default=None
            Weights of the rows, >= 0, with the partitions of X.
        X_val : dask array or dataframe of shape (n_val, n_features), default=None
            A validation set; its partitions stay on the workers as well.
        y_val : dask array or series of shape (n_val,), default=None
            Its labels.
        sample_weight_val : dask array or series of shape (n_val,), default=None
            Its weights.

        Returns
        -------
        self : DaskSoftmaxMLPClassifier
            The fitted estimator.

        Raises
        ------
        TypeError
            If X, y or weights are not Dask collections.
        ValueError
            As SoftmaxMLPClassifier; also if the partitions of X, y and weights differ, or if a
            column holds strings in some partitions and numbers in others.
        """
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return self._fit((X, y, sample_weight), given)

    @with_callbacks
    def _fit(self: Any, data: tuple[Any, Any, Any], validation: dict[str, Any]) -> Any:
        config = self._train_config()
        self._check_dask_parameters()
        X, y, sample_weight = data
        blocks = aligned_blocks(X=X, y=y, sample_weight=sample_weight)
        validation_blocks = _validation_blocks(**validation)
        with unchanged_on_error(self), ExitStack() as held:
            continues = self.warm_start and hasattr(self, "theta_")
            if continues:
                self._check_columns(X, "X")
            stats = ShardStats(held.enter_context(self._validated(blocks, fitted=continues)))
            validation_stats = None
            self._set_data_attributes(stats, continues=continues)
            if validation_blocks is not None:
                self._check_columns(validation["X_val"], "X_val")
                validation_shards = self._validated(validation_blocks, fitted=True)
                validation_stats = ShardStats(
                    held.enter_context(validation_shards), "sample_weight_val"
                )
                validation_stats.check_features_of(self, "X_val")
                check_labels(validation_stats.labels, self.classes_, "y_val")
                validation_stats.recode(self._column_categories)
            self._check_split(config, stats, continues=continues)
            start, history = resume_state(self, config) if continues else (None, None)
            trainer = sharded_trainer(
                self._resolve(config, lambda: stats.working_dtype, start),
                self.classes_,
                stats,
                validation_stats,
                rounds_per_epoch=self.rounds_per_epoch,
                start=start,
                history=history,
                make_estimator=self._fitted_local,
            )
            self._train(trainer, data)
        return self

    def _check_columns(self, X: Any, name: str) -> None:
        """Raise unless a collection has the features of fit, as far as is known of it."""
        if X.ndim == 2 and np.isfinite(X.shape[1]):
            names = feature_names(X._meta)
            check_features(self, X.shape[1], None if names is None else names.tolist(), name)

    def _validated(self, blocks: list[Any], *, fitted: bool) -> Executor:
        """Return the shards of the blocks, which are validated on the workers."""
        mask = self.is_categorical_ if fitted else None
        marked = self.categorical_features
        return Executor.of(blocks, self.n_shards, validate_shard, marked, mask)

    def _check_dask_parameters(self) -> None:
        if self.n_shards is not None:
            check_integer("n_shards", self.n_shards, 1, "None or an integer >= 1")
        check_integer("rounds_per_epoch", self.rounds_per_epoch, 1, "an integer >= 1")
        if any(isinstance(callback, Checkpoint) for callback in callbacks_of(self)):
            raise ValueError(
                "Checkpoint is for SoftmaxMLPClassifier: to continue training a "
                "DaskSoftmaxMLPClassifier, set warm_start=True and pickle it between calls of fit."
            )

    def _set_data_attributes(self: Any, stats: ShardStats, *, continues: bool) -> None:
        """Set classes and features; when training continues, compare them with those of before."""
        if continues:
            stats.check_features_of(self, "X")
            check_same_classes(self, stats.labels)
            stats.recode(self._column_categories, warn_unknown=True)
            return
        set_classes(self, stats.labels)
        self.n_features_in_ = stats.n_features
        vars(self).pop("feature_names_in_", None)
        if stats.summaries[0].feature_names is not None:
            self.feature_names_in_ = stats.summaries[0].feature_names
        if stats.columns is not None:
            stats.columns.warn_of_strings()
        self._categories = stats.categories
        stats.recode(self._column_categories)

    def _check_split(self: Any, config: TrainConfig, stats: ShardStats, *, continues: bool) -> None:
        """Raise if the shards have changed, since validation rows would be trained on."""
        rows = [summary.n_rows for summary in stats.summaries]
        splits = config.sets_rows_aside(stats.n_rows)
        if continues and splits and self._shards_split not in (None, rows):
            raise ValueError(
                "warm_start with early_stopping needs the shards of the previous fit, of which "
                f"some rows were set aside: they had {self._shards_split} rows, now they have "
                f"{rows}. Set n_shards, or give X_val."
            )
        self._shards_split = rows if splits else None

    @available_if(_raise_in_memory_only)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Not available: see `to_local`."""

    @classmethod
    def resume(cls, path: Any, X: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
        """Raise AttributeError: fit on Dask collections writes no checkpoints.

        Raises
        ------
        AttributeError
            Always.
        """
        raise AttributeError("resume is for SoftmaxMLPClassifier, whose fit writes checkpoints.")

    def to_local(self) -> SoftmaxMLPClassifier:
        """Return an estimator for rows in memory with the same parameters and attributes.

        Returns
        -------
        clf : SoftmaxMLPClassifier
            Fitted if this one is; it shares the arrays.
        """
        params = self.get_params(deep=False)
        fitted = {name: value for name, value in vars(self).items() if name not in params}
        remove_callbacks(fitted)
        for name in ("_shards_split", BEFORE_FIT, SNAPSHOT_OF):
            fitted.pop(name, None)
        del params["n_shards"], params["rounds_per_epoch"]
        return SoftmaxMLPClassifier._from_attributes(params, fitted)

    def _fitted_local(self, result: FitResult) -> SoftmaxMLPClassifier:
        """Return a fitted estimator for scorers."""
        return self.to_local()._fitted_copy(result)


def _validation_blocks(X_val: Any, y_val: Any, sample_weight_val: Any) -> list[Any] | None:
    """Return the blocks of the validation set, or None without one."""
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    check_validation_complete(X_val, y_val)
    return aligned_blocks(X=X_val, y=y_val, sample_weight=sample_weight_val, suffix="_val")
