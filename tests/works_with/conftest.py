"""Data for all tools, and a database for MLflow."""

from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.datasets import make_classification

# Without the extra works-with, also the sections of the page that need no tool take too long for
# the default test command.
collect_ignore_glob = [] if find_spec("imblearn") else ["test_*.py"]


@pytest.fixture(scope="session")
def numbers():
    """Two classes, one of them rare; the first two columns say which."""
    return make_classification(
        900, 4, n_informative=2, n_redundant=0, weights=[0.8], shuffle=False, random_state=0
    )


@pytest.fixture(scope="session")
def table():
    """Strings, numbers and gaps in each; the class depends on all columns."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "town": rng.choice(["Bonn", "Kiel", "Ulm", None], 600, p=[0.4, 0.3, 0.2, 0.1]),
            "age": rng.integers(18, 90, 600),
            "income": rng.choice([1200.0, 2500.0, 4000.0, np.nan], 600),
        }
    )
    y = ((X["town"] == "Kiel") & (X["age"] < 50)) | X["income"].isna() | X["town"].isna()
    return X, y.to_numpy().astype(int)


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory):
    """MLflow, with a database and an experiment of these tests."""
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    folder = tmp_path_factory.mktemp("mlflow")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'runs.db'}")
    files = (folder / "files").as_uri()
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("skmlp", files))
    yield mlflow
    mlflow.set_tracking_uri(before)
