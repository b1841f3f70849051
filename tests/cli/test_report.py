"""The report of a training, also in a browser."""

import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier
from skmlp.cli.columns import take_columns
from skmlp.cli.evaluation import (
    Importances,
    Predictions,
    cautions,
    fit_baselines,
    hold_out,
    importances,
    predictions,
    score,
)
from skmlp.cli.figures import _draw_loss, draw_figures
from skmlp.cli.report import Report
from skmlp.cli.tables import FileTable
from skmlp.cli.train import _by_class
from tests.cli.test_train import in_one_process

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
EVIL = "<script>document.title = 'run'</script>"


@pytest.fixture(scope="module")
def judged():
    """A model of a column whose name is code, and what it predicts."""
    rng = np.random.RandomState(0)
    X = pd.DataFrame({EVIL: rng.rand(120), "$x^{": rng.rand(120)})
    y = np.where(X[EVIL] > 0.5, EVIL, "b & c")
    clf = SoftmaxMLPClassifier(4, epochs=5, random_state=0).fit(X, y)
    y[:10] = "b & c"
    return clf, predictions(clf, X, y, None)


@pytest.fixture(scope="module")
def page(judged):
    clf, found = judged
    texts = pd.DataFrame({EVIL: [EVIL, "x"] * 60, "$x^{": ["1", "2"] * 60})
    columns = take_columns(FileTable("f", texts, True), list(texts), [])
    shown = importances(clf, found, 0)
    return Report(
        title=EVIL,
        subtitle=EVIL,
        footer=EVIL,
        command=EVIL,
        dropped=[EVIL],
        notes=[EVIL],
        columns=columns,
        scores={"skmlp": score(found), EVIL: score(found)},
        cautions=[EVIL],
        judged=found,
        classes=_by_class(found),
        found=shown,
        figures=draw_figures(clf, found, shown),
    ).html()


class Elements(HTMLParser):
    """The elements of a page; those that need no end tag are not expected to have one."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [v for k, v in attributes if k in ("src", "srcset", "href")]
        if tag not in ("meta", "img", "source"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_values_of_the_file_are_escaped(page):
    elements = Elements(page)
    assert "script" not in elements.tags
    assert elements.open == []
    assert page.count("&lt;script&gt;") > 5
    assert "b &amp; c" in page


def test_needs_no_network(page):
    assert {link.partition(",")[0] for link in Elements(page).links} == {"data:image/png;base64"}
    assert not re.search(r"https?://|url\(|@import", page)


def title_in_browser(page, folder):
    """Return the title that a page has after the browser has loaded it."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={folder}/user", "--dump-dom",
        path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return unescape(re.search("<title>(.*?)</title>", done.stdout.decode(), re.DOTALL)[1])


# A window of the browser is at least 500 pixels wide, a frame may be as narrow as a telephone.
FRAME = """<title></title><body><script>
const frame = document.createElement("iframe");
frame.width = WIDTH; frame.style.border = 0; frame.srcdoc = PAGE;
frame.onload = () => {
  const page = frame.contentDocument, images = [...page.images];
  document.title = [page.documentElement.scrollWidth, images.length,
    images.filter(i => i.complete && i.naturalWidth > 500).length,
    Math.min(...images.map(i => Math.round(i.getBoundingClientRect().width)))].join(" ");
};
document.body.append(frame);
</script></body>"""


@in_one_process
@pytest.mark.skipif(BROWSER is None, reason="no browser")
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser(width, trained, tmp_path):
    """All pictures are shown, large enough, and the page is no wider than the window."""
    page = json.dumps((trained[1] / "report.html").read_text(encoding="utf-8"))
    framed = FRAME.replace("WIDTH", str(width)).replace("PAGE", page.replace("</", "<\\/"))
    found = title_in_browser(framed, tmp_path)
    page_width, n_images, n_shown, least = map(int, found.split())
    assert page_width <= width
    assert n_images == n_shown == 4
    assert least > 300


@pytest.mark.skipif(BROWSER is None, reason="no browser")
def test_code_in_cells_does_not_run(page, tmp_path):
    assert title_in_browser(page, tmp_path) == EVIL


def test_scores_of_known_predictions():
    classes = np.array(["a", "b", "c"])
    proba = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    X = pd.DataFrame({"x": [1.0, 2, 3, 4]}, index=[10, 20, 30, 40])

    class Model:
        classes_ = classes

        def predict_proba(self, X):
            return proba

    found = predictions(Model(), X, np.array(["a", "b", "b", "b"]), None)
    scores = score(found)
    assert scores.accuracy == 0.75
    assert scores.balanced_accuracy == pytest.approx((1 + 2 / 3) / 2)
    assert scores.log_loss == pytest.approx(-np.log([0.8, 0.5, 0.3, 0.8]).mean())
    assert scores.auc == 1.0  # c has no rows
    assert X.index[found.worst_mistakes(5)].tolist() == [30]
    weighted = predictions(Model(), X, found.y, np.array([1.0, 1, 2, 1]))
    assert score(weighted).accuracy == pytest.approx(3 / 5)


