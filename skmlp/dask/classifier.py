"""Training on Dask's collections, where their partitions lie."""

import inspect
from numbers import Integral

from sklearn.utils.metaestimators import available_if

from skmlp._errors import invalid
from skmlp._sklearn_compat import callbacks_of, forget_callbacks
from skmlp.callbacks import Checkpoint, with_callbacks
from skmlp.dask._cluster import Executor, aligned_blocks
from skmlp.dask.input import ShardStats, validate_shard
from skmlp.dask.predict import LazyPredictMixin
from skmlp.dask.trainer import sharded_trainer
from skmlp.data.validation import check_labels, check_validation_complete
from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.validation import check_same_classes, set_classes
from skmlp.estimators.warm_start import resume_state, unchanged_on_error
from skmlp.training.config import TrainConfig

__all__ = ["DaskSoftmaxMLPClassifier"]


def _takes_parameters_of(parent):
    """Return a decorator that gives ``**params`` of an __init__ the signature of another."""

    def decorate(init):
        own = inspect.signature(init).parameters.values()
        theirs = inspect.signature(parent.__init__).parameters
        names = {parameter.name for parameter in own}
        merged = [parameter for parameter in own if parameter.kind is not parameter.VAR_KEYWORD]
        merged += [parameter for name, parameter in theirs.items() if name not in names]
        init.__signature__ = inspect.Signature(merged)
        return init

    return decorate


def _in_memory_only(estimator):
    raise AttributeError(
        "partial_fit works on rows in memory: use to_local().partial_fit, or fit with warm_start."
    )


