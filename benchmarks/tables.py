"""Small and medium-sized tables for classification that are available without downloads.

They come with scikit-learn, are drawn by its make_classification, or are in Debian's R packages,
which can be read without R::

    pip install pyreadr
    apt-get download r-cran-mlbench r-cran-kernlab r-cran-caret
    for file in r-cran-*.deb; do dpkg-deb -x $file tables; done
    export R_LIBS=$PWD/tables/usr/lib/R/site-library

``apt-get install`` works as well. Missing tables are left out, with a message.

Rows with missing values are dropped. Strings and unordered levels are encoded one-hot; ordered
levels and numbers stay one column. Classes of fewer than 10 rows are dropped, so that every part
of a split has all classes. X is float64, or float32 for images.
"""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets

from benchmarks.data import images

MADE = {
    "made_tiny": {"n_samples": 100, "n_features": 10, "n_informative": 5},
    "made_wide": {"n_samples": 400, "n_features": 1000, "n_informative": 20},
    "made_noisy": {"n_samples": 2000, "n_features": 20, "n_informative": 8, "flip_y": 0.4},
    "made_rare": {"n_samples": 5000, "n_features": 20, "n_informative": 8, "weights": [0.95]},
    "made_many": {"n_samples": 6000, "n_features": 30, "n_informative": 15, "n_classes": 20,
                  "n_clusters_per_class": 1},
    # As many columns and classes as Forest Covertype, with scales that differ by 10^4.
    "made_cover": {"n_samples": 20_000, "n_features": 54, "n_informative": 25, "n_classes": 7,
                   "flip_y": 0.05, "class_sep": 1.5},
}  # fmt: skip
SKLEARN = "iris", "wine", "breast_cancer", "digits"
# name: (package, file, column of the classes)
R_TABLES = {
    "zoo": ("mlbench", "Zoo.rda", "type"), "sonar": ("mlbench", "Sonar.rda", "Class"),
    "glass": ("mlbench", "Glass.rda", "Type"),
    "house_votes": ("mlbench", "HouseVotes84.rda", "Class"),
    "ionosphere": ("mlbench", "Ionosphere.rda", "Class"), "musk": ("kernlab", "musk.rda", "Class"),
    "soybean": ("mlbench", "Soybean.rda", "Class"),
    "breast_wisconsin": ("mlbench", "BreastCancer.rda", "Class"),
    "pima": ("mlbench", "PimaIndiansDiabetes.rda", "diabetes"),
    "vehicle": ("mlbench", "Vehicle.rda", "Class"), "vowel": ("mlbench", "Vowel.rda", "Class"),
    "german_credit": ("caret", "GermanCredit.RData", "Class"),
    "segmentation": ("caret", "segmentationData.RData", "Class"),
    "dna": ("mlbench", "DNA.rda", "Class"), "spam": ("kernlab", "spam.rda", "type"),
    "satellite": ("mlbench", "Satellite.rda", "classes"),
    "letter": ("mlbench", "LetterRecognition.rda", "lettr"),
    "shuttle": ("mlbench", "Shuttle.rda", "Class"),
}  # fmt: skip
ROW_NUMBERS = {"breast_wisconsin": ["Id"], "segmentation": ["Cell", "Case"]}
IMAGES = {"fashion_10k": 10_000, "fashion": 60_000}
NAMES = (*SKLEARN, *R_TABLES, *MADE, *IMAGES)


def load(name):
    """Return the X and y of a table, y as integers."""
    if name in SKLEARN:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    elif name in MADE:
        X, y = datasets.make_classification(random_state=0, **MADE[name])
        if name == "made_cover":  # columns of very different scale
            X = X * np.logspace(-1, 3, X.shape[1]) + 1000.0 * np.arange(X.shape[1]) / X.shape[1]
    elif name in IMAGES:
        X, y = images(IMAGES[name])
    else:
        X, y = _r_table(name, *R_TABLES[name])
    classes, y, counts = np.unique(y, return_inverse=True, return_counts=True)
    rows = counts[y] >= 10
    return X[rows], np.unique(classes[y[rows]], return_inverse=True)[1]


def available(names=NAMES):
    """Return the names that can be loaded, and a line about each of the others."""
    there, lines = [], []
    for name in names:
        try:
            if name in R_TABLES:
                _r_file(*R_TABLES[name][:2])
            there.append(name)
        except (ImportError, FileNotFoundError) as error:
            lines.append(f"{name} left out: {error}")
    return there, lines


def _r_libraries():
    """Return the folders in which R looks for packages."""
    given = filter(None, os.environ.get("R_LIBS", "").split(os.pathsep))
    return [*map(Path, given), Path("/usr/lib/R/site-library"), Path("/usr/lib/R/library")]


def _r_file(package, file):
    """Return pyreadr and the path of a file."""
    try:
        import pyreadr
    except ImportError:
        raise ImportError("pyreadr, which reads R's files, is not installed") from None
    paths = [folder / package / "data" / file for folder in _r_libraries()]
    path = next(filter(Path.is_file, paths), None)
    if path is None:
        raise FileNotFoundError(f"no R package {package} (Debian: r-cran-{package})")
    return pyreadr, path


def _r_table(name, package, file, target):
    """Return the X and y of a data frame in an R package."""
    pyreadr, path = _r_file(package, file)
    frames = list(pyreadr.read_r(path).values())
    frame = pd.concat(frames, axis=1) if len(frames) > 1 else frames[0]
    frame = frame.drop(columns=ROW_NUMBERS.get(name, [])).dropna()
    if name == "shuttle":
        frame = frame.sample(10_000, random_state=0)
    y = frame.pop(target).astype(str).to_numpy()
    for column in frame:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            with suppress(ValueError):
                frame[column] = frame[column].astype(str)
                frame[column] = pd.to_numeric(frame[column])
    X = pd.get_dummies(frame, dtype=float)
    return np.ascontiguousarray(X.to_numpy(float)), y