def judged_rows(p, w=None):
    """Predictions of two classes for rows of class 1, to which they give the probabilities p."""
    p = np.asarray(p, float)
    X, y = pd.DataFrame({"x": p}), np.ones(len(p), int)
    return Predictions(np.array([0, 1]), X, y, w, np.c_[1 - p, p])


def test_a_model_that_is_no_better_than_a_baseline_is_named(rng):
    def said(model, other, w=None):
        rows = {"other": judged_rows(other, w), "bad": judged_rows(np.full(len(other), 0.1), w)}
        return cautions(judged_rows(model, w), rows, None)

    base = rng.uniform(0.4, 0.6, 200)
    assert said(base * 1.1, base) == []
    better = 'The baseline "other" is as good or better on these rows (log-loss '
    assert said(base, base)[0].startswith(better)
    assert said(base, base * 1.1)[0].startswith(better)
    # One standard error better, and four: the error of the mean of +-1 is 1 / sqrt(199).
    for n_errors, is_named in ((1, True), (4, False)):
        shift = np.tile([1.0, -1.0], 100) + n_errors / np.sqrt(199)
        found = said(0.5 * np.exp(0.1 * shift), np.full(200, 0.5))
        assert [line[:45] for line in found] == [
            "The network is less than two standard errors "
        ] * is_named
    # Weights are as repeated rows are in the mean, here of one row that the model predicts worse.
    weights = np.where(np.arange(200) < 1, 1e6, 1.0)
    assert said(np.r_[0.1, base[1:] * 1.1], base, weights)[0].startswith(better)


def test_few_rows_are_named():
    few = judged_rows([0.6, 0.7] * 3), {"other": judged_rows([0.2, 0.1] * 3)}
    text = "Only 6 rows are {}: these scores are uncertain. Use cross-validation, or more rows."
    assert cautions(*few, None) == [text.format("held out")]
    assert cautions(*few, "t.csv") == [text.format("in t.csv")]
    one = judged_rows([0.6]), {"other": judged_rows([0.2])}
    assert cautions(*one, None)[1].startswith("Only 1 row is held out")


def test_a_class_without_rows_has_no_scores():
    table = _by_class(judged_rows([0.6, 0.2]))
    assert table.loc["0"].isna().tolist() == [True, True, True, False]
    assert table.loc["1"].tolist() == [1.0, 0.5, pytest.approx(2 / 3), 2]


def test_a_matrix_of_many_classes_is_not_drawn(rng, pyplot):
    classes = np.array([f"${k}$" for k in range(501)])
    X, proba = pd.DataFrame({"x": rng.rand(501)}), rng.dirichlet(np.ones(501), 501)
    judged = Predictions(classes, X, classes, None, proba)
    model = SoftmaxMLPClassifier(2, epochs=1).fit(X, np.arange(501) % 2)
    shown = Importances(["x"], np.ones(1), np.ones(1), 501)
    assert list(draw_figures(model, judged, shown)) == ["loss_curve", "reliability", "importance"]


def test_curves_of_all_members(pyplot):
    X, y = np.random.RandomState(0).rand(40, 2), [0, 1] * 20
    ensemble = SoftmaxMLPEnsembleClassifier(SoftmaxMLPClassifier(2, epochs=3), 2).fit(X, y)
    figure = pyplot.figure()
    _draw_loss(figure, ensemble)
    [ax] = figure.axes
    assert len(ax.lines) == 2
    assert [text.get_text() for text in ax.get_legend().texts] == ["training"]
    pyplot.close(figure)


def test_held_out_rows_have_all_classes_with_two_rows(rng):
    y = np.array(["a"] * 90 + ["b"] * 9 + ["c"])
    train, test = hold_out(y, None, 0)
    assert len(test) == 20
    assert sorted(np.r_[train, test]) == list(range(100))
    assert set(y[test]) == {"a", "b"}
    assert set(y[train]) == {"a", "b", "c"}


def test_baselines_of_categories_and_gaps(rng):
    X = pd.DataFrame({"c": rng.choice(["u", "v"], 80), "x": rng.rand(80)})
    y = (X.c == "u").astype(int).to_numpy()
    X.loc[::9, "x"] = np.nan
    X["c"] = X.c.astype(object).mask(rng.rand(80) < 0.1, np.nan)
    models = fit_baselines(X, [True, False], y, None)
    logistic, frequent = (predictions(m, X, y, None) for m in models.values())
    assert score(logistic).accuracy > 0.9
    assert score(frequent).accuracy == max(y.mean(), 1 - y.mean())
    unknown = X.assign(c="w")
    assert predictions(models["logistic regression"], unknown, y, None).proba.shape == (80, 2)