class DaskSoftmaxMLPClassifier(LazyPredictMixin, SoftmaxMLPClassifier):
    """SoftmaxMLPClassifier on Dask's arrays and dataframes.

    The partitions of X are joined to a few *shards*, each on one worker, where they stay. What is
    sent are summaries, parameters and gradients, none of which grows with the number of
    rows. What is minimised is the objective of SoftmaxMLPClassifier over all rows, and
    class weights, means and scales, the mean weight and the number of epochs are those of all
    rows.

    With ``solver="lbfgs"`` the shards' gradients are summed, so that the search is the local
    one but for rounding. With "adam" and "sgd", each shard is trained apart, by mini-batches of
    its own rows; after each round, of which there are `rounds_per_epoch`, the parameters and
    the optimizer's state are averaged, weighted by rows (local SGD). An epoch then
    takes about a fraction ``1 / n_shards`` of the time, and somewhat less is learnt in it.

    Work is done where Dask does it: in the cluster of the current ``dask.distributed.Client``
    or, without one, in threads of this process. If a worker dies, Dask makes its shard again
    from the collections on another one, and the round is repeated there; the result is the
    same. (This needs collections that can be made again: not of futures that were scattered.)

    Parameters
    ----------
    units : int or sequence of int, default=(100,)
        Sizes of the hidden layers.
    n_shards : int or None, default=None
        How many shards to make of the partitions, at most one of each. None makes one for each
        thread of the cluster's workers, or of this machine's processors. Results depend on
        it, also that of a given random_state.
    rounds_per_epoch : int, default=1
        How often in an epoch parameters are averaged; not with "lbfgs". More rounds cost more
        to send and bring it closer to training on one machine.
    **params : dict
        All other parameters of SoftmaxMLPClassifier. `batch_size` is a shard's, and at most the
        rows of a round; exact zeros of `l1` survive the averaging only where all shards have
        them ("lbfgs" has no such limits). Without X_val, early stopping sets aside a part of
        each shard; an integer `validation_fraction` is taken as a share of all rows. With any
        `scoring` but "loss", labels of the rows to judge are gathered once and their logits after
        each epoch; a callable gets these logits for X, with an estimator whose methods take them.

    Attributes
    ----------
    theta_ : ndarray of shape (n_params,)
        All parameters, in this process. All other attributes of SoftmaxMLPClassifier are here
        too.
    history_ : dict of str to list of float
        As there; "seconds" includes the time to send and to wait.

    See Also
    --------
    skmlp.SoftmaxMLPClassifier : On rows in one memory.

    Notes
    -----
    Shards should be alike: shuffle rows that come sorted by class before they are cut into
    partitions. A warning is given where the classes of a shard are far from those of all.
    Workers with a thread each train faster than a worker with as many threads.

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

    @_takes_parameters_of(SoftmaxMLPClassifier)
    def __init__(self, units=(100,), *, n_shards=None, rounds_per_epoch=1, **params):
        super().__init__(units, **params)
        self.n_shards = n_shards
        self.rounds_per_epoch = rounds_per_epoch

    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train where the partitions lie.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features)
            Finite real numbers; blocks may be sparse matrices. Columns may be cut into chunks.
        y : dask array or series of shape (n_samples,)
            Labels, cut like X; an array of known chunks is cut like X here.
        sample_weight : dask array or series of shape (n_samples,), default=None
            Weights of the rows, >= 0, cut like X.
        X_val : dask array or dataframe of shape (n_val, n_features), default=None
            A validation set, which stays where it is too.
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
            If X, y or weights are not Dask's.
        ValueError
            As SoftmaxMLPClassifier; also if they are not cut alike.
        """
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return self._fit((X, y, sample_weight), given)

    @with_callbacks
    def _fit(self, data, validation):
        config = TrainConfig.from_params(self.get_params(deep=False))
        self._check_own_parameters()
        X, y, sample_weight = data
        blocks = aligned_blocks(X=X, y=y, sample_weight=sample_weight)
        validation_blocks = _validation_blocks(**validation)
        with unchanged_on_error(self):
            continues = self.warm_start and hasattr(self, "theta_")
            stats, validation_stats = self._stats(blocks), None
            self._set_data_attributes(stats, continues=continues)
            if validation_blocks is not None:
                validation_stats = self._stats(validation_blocks, "sample_weight_val")
                validation_stats.check_features_of(self, "X_val")
                check_labels(validation_stats.labels, self.classes_, "y_val")
            self._check_split(stats, continues=continues)
            start, history = resume_state(self, config) if continues else (None, None)
            trainer = sharded_trainer(
                self._resolve(config, stats.n_features, stats.dtype, start),
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

    def _stats(self, blocks, weight_name="sample_weight"):
        """Return the ShardStats of blocks; the validated shards stay on the workers."""
        shards = Executor.of(blocks, self.n_shards, validate_shard, SoftmaxMLPClassifier.__name__)
        return ShardStats(shards, weight_name)

    def _check_own_parameters(self):
        for name, accepted in (("n_shards", "None or an "), ("rounds_per_epoch", "an ")):
            value = getattr(self, name)
            if name == "n_shards" and value is None:
                continue
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise invalid(name, value, f"{accepted}integer >= 1")
        if any(isinstance(callback, Checkpoint) for callback in callbacks_of(self)):
            raise ValueError(
                "Checkpoint is for SoftmaxMLPClassifier: to go on with a "
                "DaskSoftmaxMLPClassifier, set warm_start=True and pickle it between calls of fit."
            )

    def _set_data_attributes(self, stats, *, continues):
        """Set classes and features, or compare them with those that are set."""
        if continues:
            stats.check_features_of(self, "X")
            check_same_classes(self, stats.labels)
            return
        set_classes(self, stats.labels)
        self.n_features_in_ = stats.n_features
        vars(self).pop("feature_names_in_", None)
        if stats.summaries[0].feature_names is not None:
            self.feature_names_in_ = stats.summaries[0].feature_names

    def _check_split(self, stats, *, continues):
        """Raise if validation rows would be trained on, because the shards differ."""
        rows = [summary.n_rows for summary in stats.summaries]
        if continues and self.early_stopping and self._shards_split not in (None, rows):
            raise ValueError(
                "warm_start with early_stopping needs the shards of the fit before, of which some "
                f"rows were set aside: they had {self._shards_split} rows, now they have {rows}. "
                "Set n_shards, or give X_val."
            )
        self._shards_split = rows if self.early_stopping else None

    @available_if(_in_memory_only)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Not available: see `to_local`."""

    @classmethod
    def resume(cls, path, X, y, *args, **kwargs):
        """Raise: there are no checkpoints of fits on Dask's collections.

        Raises
        ------
        AttributeError
            Always.
        """
        raise AttributeError("resume is for SoftmaxMLPClassifier, whose fit writes checkpoints.")

    def to_local(self):
        """Return the same as an estimator for rows in memory.

        Returns
        -------
        clf : SoftmaxMLPClassifier
            Fitted, if this one is; its arrays are the same.
        """
        params = self.get_params(deep=False)
        fitted = {name: value for name, value in vars(self).items() if name not in params}
        forget_callbacks(fitted)
        fitted.pop("_shards_split", None)
        for name in ("n_shards", "rounds_per_epoch"):
            del params[name]
        return SoftmaxMLPClassifier._from_attributes(params, fitted)

    def _fitted_local(self, result):
        """Return a fitted estimator for scorers, which takes arrays."""
        return self.to_local()._fitted_copy(result)


def _validation_blocks(X_val, y_val, sample_weight_val):
    """Return the blocks of a validation set, or None if nothing of one was given."""
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    check_validation_complete(X_val, y_val)
    return aligned_blocks(X=X_val, y=y_val, sample_weight=sample_weight_val, suffix="_val")
