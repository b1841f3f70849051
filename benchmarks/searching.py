"""Cases of searches: all fits of a grid, beside searches that fit one candidate at a time.

The same candidates, splits, networks, batches and epochs for all: three strengths of l2 (of alpha,
which MLPClassifier divides by the rows of a batch), three learning rates and, but for the images,
three values of Adam's beta_1. A whole call of fit without the refit, with as many jobs as there are
processors.
"""

import os
import warnings

from joblib import cpu_count
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from benchmarks import data
from benchmarks.measure import SKLEARN, SKMLP, Quantity, faster, interleave, seconds
from benchmarks.peers import Setting, mlp_classifier, ours
from skmlp import PopulationGridSearchCV

__all__ = ["ONE_BY_ONE", "search_images", "search_large", "search_medium", "search_small"]

ONE_BY_ONE = "skmlp, GridSearchCV"
RATES, PENALTIES, DECAYS = (0.001, 0.003, 0.01), (1e-5, 1e-4, 1e-3), (0.8, 0.9, 0.95)


def _search(setting, X, y, options, epochs, bound, *, splits=5, decays=DECAYS):
    """Seconds of a search by each contestant."""
    rest = {"cv": splits, "refit": False, "n_jobs": cpu_count()}
    grid = {"learning_rate": RATES, "l2": PENALTIES, "beta_1": decays}
    theirs = {
        "learning_rate_init": RATES,
        "alpha": [l2 * setting.batch_size for l2 in PENALTIES],
        "beta_1": decays,
    }
    if options.tiny:
        grid, theirs = ({name: values[:1] for name, values in g.items()} for g in (grid, theirs))
    epochs = options.epochs(epochs)
    net, mlp = ours(setting, epochs), mlp_classifier(setting, epochs)
    searches = {
        SKMLP: PopulationGridSearchCV(net, grid, **rest),
        SKLEARN: GridSearchCV(mlp, theirs, **rest),
        ONE_BY_ONE: GridSearchCV(net, grid, **rest),
    }
    measures = {
        name: (lambda search=search: seconds(_fit, search, X, y))
        for name, search in searches.items()
    }
    turns = interleave(measures, options.turns_or(5), warm_up=False)
    details = {"rows": len(X), "epochs": epochs, "splits": splits, "jobs": rest["n_jobs"]}
    return Quantity("search", "s", turns, (faster(SKLEARN, bound), faster(ONE_BY_ONE, 1)), details)


def _fit(search, X, y):
    os.environ.setdefault("PYTHONWARNINGS", "ignore:Stochastic Optimizer")  # in other processes
    with warnings.catch_warnings():  # MLPClassifier's, that it did what it was asked for
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)


def search_small(options):
    """Networks so small that calls cost more than numbers."""
    X, y = data.tabular(options.rows(1_000))
    return [_search(Setting((16,), batch_size=32), X, y, options, 50, 15.0)]


def search_medium(options):
    """The same rows in larger batches."""
    X, y = data.tabular(options.rows(1_000))
    return [_search(Setting((32,), batch_size=128), X, y, options, 50, 8.0)]


def search_large(options):
    """More rows, columns, classes and units."""
    X, y = data.tabular(options.rows(5_000), n_features=50, n_classes=5)
    return [_search(Setting((64,), batch_size=128), X, y, options, 20, 4.0)]


def search_images(options):
    """Networks so large that there is little to share."""
    X, y = data.images(options.rows(10_000))
    setting = Setting((100,), batch_size=32 if options.tiny else 256)
    return [_search(setting, X, y, options, 5, 1.5, splits=3, decays=DECAYS[1:2])]
