"""Experiments on many tables: the defaults beside MLPClassifier, a larger setting beside RealMLP.

``RealMLP_TD_S_Classifier`` of the package pytabkit ("Better by Default", Holzmüller, Grinsztajn &
Steinwart 2024, arXiv:2407.04491) has three layers of 256 units, as `LARGER` has. It trains in
PyTorch for 256 epochs, on four fifths of the rows, and keeps the epoch that is best on the rest.
Its comparison has one seed, and the table of 60,000 images is left out unless it is named.

``defaults_search`` and ``realmlp_search`` are the searches by which the defaults and `LARGER` were
found. RealMLP is trained once on each table then, to compute the share of its time.
"""

import logging
from itertools import product

from sklearn.base import clone
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import tables
from benchmarks.comparison import Study
from benchmarks.harness import experiment
from skmlp import SoftmaxMLPClassifier

BUT_IMAGES = tuple(name for name in tables.NAMES if name != "fashion")

# The defaults and MLPClassifier, on X as it is and after StandardScaler

OURS, OURS_SCALED, THEIRS, THEIRS_SCALED = "skmlp", "skmlp, scaled", "sklearn", "sklearn, scaled"
# The base of the search and its changes. "epochs" are passes over the data, but at least 100 steps
# and at most "steps" (in no fewer than 5 passes).
BASE = {
    "standardize": True, "schedule": "one_cycle", "learning_rate": 0.01, "batch_size": 128,
    "l2": 3e-4, "dropout": 0.0, "label_smoothing": 0.01, "epochs": 40, "steps": 4000,
}  # fmt: skip
RATES = [
    ("constant", 0.001), ("constant", 0.003), ("cosine", 0.003), ("cosine", 0.01),
    ("one_cycle", 0.003), ("one_cycle", 0.01), ("one_cycle", 0.03),
]  # fmt: skip
COARSE = [
    {"standardize": standardize, "schedule": schedule, "learning_rate": rate, "epochs": epochs}
    for standardize, (schedule, rate), epochs in product([True, False], RATES, [20, 40, 80])
]
FINE = [
    {"learning_rate": rate, "l2": l2, "label_smoothing": smoothing}
    for rate, l2, smoothing in product(
        [0.005, 0.01, 0.02], [0.0, 3e-4, 5e-4, 1e-3, 3e-3], [0.0, 0.01, 0.02]
    )
]
OTHERS = [
    *({"epochs": epochs} for epochs in (30, 50)),
    *({"steps": steps} for steps in (2000, 8000)),
    *({"batch_size": size} for size in (64, 256)),
    *({"dropout": rate} for rate in (0.1, 0.3)),
]


def candidate_defaults():
    """Return the settings of the search, each once."""
    made = [BASE | change for change in [*COARSE, *FINE, *OTHERS]]
    return [setting for i, setting in enumerate(made) if setting not in made[:i]]


def parameters(setting, n_rows):
    """Return the estimator's parameters of a setting for a number of training rows."""
    batches = -(-n_rows // setting["batch_size"])
    epochs = round(min(max(setting["epochs"], 100 / batches), setting["steps"] / batches))
    others = {name: value for name, value in setting.items() if name != "steps"}
    return others | {"batch_size": min(setting["batch_size"], n_rows), "epochs": max(epochs, 5)}


def _default_candidates(seed, n_rows):
    mlp = MLPClassifier(random_state=seed)
    return [
        (THEIRS, mlp),
        (THEIRS_SCALED, make_pipeline(StandardScaler(), mlp)),
        *(
            (setting, SoftmaxMLPClassifier(**parameters(setting, n_rows), random_state=seed))
            for setting in candidate_defaults()
        ),
    ]


def _default_contestants(seed, **params):
    ours = SoftmaxMLPClassifier(random_state=seed, **params)
    mlp = MLPClassifier(random_state=seed)
    scaled = [make_pipeline(StandardScaler(), clone(clf)) for clf in (ours, mlp)]
    return {OURS: ours, THEIRS: mlp, OURS_SCALED: scaled[0], THEIRS_SCALED: scaled[1]}


DEFAULTS = Study(
    _default_contestants,
    pairs=((OURS, THEIRS), (OURS_SCALED, THEIRS_SCALED)),
    candidates=_default_candidates,
    names=tables.NAMES,
    searched=BUT_IMAGES,
    n_splits=3,
)

# A larger setting and RealMLP

LARGER_OURS, LARGER_THEIRS = "skmlp, larger", "RealMLP"
LARGER = {
    "units": (256, 256, 256),
    "activation": "silu",
    "dropout": 0.2,
    "label_smoothing": 0.05,
    "l2": 0.001,
    "learning_rate": 0.003,
    "batch_size": 32,
    "epochs": 20,
    "dtype": "float32",
}
# The settings of the search, the first of which was selected. Earlier trials on the same splits
# had excluded others: with relu three layers were less accurate, two layers for 40 epochs were no
# better, and neither quantile transforms nor clipped columns helped.
LARGER_CANDIDATES = [
    LARGER | {"schedule": "one_cycle", "beta_2": 0.999} | change
    for change in [
        {},
        {"epochs": 15},
        {"l2": 3e-4},
        *({"label_smoothing": share} for share in (0.01, 0.03)),
        {"label_smoothing": 0.01, "l2": 3e-4},
        {"dropout": 0.1},
        {"learning_rate": 0.002},
        {"schedule": "cosine"},
        {"beta_2": 0.95},
        {"activation": "gelu"},
        {"batch_size": "auto", "epochs": 25, "learning_rate": 0.005},
    ]
]


def real_mlp(seed):
    """Return RealMLP with its defaults, in one thread and without log messages."""
    try:
        import torch
        from pytabkit import RealMLP_TD_S_Classifier
    except ImportError:
        raise ImportError(
            "RealMLP is in the package pytabkit, which is not installed: pip install pytabkit (it "
            "needs PyTorch, which includes CUDA unless its CPU build is installed first)"
        ) from None
    torch.set_num_threads(1)
    for name in ("lightning", "pytorch_lightning", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return RealMLP_TD_S_Classifier(device="cpu", n_threads=1, random_state=seed)


def _realmlp_candidates(seed, n_rows):
    peer = [(LARGER_THEIRS, real_mlp(seed))] if seed == 0 else []
    return peer + [
        (setting, SoftmaxMLPClassifier(**setting, random_state=seed))
        for setting in LARGER_CANDIDATES
    ]


def _realmlp_contestants(seed):
    return {
        LARGER_OURS: SoftmaxMLPClassifier(**LARGER, random_state=seed),
        LARGER_THEIRS: real_mlp(seed),
        OURS: SoftmaxMLPClassifier(random_state=seed),
    }


REALMLP = Study(
    _realmlp_contestants,
    pairs=((LARGER_OURS, LARGER_THEIRS), (OURS, LARGER_THEIRS)),
    candidates=_realmlp_candidates,
    names=BUT_IMAGES,
    searched=BUT_IMAGES,
    n_splits=8,  # for a small table the validation rows are a few dozen
    n_seeds=1,
)

# The experiments

for name, work, measure in [
    ("defaults", "the defaults beside MLPClassifier (ten minutes)", DEFAULTS.compare_all),
    ("defaults_search", "search of the defaults (half an hour)", DEFAULTS.search_all),
    ("realmlp", "a larger setting beside RealMLP (half an hour)", REALMLP.compare_all),
    ("realmlp_search", "search of the larger setting (an hour)", REALMLP.search_all),
]:
    experiment(f"on many tables: {work}", name=name)(measure)
