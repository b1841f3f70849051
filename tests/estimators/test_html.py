"""The HTML representation in notebooks, and repr."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier

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


# The fitted network


needs_table = pytest.mark.skipif(
    sklearn_version < (1, 7), reason="scikit-learn 1.6 shows no table of parameters"
)


class Tables(HTMLParser):
    """The titles of what can be opened, and the rows of cells, as a browser reads them."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.titles, self.rows = set(), [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "summary":
            self.titles.append("")

    def handle_data(self, data):
        if self.lasttag in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.lasttag == "summary":
            self.titles[-1] += data

    @property
    def facts(self):
        return {first: others for first, *others in self.rows}


def fitted_tables(estimator):
    """Return what is shown below the parameters."""
    return Tables(estimator._repr_html_().partition('class="estimator-table skmlp"')[2])


def penguins(n=90):
    rng = np.random.RandomState(0)
    X = pd.DataFrame({
        "length": rng.rand(n), "mass": rng.rand(n), "island": rng.choice(["a", "b"], n),
    })  # fmt: skip
    X.loc[::9, "mass"] = np.nan
    return X, rng.choice(["Adelie", "Chinstrap", "Gentoo"], n)


@needs_table
def test_layers_and_training():
    X, y = penguins()
    clf = SoftmaxMLPClassifier((6, 4), n_bins=5, activation=("relu", "tanh"), epochs=7)
    clf.set_params(early_stopping=True, random_state=0).fit(X, y)
    tables = fitted_tables(clf)
    assert tables.titles[0] == f"Network: {clf.theta_.size} parameters"
    score = f"{clf.best_validation_score_:.4g}"
    assert tables.titles[1] == f"Training: {clf.n_iter_} epochs, validation score {score}"
    assert tables.facts["numbers"] == ["2", "length, mass"]
    assert tables.facts["missing values"] == ["1", "mass"]
    assert tables.facts["categories"] == ["2", "island"]
    assert tables.facts["bins"] == ["10", "length, mass"]
    assert tables.facts["classes"] == ["3", "Adelie, Chinstrap, Gentoo"]
    names, shapes = ["hidden 1", "hidden 2", "output"], [W.shape for W in clf.coefs_]
    for name, (n_inputs, units), W, b, function in zip(
        names, shapes, clf.coefs_, clf.intercepts_, ["relu", "tanh", "softmax"], strict=True
    ):
        n_params = W.size + b.size
        assert tables.facts[name] == [str(n_inputs), str(units), function, str(n_params)]
    best = clf.best_epoch_
    assert tables.facts["best epoch"] == [f"{best + 1} (best_epoch_ = {best})"]
    assert tables.facts["stop reason"] == [clf.stop_reason_]
    assert tables.facts["validation loss"] == [f"{clf.validation_loss_curve_[best]:.4g}"]
    assert tables.facts["temperature"] == [f"{clf.temperature_:.4g}"]


@needs_table
def test_without_names_and_early_stopping(digits):
    X, y = digits
    clf = SoftmaxMLPClassifier((), epochs=1, early_stopping=False).fit(X, y)
    tables = fitted_tables(clf)
    assert tables.titles[0] == "Network: 650 parameters"
    assert tables.titles[1] == f"Training: 1 epoch, training loss {clf.loss_:.4g}"
    assert tables.facts["numbers"] == ["64", ""]
    assert tables.facts["classes"] == ["10", "0, 1, 2, 3, 4, 5, 6, 7, …"]
    assert tables.facts["output"] == ["64", "10", "softmax", "650"]
    assert not {"best epoch", "validation loss", "bins"} & tables.facts.keys()


@needs_table
def test_ensemble(digits):
    X, y = digits
    ensemble = SoftmaxMLPEnsembleClassifier(SoftmaxMLPClassifier(3, epochs=2), 3, cv=3)
    assert not fitted_tables(ensemble).titles
    tables = fitted_tables(ensemble.fit(X[:200], y[:200]))
    n_params = 65 * 3 + 4 * 10
    assert (
        tables.titles[0] == f"Network: 3 with {n_params} parameters each, {3 * n_params} in total"
    )
    score = f"{ensemble.oof_score_:.4g}"
    assert tables.titles[1] == f"Training: 3 members, out-of-fold score {score}"
    assert tables.facts["epochs"] == ["2"]
    assert tables.facts["out-of-fold loss"] == [f"{ensemble.oof_loss_:.4g}"]


@needs_table
def test_inside_of_others(digits):
    X, y = digits
    clf = SoftmaxMLPClassifier(2, epochs=1)
    assert not fitted_tables(clf).titles
    pipeline = make_pipeline(MinMaxScaler(), clf).fit(X, y)
    search = GridSearchCV(clf, {"l2": [0.0, 1.0]}, cv=2).fit(X, y)
    for estimator in (pipeline, search):
        assert fitted_tables(estimator).titles[0] == "Network: 160 parameters"


def test_without_an_epoch(digits):
    X, y = digits

    def interrupt(estimator, X, y):
        raise KeyboardInterrupt

    clf = SoftmaxMLPClassifier(2, scoring=interrupt, epochs=5, early_stopping=True)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    if hasattr(clf, "theta_"):
        notebook_output(clf)


HOSTILE = [
    "<script>alert(1)</script>", "a'b\"c&d", "line\nbreak", "\ud800", "</td></table>", "x" * 5000,
    "left\u202etfel",
]  # fmt: skip


def test_names_are_escaped(rng):
    X = pd.DataFrame(rng.rand(140, 7), columns=pd.Index(HOSTILE, dtype=object))
    X[HOSTILE[0]] = np.where(X[HOSTILE[0]] > 0.5, *HOSTILE[4:6])
    y = np.array(HOSTILE)[np.arange(140) % 7]
    clf = SoftmaxMLPClassifier(2, epochs=1).fit(X, y)
    ensemble = SoftmaxMLPEnsembleClassifier(SoftmaxMLPClassifier(2, epochs=1), 2).fit(X, y)
    for estimator in (clf, ensemble):
        html = estimator._fitted_html()
        assert "<script" not in html
        assert "x" * 40 not in html
        html.encode()  # surrogates cannot be
        tables = Tables(html)
        assert tables.tags == {
            "style", "div", "details", "summary", "table", "tbody", "tr", "td", "th",
        }  # fmt: skip
        names = tables.facts["classes"][1].split(", ")
        assert set(names) == {printed for label in HOSTILE for printed in [shown(label)]}
        notebook_output(estimator)


def shown(label):
    replaced = "".join(" " if c in "\n\ud800\u202e" else c for c in label)
    return replaced if len(replaced) <= 32 else replaced[:31] + "…"


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_many_classes_and_columns(rng):
    X = pd.DataFrame(rng.rand(4, 2_000)).add_prefix("column ")
    clf = SoftmaxMLPClassifier(1).partial_fit(X, [0, 1, 2, 3], classes=np.arange(10_000))
    html = clf._fitted_html()
    assert len(html) < 3_000
    facts = Tables(html).facts
    assert facts["classes"] == ["10,000", "0, 1, 2, 3, 4, 5, 6, 7, …"]
    assert facts["numbers"][0] == "2,000"
    assert facts["numbers"][1].endswith("column 7, …")
