"""The HTML representation in notebooks, and repr."""

import pandas as pd
import pytest
import sklearn
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmlp import SoftmaxMLPClassifier

sklearn_version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


ALL_PARAMETERS = {} if sklearn_version >= (1, 7) else {"print_changed_only": False}
MOST_SHOWN = None if sklearn_version >= (1, 7) else 30


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def notebook_output(estimator):
    """Return the HTML and the text shown by notebooks."""
    html, bundle = estimator._repr_html_(), estimator._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    for name in ("sk-top-container", "SoftmaxMLPClassifier"):
        assert name in html
        assert name in bundle["text/html"]
    return html, bundle["text/plain"]


def fit_if(fitted, estimator, digits):
    X, y = digits
    return (
        estimator.fit(pd.DataFrame(X[:100]).add_prefix("pixel"), y[:100]) if fitted else estimator
    )


@pytest.mark.parametrize("fitted", [False, True])
def test_html_shows_every_parameter(fitted, digits):
    clf = fit_if(fitted, SoftmaxMLPClassifier(units=(30, 7), epochs=2, l2=0.125), digits)
    with config_context(**ALL_PARAMETERS):
        html, _ = notebook_output(clf)
    for name in list(clf.get_params())[:MOST_SHOWN]:
        assert name in html
    values = ("(30, 7)", "0.125")
    for value in values[
        MOST_SHOWN is not None :
    ]:  # units is not among the first parameters by name
        assert value in html
    assert f"<span>{'Fitted' if fitted else 'Not fitted'}</span>" in html
    if fitted and sklearn_version >= (1, 9):
        for name in ("coefs_", "history_", "stop_reason_", "feature_names_in_"):
            assert name in html


@pytest.mark.parametrize("fitted", [False, True])
def test_html_of_a_pipeline_shows_every_parameter(fitted, digits):
    clf = SoftmaxMLPClassifier(epochs=2)
    pipeline = fit_if(fitted, make_pipeline(MinMaxScaler(), clf), digits)
    with config_context(**ALL_PARAMETERS):
        html, _ = notebook_output(pipeline)
    for name in list(clf.get_params())[:MOST_SHOWN]:
        assert name in html


def test_repr_shows_changed_parameters(digits):
    text = "SoftmaxMLPClassifier(epochs=2, solver='sgd', units=(3,))"
    clf = SoftmaxMLPClassifier((3,), epochs=2, solver="sgd", l1=0.0)
    assert repr(clf) == text
    assert notebook_output(fit_if(True, clf, digits))[1] == text
    assert repr(SoftmaxMLPClassifier()) == "SoftmaxMLPClassifier()"
