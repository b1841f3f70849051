"""What skmlp uses of scikit-learn's private names; no other file touches them.

Each has a note on the public way to return to, as soon as there is one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params, _get_feature_names

__all__ = [
    "CALLBACK_STATE",
    "FitTimesMixin",
    "FittedHTMLMixin",
    "begin_callbacks",
    "callback_context",
    "callbacks_of",
    "check_search",
    "feature_names",
    "mlp_private_attributes",
    "remove_callbacks",
    "rows_of",
    "rows_of_params",
    "store_callbacks",
]

# What scikit-learn >= 1.9 keeps on an estimator from the beginning of fit to its end. Public
# way: none; `sklearn.callback.with_callbacks` reads them after fit.
CALLBACK_STATE = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


def callbacks_of(estimator: Any) -> Sequence[Any]:
    """Return the callbacks that were set. Public way: none, there is only set_callbacks."""
    return getattr(estimator, "_skl_callbacks", ())


def store_callbacks(estimator: Any, callbacks: Sequence[Any]) -> None:
    """Set callbacks with scikit-learn < 1.9. Public way: set_callbacks of 1.9."""
    estimator._skl_callbacks = list(callbacks)


def remove_callbacks(attributes: dict[str, Any]) -> None:
    """Remove callbacks, and their state, from a dict of attributes. Public way: none."""
    for name in ("_skl_callbacks", *CALLBACK_STATE):
        attributes.pop(name, None)


def begin_callbacks(estimator: Any) -> Sequence[Any]:
    """Return the callbacks of a fit that begins. Public way: none.

    A fitted copy that a callback received during another fit has the state of that fit, which
    is removed.
    """
    for name in CALLBACK_STATE:
        vars(estimator).pop(name, None)
    return callbacks_of(estimator)


def callback_context(estimator: Any, max_subtasks: int, *, sequential_subtasks: bool = True) -> Any:
    """Return the context of a fit. Public way: none; scikit-learn documents this method."""
    return estimator._init_callback_context(
        max_subtasks=max_subtasks, sequential_subtasks=sequential_subtasks
    )


def feature_names(X: Any) -> Any:
    """Return the names of the columns, or None.

    Public way: ``feature_names_in_`` after ``validate_data(BaseEstimator(), X,
    skip_check_array=True)``.
    """
    return _get_feature_names(X)


def rows_of(X: Any, indices: Any) -> Any:
    """Return rows of whatever scikit-learn can index. Public way: none."""
    return _safe_indexing(X, indices)


def rows_of_params(X: Any, params: Mapping[str, Any], indices: Any) -> dict[str, Any]:
    """Return parameters of fit, those with one entry per row of X indexed. Public way: none."""
    return _check_method_params(X, params=params, indices=indices)


def check_search(search: Any) -> None:
    """Check the parameters of a search, as its fit does later. Public way: none."""
    search._validate_params()
    search._get_scorers()


class FitTimesMixin:
    """Replaces the fit times in the results of a search before it compares candidates.

    Public way: none; ``cv_results_`` is set after a callable `refit` has seen the times.
    """

    def _format_results(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        results = super()._format_results(*args, **kwargs)
        results.update(self._fit_times())
        return results


class FittedHTMLMixin:
    """Adds to the HTML representation, below the parameters, with scikit-learn >= 1.7.

    A class with this mixin has a method ``_fitted_html() -> str``. Public way: none.
    """

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        shown = super()._get_params_html(*args, **kwargs)
        of_parameters = shown._html_repr
        shown._html_repr = lambda: of_parameters() + self._fitted_html()
        return shown


def mlp_private_attributes(binarizer: Any, coefs: list, intercepts: list) -> dict[str, Any]:
    """Return the private attributes of a fitted MLPClassifier. Public way: none."""
    return {
        "_label_binarizer": binarizer,
        "_best_coefs": [W.copy() for W in coefs],
        "_best_intercepts": [b.copy() for b in intercepts],
        "_no_improvement_count": 0,
    }
