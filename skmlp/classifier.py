"""The estimator: checks what comes in, calls the core, keeps what comes out."""

from contextlib import contextmanager

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from skmlp.core.losses import log_softmax
from skmlp.fitting import fit_network
from skmlp.inputs import check_rows, check_validation_rows, check_X, encode
from skmlp.parameters import build_network, check_parameters, working_dtype
from skmlp.prediction import finite_logits

__all__ = ["SoftmaxMLPClassifier"]


class SoftmaxMLPClassifier(ClassifierMixin, BaseEstimator):
    r"""Softmax multilayer perceptron, trained by mini-batches.

    The network turns a row x into logits through hidden layers ``a = f(a_before W + b)``
    and a linear output layer, and into probabilities by softmax. Training minimises

    .. math::

        J = \frac{\sum_i w_i \, CE_i}{\sum_i w_i}
            + l_1 \sum |W| + \frac{l_2}{2} \sum W^2,

    the weighted mean cross-entropy of the rows plus penalties on the weights (not on the
    biases). The objective is the same for every solver and batch size.

    Parameters
    ----------
    units : int or sequence of int, default=(100,)
        Sizes of the hidden layers. ``()``, or None, is softmax (multinomial logistic)
        regression.
    activation : str or sequence of str, default="relu"
        f of the hidden layers, one name for all of them or one for each: "identity",
        "logistic", "tanh", "relu", "leaky_relu" (slope 0.01), "elu", "silu", "gelu" (tanh
        form).
    init : str, default="auto"
        Distribution of the initial weights; biases start at 0. "glorot_uniform",
        "he_normal", "lecun_normal" or "standard_normal". "auto" takes he_normal for the
        layers in front of relu, leaky_relu, elu, silu and gelu, else glorot_uniform.
    l1 : float, default=0.0
        Strength of the penalty ``l1 sum|W|``. A proximal step follows every gradient step,
        so that weights become exactly zero.
    l2 : float, default=0.0
        Strength of the penalty ``l2/2 sum W^2``. MLPClassifier's ``alpha`` corresponds to
        ``l2 = alpha / batch_size``.
    solver : {"adam", "sgd"}, default="adam"
        "adam": Kingma & Ba 2015, with `beta_1`, `beta_2` and `epsilon`. "sgd": stochastic
        gradient descent with `momentum`. Either leaves the other's parameters unused.
    learning_rate : float, default=0.001
        Step size, before the schedule's factor.
    schedule : str or callable, default="constant"
        Factor on the learning rate, step by step: "constant"; "invscaling",
        1 / sqrt(1 + step); "cosine", from 1 to 0 over the call of fit; "one_cycle", from
        0.04 up to 1 in the first 30 % and down to 0; or a function of the fraction of the
        steps done, in [0, 1).
    momentum : float, default=0.9
        Share of the last step that sgd repeats, in [0, 1).
    nesterovs_momentum : bool, default=True
        Whether sgd takes the gradient at the point that momentum leads to.
    beta_1 : float, default=0.9
        Decay of adam's mean of gradients, in [0, 1).
    beta_2 : float, default=0.999
        Decay of adam's mean of squared gradients, in [0, 1).
    epsilon : float, default=1e-8
        Added to adam's denominator.
    batch_size : int or "auto", default="auto"
        Rows in a mini-batch; "auto" is 128. At most the number of rows.
    epochs : int, default=100
        Passes over the training rows in a call of fit.
    shuffle : bool, default=True
        Whether to visit the rows in a new random order in each epoch.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Precision of the parameters and of all computation. "auto" keeps float32 and
        float64 as they come and trains in float32 on integers and bools; float32 holds
        integers up to 2^24 exactly.
    random_state : int, RandomState instance or None, default=None
        For the initial weights and the order of the rows. An int makes fit reproducible.
    verbose : int or bool, default=0
        Whether to print a line for each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all strings.
    label_binarizer_ : LabelBinarizer
        What made one-hot rows of y.
    theta_ : ndarray of shape (n_params,)
        All parameters, ``[W1 | W2 | ... | b1 | b2 | ...]``.
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        The weights of each layer, views on `theta_`.
    intercepts_ : list of ndarray of shape (fan_out,)
        The biases of each layer, views on `theta_`.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of outputs: of classes.
    out_activation_ : str
        "softmax".
    n_iter_ : int
        Number of epochs done.
    loss_ : float
        The last entry of `loss_curve_`; NaN if not even one epoch was done.
    history_ : dict of str to list of float
        One entry an epoch: "loss" (the objective, averaged over the epoch's batches while
        they were trained on), "learning_rate" (of the epoch's last step), "seconds" (wall
        time of the epoch's steps); with a validation set also "validation_loss"
        (cross-entropy without penalty) and "validation_score" (accuracy), both after the
        epoch. ``pandas.DataFrame(clf.history_)`` takes it as it is.
    loss_curve_ : list of float
        ``history_["loss"]``.
    validation_loss_curve_ : list of float or None
        ``history_["validation_loss"]``; None without validation set.
    validation_scores_ : list of float or None
        ``history_["validation_score"]``; None without validation set.
    stop_reason_ : str
        "epochs" when all were done, "interrupted" after Ctrl-C (KeyboardInterrupt), which
        ends the training but keeps what was learnt.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : Scikit-learn's multilayer perceptron.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015,
    arXiv:1412.6980.

    I. Sutskever et al., "On the importance of initialization and momentum in deep
    learning", ICML 2013.

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
        units=(100,),
        *,
        activation="relu",
        init="auto",
        l1=0.0,
        l2=0.0,
        solver="adam",
        learning_rate=0.001,
        schedule="constant",
        momentum=0.9,
        nesterovs_momentum=True,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        batch_size="auto",
        epochs=100,
        shuffle=True,
        dtype="auto",
        random_state=None,
        verbose=0,
    ):
        self.units = units
        self.activation = activation
        self.init = init
        self.l1 = l1
        self.l2 = l2
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
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

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
        """Train from new random weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite real numbers. A C-ordered array is not copied, whatever its dtype: only
            batches are cast.
        y : array-like of shape (n_samples,)
            Labels: strings, integers or bools.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0: in the objective, weight 2 is a row twice and weight 0
            no row at all.
        X_val : array-like of shape (n_val, n_features), default=None
            A validation set, whose loss and accuracy are recorded after each epoch.
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
            Before training, for parameters or data that cannot be meant; in the epoch
            where it happens, if the loss is no longer a finite number. A model fitted
            earlier then stays as it was.
        """
        check_parameters(self)
        with _unchanged_on_error(self):
            rows = check_rows(self, X, y, sample_weight)
            self.label_binarizer_ = LabelBinarizer().fit(rows.y)
            self.classes_ = self.label_binarizer_.classes_
            dtype, validation = working_dtype(self, rows.X), None
            if any(given is not None for given in (X_val, y_val, sample_weight_val)):
                rows_val = check_validation_rows(self, X_val, y_val, sample_weight_val)
                validation = encode(rows_val, self.label_binarizer_, dtype)
            self._keep(fit_network(self, encode(rows, self.label_binarizer_, dtype), validation))
        return self

    def _keep(self, outcome):
        """Set the fitted attributes from what training returned."""
        self._layer_sizes, self._activations = outcome.description
        self.theta_ = outcome.theta
        self.history_ = outcome.history
        self.stop_reason_ = outcome.stop_reason
        self.n_iter_ = len(self.history_["loss"])
        self.loss_ = self.history_["loss"][-1] if self.n_iter_ else np.nan
        self.n_layers_, self.n_outputs_ = len(self._layer_sizes), len(self.classes_)
        self.out_activation_ = "softmax"

    def decision_function(self, X):
        """Return the logits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes) or (n_samples,)
            For two classes the difference ``z1 - z0`` of the two logits, whose logistic
            function is the probability of ``classes_[1]``.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_log_proba(self, X):
        """Return the logarithms of the probabilities, by log-softmax of the logits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; never less than the logarithm of the smallest
            normal number of its dtype (-87.3 in float32, -708.4 in float64), so never -inf.
        """
        logits = self._logits(X)
        return np.maximum(log_softmax(logits), np.log(np.finfo(logits.dtype).tiny))

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`: the exponential of `predict_log_proba`.
        """
        return np.exp(self.predict_log_proba(X))

    def predict(self, X):
        """Return the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels, of the dtype of `classes_`.
        """
        logits = self._logits(X)
        return self.classes_[logits.argmax(axis=1)]

    def _logits(self, X):
        """Return logits (n_samples, n_classes), in theta_'s dtype, also for two classes."""
        check_is_fitted(self)
        return finite_logits(self._network, self.theta_, check_X(self, X))

    @property
    def _network(self):
        """The core's Network; the estimator itself keeps only sizes and names."""
        return build_network(self._layer_sizes, self._activations)

    @property
    def coefs_(self):
        """The weights of each layer (fan_in, fan_out), views on `theta_`."""
        return self._network.views(self.theta_)[0]

    @property
    def intercepts_(self):
        """The biases of each layer (fan_out,), views on `theta_`."""
        return [b[0] for b in self._network.views(self.theta_)[1]]

    @property
    def loss_curve_(self):
        """The objective in each epoch."""
        return self.history_["loss"]

    @property
    def validation_loss_curve_(self):
        """The cross-entropy on the validation set after each epoch, or None."""
        return self.history_.get("validation_loss")

    @property
    def validation_scores_(self):
        """The accuracy on the validation set after each epoch, or None."""
        return self.history_.get("validation_score")


@contextmanager
def _unchanged_on_error(estimator):
    """Give the estimator its attributes back if the block raises."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
