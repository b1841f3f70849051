"""SoftmaxMLPClassifier: parameters, fit, partial_fit and resume."""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

from skmlp._sklearn_compat import begin_callbacks
from skmlp.callbacks import CallbackSupportMixin, Checkpoint, fit_hooks, with_callbacks
from skmlp.data.checks import check_labels
from skmlp.data.dataset import Dataset, encode, encode_parts
from skmlp.data.scales import working_dtype
from skmlp.estimators.predict import BEFORE_FIT, PredictMixin
from skmlp.estimators.validation import DATA_ATTRIBUTES, validate_fit_data, validate_rows
from skmlp.estimators.warm_start import (
    check_partial_fit_parameters,
    resume_state,
    set_or_check_classes,
    supports_partial_fit,
    unchanged_on_error,
)
from skmlp.io.checkpoint import CheckpointState, Origin, read_checkpoint
from skmlp.io.fingerprint import data_fingerprint
from skmlp.training.config import TrainConfig
from skmlp.training.local import local_trainer
from skmlp.training.state import FitResult, TrainState
from skmlp.training.trainer import Trainer

__all__ = ["SoftmaxMLPClassifier"]


class SoftmaxMLPClassifier(CallbackSupportMixin, PredictMixin, ClassifierMixin, BaseEstimator):
    r"""Softmax multilayer perceptron, trained by mini-batches or L-BFGS.

    The network computes logits from a row x by hidden layers ``a = f(a_before W + b)`` and a
    linear output layer. The probabilities are the softmax of the logits. Training minimises

    .. math::

        J = \frac{\sum_i w_i \, CE_i}{\sum_i w_i}
            + l_1 \sum |W| + \frac{l_2}{2} \sum W^2,

    the weighted mean cross-entropy of the rows plus penalties on the weights (not on the
    biases), where w_i is sample weight times class weight. The objective is the same for
    every solver and batch size.

    Parameters
    ----------
    units : int or sequence of int, default=(128, 128)
        Sizes of the hidden layers. ``()``, or None, is softmax (multinomial logistic)
        regression.
    activation : str or sequence of str, default="silu"
        Activation function f of the hidden layers, one for all or one for each: "identity",
        "logistic", "tanh", "relu", "leaky_relu" (slope 0.01), "elu", "silu", "gelu" (tanh form).
        Without hidden layers, ``()`` and None are also accepted.
    init : str, default="auto"
        Distribution of the initial weights; biases start at 0. "glorot_uniform",
        "he_normal", "lecun_normal" or "standard_normal". "auto" is "he_normal" for layers
        followed by relu, leaky_relu or elu; "lecun_normal" for those followed by silu or gelu,
        and for the output layer after one of these; otherwise "glorot_uniform".
    standardize : bool, default=True
        Whether to train on ``(x - mean) / scale``, with the mean of each column over the training
        rows, weighted by sample_weight. The scale is the standard deviation, unless at least half
        of the rows have the same value, as in columns of counts, rare words or one-hot levels. It
        is then the root mean square distance of the other rows from that value, if this is
        larger, so that rare values are not scaled up. Rows that were divided by their norms, as by
        TfidfVectorizer, are left as they are: all of them have the same Euclidean norm, but
        different numbers of non-zero values. After training, mean and scale are folded into the
        first layer, so predictions need no standardization. Penalties apply to the weights of
        standardized columns. A column that is constant in training has no influence on
        predictions. Sparse X gives the same model as dense X, and stays sparse.
    n_bins : int, "auto" or None, default="auto"
        Number of bins of the piecewise linear encoding of numeric columns, those with more than
        two values; None for no encoding. The edges of the bins are quantiles of the column in the
        training rows. For each bin from l to r, ``clip((x - l) / (r - l), 0, 1)`` is an
        additional input of the first layer, so that the network can learn piecewise linear
        functions of a column. "auto" is 16, or fewer, such that all columns together have at most
        512 bins and at most one for 20 training rows; equal edges count once. It is no bins if that
        is fewer than 3, if two bins for each numeric column are more than this limit, with fewer
        than 300 rows, without hidden layers, in partial_fit and with "lbfgs".
        Warm starts and partial_fit keep the bins of the first call.
    categorical_features : "from_dtype", None or sequence, default="from_dtype"
        Which columns are categorical. "from_dtype": the columns of a data frame with a category,
        enumeration or string dtype, or with objects that are strings; columns of arrays are
        numeric. A sequence has the names or numbers of columns, or is a boolean mask of the
        columns, also for arrays. None: no column. Each category in training has a row of weights
        in the first layer, and so have missing values. The network is the same as after
        OneHotEncoder, but one-hot columns are not made. Memory for parameters and training is
        proportional to the number of categories times `units[0]`.
    min_frequency : int, float or None, default=5
        Categories in fewer rows than this share one row of weights, as in OneHotEncoder. A number
        in (0, 1) is a fraction of the total weight of the rows. Unknown categories, which did not
        occur in training, use the shared row; without one, their contribution is 0. None is no
        limit. Ignored in partial_fit.
    l1 : float or sequence of float, default=0.0
        Strength of the penalty ``l1 sum|W|``, one number or one for each weight matrix. It is
        applied by a proximal step after every gradient step, so weights become exactly zero.
    l2 : float, sequence of float or "auto", default="auto"
        Strength of the penalty ``l2/2 sum W^2``, one number or one for each weight matrix.
        "auto" is 0 with 300 training rows or more, in partial_fit and with "lbfgs". With fewer
        rows it is 0.5 divided by the number of distinct rows.
        MLPClassifier's ``alpha`` corresponds to ``l2 = alpha / batch_size``.
    dropout : float, sequence of float or "auto", default="auto"
        Probability of setting each input of a layer to 0 in a training step; the other inputs are
        divided by 1 minus this probability. One number is for the outputs of all hidden layers; a
        sequence has one more entry than there are hidden layers, the first one for X (for sparse
        X, for the stored entries). Rounded to 1/65536. Not with "lbfgs". "auto" is 0 with 1,500
        training rows or more, if a hidden layer has fewer than 50 units, in partial_fit and with
        "lbfgs". It is 0.3 with 300 to 1,499 rows. With fewer than 300 rows it is 0.2 for X and
        0.5 for hidden units; the same units are then dropped for all rows of a step, so that
        weights keep their exact meaning.
    label_smoothing : float, default=0.05
        A number s in [0, 1): the training targets are ``(1 - s) y + s * prior`` instead of
        one-hot rows y. The prior is the class frequencies of the training rows, weighted by
        sample_weight and `class_weight`; in partial_fit, of the rows of all calls so far. So the
        mean of the targets, and of the probabilities, does not depend on s. Validation losses use
        one-hot rows.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, which are multiplied by sample_weight in training; a class
        that is missing in the dict has weight 1. With "balanced", the weight of class k is
        ``sum(w) / (n_classes w_k)``, where w_k is the sum of its sample weights.
    solver : {"adam", "sgd", "lbfgs"}, default="adam"
        "adam": Kingma & Ba 2015, with `beta_1`, `beta_2` and `epsilon`. "sgd": stochastic
        gradient descent with `momentum`. "lbfgs": L-BFGS-B over all rows at once, for small
        data or a precise minimum; `epochs` is the maximum number of iterations, and it
        stops when the largest component of the gradient is at most `tol`. Parameters of other
        solvers are ignored; "lbfgs" also ignores learning_rate, schedule, batch_size and
        shuffle.
    learning_rate : float, default=0.01
        Step size, multiplied by the schedule's factor.
    schedule : str or callable, default="one_cycle"
        Factor of the learning rate in each step: "constant"; "invscaling",
        1 / sqrt(1 + step); "adaptive", divided by 5 after `n_iter_no_change` epochs without
        an improvement by `tol` of the training loss or the metric of early stopping (training
        then stops early only when the rate is below 1e-6); "cosine", from 1 to 0 over the call
        of fit; "one_cycle", from 0.04 to 1 in the first 30 % of the steps, then to 0; or a
        function of the fraction of the steps done, in [0, 1).
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1).
    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.
    beta_1 : float, default=0.9
        Decay rate of the mean of gradients in "adam", in [0, 1).
    beta_2 : float, default=0.999
        Decay rate of the mean of squared gradients in "adam", in [0, 1).
    epsilon : float, default=1e-8
        Term added to the denominator in "adam".
    batch_size : int or "auto", default="auto"
        Number of rows in a mini-batch, at most the number of rows. "auto" is the power of two
        nearest to a 64th of the training rows, at least 16 and at most 128; with fewer than
        300 rows it is 64, and in partial_fit 128.
    epochs : int or "auto", default="auto"
        Number of passes over the training rows in a call of fit; with "lbfgs", the maximum
        number of iterations. "auto" is 100, but at most 10,000 steps and at least 5 epochs;
        with "lbfgs", 200.
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    early_stopping : bool or "auto", default="auto"
        Whether to stop after `n_iter_no_change` consecutive epochs without an improvement of more
        than `tol`, and to keep the parameters of the best epoch. The metric is `scoring` on
        X_val, or on a part of the training rows that is set aside. Without early stopping,
        training takes `epochs` epochs. "auto" is True if X_val is given or there are at least 300
        training rows, but False in partial_fit and with "lbfgs". It sets aside at most 10,000
        rows. A class with a single row stays in the training rows.
    scoring : str or callable, default="loss"
        The metric of early stopping: "loss", the cross-entropy on the validation rows, with
        the class weights of training; the name of a scikit-learn scorer; or a callable
        (estimator, X, y[, sample_weight]) -> score, where greater is better. It is also the
        score in `history_`; with "loss", that is the accuracy.
    validation_fraction : float, int or None, default=0.1
        Fraction or number of the training rows that early stopping sets aside without X_val,
        stratified, with at least one of each class. None sets none aside; the metric is then
        the training loss, or the score on (at most 10,000 of) the training rows.
    n_iter_no_change : int, default=20
        Patience of early stopping and of "adaptive", in epochs; numpy.inf for no limit.
    tol : float, default=1e-4
        Minimum improvement; with "lbfgs", the tolerance of the gradient.
    averaging : float, default=1.0
        Time constant, in epochs, of an exponential moving average of the parameters over the
        steps. The average is validated and kept. The time constant is at most about a tenth of
        the steps so far. 0 keeps the parameters of the last step; so do "lbfgs" and partial_fit.
    calibration : {"temperature"} or None, default="temperature"
        With early stopping on validation rows, "temperature" calibrates the network after
        training. The difference between the logits and the logarithms of the class frequencies in
        the training rows is divided by `temperature_`, the number that minimises the
        cross-entropy on the validation rows.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Precision of the parameters and all computations. "auto" is the dtype of X if that is
        float32 or float64, and float32 for integers and bools. It is float64 for integers if
        float32 cannot resolve the spread of a column, such as times in nanoseconds.
    warm_start : bool, default=False
        Whether fit continues from the last call: with its parameters, optimizer state, random
        state, means and scales, validation rows and history. With a constant, invscaling or
        adaptive rate and without early stopping, 5 + 5 epochs give the same bits as 10.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the validation rows, the order of the rows and
        dropout. Pass an int for reproducible results.
    verbose : int or bool, default=0
        Whether to print a line for each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has names that are all strings.
    is_categorical_ : ndarray of bool of shape (n_features,)
        Which columns are categorical.
    categories_ : list of ndarray of shape (n_categories,) or None
        The sorted categories of each column in training, with None or NaN at the end if values
        were missing; None for numeric columns.
    infrequent_categories_ : list of ndarray of shape (n_infrequent,) or None
        The categories of each column that share a row of weights by `min_frequency`, or None.
    encoded_feature_names_ : ndarray of shape (n_inputs,)
        Names of the rows of ``coefs_[0]``: numeric columns, missing indicators, categories, bins.
    label_binarizer_ : LabelBinarizer
        Converts labels to one-hot rows.
    theta_ : ndarray of shape (n_params,)
        All parameters, ``[W1 | W2 | ... | b1 | b2 | ...]``.
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        The weights of each layer, views on `theta_`. `encoded_feature_names_` has the names of
        the rows of the first layer.
    intercepts_ : list of ndarray of shape (fan_out,)
        The biases of each layer, views on `theta_`.
    n_layers_ : int
        Number of layers, including input and output.
    n_outputs_ : int
        Number of outputs, one for each class.
    out_activation_ : str
        "softmax".
    class_weight_ : ndarray of shape (n_classes,)
        The weight of each class.
    n_iter_ : int
        Number of epochs, including those before a warm start.
    loss_ : float
        The last entry of `loss_curve_`; NaN if no epoch was completed.
    history_ : dict of str to list of float
        One entry per epoch: "loss" (the mean objective of the epoch's batches during
        training), "learning_rate" (of the epoch's last step; not with "lbfgs"), "seconds"
        (wall-clock time of the epoch's steps). With a validation set there are three more,
        computed after the epoch: "validation_loss" (weighted cross-entropy without penalty and
        smoothing), "validation_score" and "score" (on as many training rows as there are
        validation rows, but at least 1,000, if there are so many, and at most 10,000). Validation
        losses are those before `calibration`.
        ``pandas.DataFrame(clf.history_)`` has one row per epoch.
    loss_curve_ : list of float
        ``history_["loss"]``.
    validation_loss_curve_ : list of float or None
        ``history_["validation_loss"]``; None without a validation set.
    validation_scores_ : list of float or None
        ``history_["validation_score"]``; None without a validation set.
    best_epoch_ : int or None
        Index in `history_` of the epoch whose parameters were kept by the last call of fit; None
        without early stopping.
    best_validation_score_ : float or None
        The entry of that epoch in `validation_scores_`.
    temperature_ : float
        The temperature of `calibration`, which is part of the last layer; 1 without calibration.
    stop_reason_ : str
        "epochs" after all epochs; "early_stopping"; "converged", with "lbfgs"; "callback", if
        a callback stopped training; "interrupted" after Ctrl-C (KeyboardInterrupt), see `fit`.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : Scikit-learn's multilayer perceptron.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015,
    arXiv:1412.6980.

    Sutskever et al., "On the importance of initialization and momentum in deep learning",
    ICML 2013.

    Srivastava et al., "Dropout", JMLR 15, 2014.

    Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016,
    section 7: label smoothing.

    Guo et al., "On calibration of modern neural networks", ICML 2017, arXiv:1706.04599:
    temperature scaling.

    Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep
    learning", NeurIPS 2022, arXiv:2203.05556: piecewise linear encoding.

    Zhu et al., "Algorithm 778: L-BFGS-B", ACM TOMS 23, 1997.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skmlp import SoftmaxMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> clf = SoftmaxMLPClassifier(units=50, epochs=40, random_state=0)
    >>> clf.fit(X_train, y_train).score(X_test, y_test) > 0.95
    True
    >>> clf.predict_proba(X_test).shape
    (450, 10)
    """

    def __init__(
        self,
        units: int | Sequence[int] | None = (128, 128),
        *,
        activation: str | Sequence[str] | None = "silu",
        init: str = "auto",
        standardize: bool = True,
        n_bins: int | str | None = "auto",
        categorical_features: Any = "from_dtype",
        min_frequency: float | None = 5,
        l1: float | Sequence[float] = 0.0,
        l2: float | Sequence[float] | str = "auto",
        dropout: float | Sequence[float] | str = "auto",
        label_smoothing: float = 0.05,
        class_weight: Mapping[Any, float] | str | None = None,
        solver: str = "adam",
        learning_rate: float = 0.01,
        schedule: str | Callable[[float], float] = "one_cycle",
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        batch_size: int | str = "auto",
        epochs: int | str = "auto",
        shuffle: bool = True,
        early_stopping: bool | str = "auto",
        scoring: str | Callable[..., float] = "loss",
        validation_fraction: float | None = 0.1,
        n_iter_no_change: float = 20,
        tol: float = 1e-4,
        averaging: float = 1.0,
        calibration: str | None = "temperature",
        dtype: str = "auto",
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.units = units
        self.activation = activation
        self.init = init
        self.standardize = standardize
        self.n_bins = n_bins
        self.categorical_features = categorical_features
        self.min_frequency = min_frequency
        self.l1 = l1
        self.l2 = l2
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.solver = solver
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.batch_size = batch_size
        self.epochs = epochs
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.averaging = averaging
        self.calibration = calibration
        self.dtype = dtype
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "SoftmaxMLPClassifier":
        """Train from new random weights or, with warm_start, from the parameters of the last call.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            Real numbers and, in the columns of `categorical_features`, strings or numbers. NaN
            and None are missing values. In a numeric column they are replaced by the mean of the
            other values. A numeric column with missing values in training also has a missing
            indicator, 0 or 1, as a further input. Infinity is an error. Data frames are those of
            pandas, polars and PyArrow.

            A C-ordered array and a canonical CSR matrix or array are not copied, whatever their
            dtype. Only batches are converted, and validation rows are copied. The rows of a
            memory map are copied by batches too. From 64 MiB on they are shuffled by blocks:
            blocks of 4 MiB in random order, then the rows within each group of 16 blocks
            (CorgiPile, Xu et al., SIGMOD 2022). Further copies of its rows are the validation
            rows (their choice takes 80 bytes of memory for each row of X), at most 10,000 rows of
            X that are scored after each epoch, and at most 10,000 of X_val for `calibration`.
            Copies of more than 16 MiB are in an unnamed file in the folder of `tempfile`.
        y : array-like of shape (n_samples,)
            Labels: strings, integers or bools.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0. In the objective, a row of weight 2 counts as two rows, and
            a row of weight 0 is ignored. Values of "auto" depend on the number of rows of weight
            > 0.
        X_val : array-like of shape (n_val, n_features), default=None
            A validation set for early stopping and `calibration`. Its loss and score are recorded
            after each epoch. GridSearchCV and cross_validate split it like X if it has as many
            rows as X.
        y_val : array-like of shape (n_val,), default=None
            Its labels, all of which must occur in y.
        sample_weight_val : array-like of shape (n_val,), default=None
            Its weights.

        Returns
        -------
        self : SoftmaxMLPClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            For invalid parameters or data, before training; if the loss is not a finite number,
            in that epoch. A model fitted earlier then stays unchanged.
        KeyboardInterrupt
            After Ctrl-C. The fitted attributes are set first, with the current parameters or,
            with early stopping, those of the best epoch. If no step was done, the estimator stays
            unchanged.
        OSError
            If a temporary file for rows of a memory map cannot be written.
        """
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return self._fit((X, y, sample_weight), given)

    @classmethod
    def resume(
        cls,
        path: str | bytes | os.PathLike[str],
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        callbacks: Sequence[Any] = (),
        **params: Any,
    ) -> "SoftmaxMLPClassifier":
        """Resume an interrupted fit from the file of its Checkpoint.

        Parameters and history are bit for bit those of an uninterrupted fit, on the same machine
        and with the same versions of the libraries. The checkpoint is set again with the same
        file. If the fit was complete, there is no further training.

        With L-BFGS the optimization restarts from the parameters in the file, because SciPy does
        not return its approximation of the Hessian. The result is as good, but not the same.

        Parameters
        ----------
        path : str, bytes or path-like
            The file.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The same rows as before. A checksum of all rows is compared, or of 64 rows if X is a
            memory map.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights, if they had any.
        X_val : array-like of shape (n_val, n_features), default=None
            The same validation set as before, if there was one.
        y_val : array-like of shape (n_val,), default=None
            Its labels.
        sample_weight_val : array-like of shape (n_val,), default=None
            Its weights.
        callbacks : sequence of callbacks, default=()
            Callbacks of scikit-learn to set besides the checkpoint.
        **params : dict
            Constructor parameters that the file cannot hold, such as a function as `schedule` or
            `scoring`; also verbose. A RandomState is not needed: its state is in the file.

        Returns
        -------
        clf : SoftmaxMLPClassifier
            Fitted.

        Raises
        ------
        ValueError
            If the file is damaged or not a checkpoint; if rows, labels or weights differ from
            those of the interrupted fit; or if a parameter is missing or must not be given.
        OSError
            If the file cannot be read or written.

        See Also
        --------
        skmlp.callbacks.Checkpoint : Writes the file.
        """
        checkpoint = read_checkpoint(path)
        accepted = cls().get_params(deep=False)
        clf = cls(**checkpoint.resumed_params(params, accepted, cls.__name__))
        clf.set_callbacks(Checkpoint(path, checkpoint.every), *callbacks)
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return clf._fit((X, y, sample_weight), given, checkpoint)

    @available_if(supports_partial_fit)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "SoftmaxMLPClassifier":
        """Train for one epoch on these rows, continuing from earlier calls.

        Optimizer state, random state and history are kept between calls. With standardize, means
        and scales are those of the rows of all calls. When they change, a column keeps its effect
        on the outputs if its statistics come from 300 rows or more; otherwise it keeps its
        weights for standardized values. The factor of cyclic schedules and of callables is 1, and
        `batch_size="auto"` is 128. There is no early stopping, averaging or calibration.
        Callbacks are not called.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            As in `fit`. The first call decides which categories and missing values have weights.
            Categories that a category or Enum dtype declares are included, also if no row has
            them. New categories in later calls are treated as unknown, with a warning.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels of all calls. Required in the first call, unless fit was called before.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, relative to the mean weight of all rows so far.

        Returns
        -------
        self : SoftmaxMLPClassifier
            The estimator.

        Raises
        ------
        ValueError
            As `fit`; also if `classes` is missing in the first call, for labels that are not in
            `classes`, and with early_stopping=True or class_weight="balanced", which need all
            rows.
        KeyboardInterrupt
            After Ctrl-C. The estimator is as before the call, or trained on all rows of the call.
        """
        config = self._train_config()
        check_partial_fit_parameters(self)
        with unchanged_on_error(self):
            continues = hasattr(self, "theta_")
            rows = validate_rows(self, X, y, sample_weight, reset=not continues, declared=True)
            start, history = resume_state(self, config) if continues else (None, None)
            set_or_check_classes(self, classes, continues=continues)
            check_labels(rows.y, self.classes_)
            config = self._resolve(config, partial(working_dtype, rows.X), start)
            config = replace(config, epochs=1, cyclic=False)
            dataset = encode(rows, self.classes_, config.theta_dtype)
            trainer = local_trainer(config, self.classes_, dataset, start=start, history=history)
            result = trainer.train()
            if trainer.interrupted:  # with a part of the call's work
                raise KeyboardInterrupt
            self._set_fitted(result, keep_state=True)
        return self

    def _train_config(self) -> TrainConfig:
        """Return the configuration, after checks of all parameters."""
        return TrainConfig.from_params(self.get_params(deep=False))

    @with_callbacks
    def _fit(
        self,
        data: tuple[Any, Any, Any],
        validation: dict[str, Any],
        checkpoint: CheckpointState | None = None,
    ) -> "SoftmaxMLPClassifier":
        """Fit on (X, y, sample_weight), from a checkpoint if there is one."""
        config = self._train_config()
        with unchanged_on_error(self):
            continues = checkpoint is None and self.warm_start and hasattr(self, "theta_")
            rows, validation_rows = validate_fit_data(
                self, *data, **validation, continues=continues
            )
            start = history = None
            if continues:
                start, history = resume_state(self, config)
            elif checkpoint is not None:
                (of_run,) = checkpoint.runs
                start, history = of_run.state, of_run.history
            config = self._resolve(config, partial(working_dtype, rows.X), start)
            dataset, validation_set = encode_parts(
                rows, validation_rows, self.classes_, config.theta_dtype
            )
            make_origin = partial(self._origin, dataset, validation_set)
            if checkpoint is not None:
                checkpoint.check_origin(make_origin())
                config = of_run.resolve(config)
            trainer = local_trainer(
                config,
                self.classes_,
                dataset,
                validation_set,
                start=start,
                history=history,
                make_estimator=self._fitted_copy,
            )
            if checkpoint is not None:
                of_run.restore(trainer.run)
            self._train(trainer, data, make_origin)
        return self

    def _origin(self, dataset: Dataset, validation: Dataset | None) -> Origin:
        """Return what a checkpoint compares when training is resumed."""
        names = getattr(self, "feature_names_in_", [])
        fingerprint = data_fingerprint(names, self._categories, dataset, validation)
        return Origin(self.get_params(deep=False), self.classes_, fingerprint)

    def _resolve(
        self,
        config: TrainConfig,
        auto_dtype: Callable[[], np.dtype],
        start: TrainState | None,
    ) -> TrainConfig:
        """Return the configuration for the data, in the dtype of start or of the data."""
        dtype = config.requested_dtype(auto_dtype) if start is None else start.theta.dtype
        return replace(
            config,
            n_classes=len(self.classes_),
            theta_dtype=dtype,
            encoding=None if start is None else start.encoding,
        )

    def _train(
        self,
        trainer: Trainer,
        data: tuple[Any, Any, Any],
        make_origin: Callable[[], Origin] | None = None,
    ) -> None:
        """Train, with callbacks and checkpoints, and set the fitted attributes.

        They are set after Ctrl-C as well, and then KeyboardInterrupt is raised.
        """
        callbacks = begin_callbacks(self)
        run = trainer.run
        run.hooks = fit_hooks(self, callbacks, data, run, make_origin) if callbacks else ()
        result = trainer.train()
        self._set_fitted(result, keep_state=self.warm_start)
        for hook in run.hooks:
            hook.on_fitted(result)
        if trainer.interrupted:
            raise KeyboardInterrupt

    def _set_fitted(self, result: FitResult, *, keep_state: bool = False) -> None:
        """Set the fitted attributes; keep the state if training may be continued."""
        state = {"_train_state": result.state if keep_state else None}
        # At once, so that Ctrl-C finds all of them set or none.
        vars(self).update(self._fitted_attributes(result) | state)
        vars(self).pop(BEFORE_FIT, None)  # from now on, predictions are those of this network

    @staticmethod
    def _fitted_attributes(result: FitResult) -> dict[str, Any]:
        """Return the fitted attributes, besides those set before training, by name."""
        layer_sizes, activations = result.architecture
        history, best = result.history, result.best_epoch
        scaling, moments, encoding = result.scaling, result.moments, result.encoding
        scores, n_classes = history.get("validation_score"), layer_sizes[-1]
        return {
            "_layer_sizes": layer_sizes,
            "_activations": activations,
            # Plain arrays, since skops asks the user whether to trust other types.
            "_mean_and_scale": scaling and (scaling.mean, scaling.scale),
            "_encoding": encoding and encoding.arrays(),
            # For a later partial_fit, whose statistics are those of all calls.
            "_moments": moments and tuple(moments),
            "_train_state": None,
            "theta_": result.theta,
            "temperature_": result.temperature,
            "history_": history,
            "n_iter_": len(history["loss"]),
            "loss_": history["loss"][-1] if history["loss"] else np.nan,
            "best_epoch_": best,
            "best_validation_score_": None if best is None or not scores else scores[best],
            "stop_reason_": result.stop_reason,
            "class_weight_": np.ones(n_classes)
            if result.class_weight is None
            else result.class_weight,
            "n_layers_": len(layer_sizes),
            "n_outputs_": n_classes,
            "out_activation_": "softmax",
        }

    def _result(self) -> FitResult:
        """Return the FitResult of the last fit, without the training state."""
        return FitResult(
            (self._layer_sizes, self._activations),
            self.theta_,
            self.history_,
            self.stop_reason_,
            self.best_epoch_,
            self.class_weight_,
            self._scaling,
            self._column_moments,
            self._network.encoding,
            temperature=self.temperature_,
        )

    @classmethod
    def _from_attributes(
        cls, params: dict[str, Any], fitted: dict[str, Any]
    ) -> "SoftmaxMLPClassifier":
        """Return an estimator with these parameters and fitted attributes."""
        clf = cls(**params)
        vars(clf).update(fitted)
        return clf

    def _fitted_copy(self, result: FitResult) -> "SoftmaxMLPClassifier":
        """Return a fitted copy for scorers, which takes arrays; training does not change it."""
        fitted = copy.copy(self)
        vars(fitted).update(self._copied_attributes(result))
        vars(fitted).pop("feature_names_in_", None)
        if result.encoding is None:  # that of logits
            fitted.n_features_in_, fitted._categories = result.architecture[0][0], []
        return fitted

    def _copied_attributes(self, result: FitResult) -> dict[str, Any]:
        """Return copies of all fitted attributes, for callbacks and scorers to do as they like."""
        given = {name: vars(self)[name] for name in DATA_ATTRIBUTES if name in vars(self)}
        return copy.deepcopy(given | self._fitted_attributes(result))
