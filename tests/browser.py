"""A script that uses skmlp without what Python lacks in a browser, where Pyodide runs it.

``python -m tests.browser FILE`` takes away what Pyodide takes away, and writes the results of
`RESULTS` to a file. What that is was read from Pyodide 314.0.7: which modules cannot be imported,
which names of a module are missing, and which errors are raised. Memory maps, locks of threads,
file locks and temporary files work in Pyodide; its files are in memory.
"""

import importlib
import os
import pickle
import sys
import sysconfig

MISSING_MODULES = (
    "_curses", "_hashlib", "_multiprocessing", "_posixshmem", "curses", "grp", "pwd", "readline",
    "resource", "syslog",
)  # fmt: skip
MISSING_NAMES = {
    "os": "copy_file_range forkpty getegid geteuid getgroups getrandom getxattr link listxattr "
    "memfd_create mkfifo mknod nice pipe2 posix_fallocate posix_spawn preadv pwritev "
    "removexattr sched_getaffinity sendfile setxattr",
    "signal": "alarm pthread_kill setitimer",
    "socket": "AF_UNIX",
    "threading": "get_native_id",
    "time": "thread_time thread_time_ns",
}


def restrict():
    """Take from this process what Pyodide lacks; call it before anything else is imported."""
    sysconfig.get_config_vars()  # of this interpreter; read from a file of another name later
    # Python's own modules, NumPy, SciPy, scikit-learn, joblib and threadpoolctl read this.
    sys.platform = "emscripten"
    importlib.import_module("multiprocessing.connection")  # works without _multiprocessing there
    for name in MISSING_MODULES:
        sys.modules[name] = None
    for module, names in MISSING_NAMES.items():
        for name in names.split():
            vars(importlib.import_module(module)).pop(name, None)
    os.cpu_count = os.process_cpu_count = lambda: 1
    os.fork = _raises(OSError(52, "Function not implemented"))
    os.system = os.popen = _raises(OSError(138, "emscripten does not support processes."))
    import _thread
    import socket
    import threading

    no_thread = _raises(RuntimeError("can't start new thread"))
    for module in (_thread, threading):
        for name in ("start_new_thread", "_start_new_thread", "start_joinable_thread",
                     "_start_joinable_thread"):  # fmt: skip
            if hasattr(module, name):
                setattr(module, name, no_thread)
    # There, they can be created, and never get an answer.
    socket.socket.__init__ = _raises(OSError(138, "Not supported"))


def _raises(error):
    def function(*args, **kwargs):
        raise error

    return function


def lacks(call, error):
    """Return whether a call raises an error."""
    try:
        call()
    except error:
        return True
    return False


def assert_restricted():
    """Assert that this process lacks threads, processes and sockets."""
    import concurrent.futures
    import multiprocessing
    import socket
    import subprocess
    import threading

    assert lacks(threading.Thread(target=print).start, RuntimeError)
    assert lacks(lambda: concurrent.futures.ThreadPoolExecutor().submit(print), RuntimeError)
    assert lacks(multiprocessing.Process(target=print).start, (ImportError, OSError))
    assert lacks(multiprocessing.Lock, ImportError)
    assert lacks(lambda: subprocess.run([sys.executable, "--version"]), OSError)
    assert lacks(os.fork, OSError)
    assert lacks(lambda: socket.create_connection(("127.0.0.1", 80)), OSError)


def digits(n=400):
    """Return rows of scikit-learn's digits and their labels."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X[:n], y[:n]


def network(**params):
    """Return a small network."""
    from skmlp import SoftmaxMLPClassifier

    return SoftmaxMLPClassifier(**{"epochs": 5, "random_state": 0, **params})


def probabilities(clf, X, y, **fit_params):
    """Return the probabilities of rows by a classifier that is trained on them."""
    return clf.fit(X, y, **fit_params).predict_proba(X)


def default():
    """The parameters as they are, with early stopping."""
    from skmlp import SoftmaxMLPClassifier

    clf = SoftmaxMLPClassifier(random_state=0).fit(*digits(600))
    assert clf.best_epoch_ is not None
    return clf.predict_proba(digits()[0])


def without_early_stopping():
    return probabilities(network(early_stopping=False), *digits())


def lbfgs():
    return probabilities(network(solver="lbfgs", dropout=0.0), *digits())


def sparse_rows():
    from scipy.sparse import csr_array

    X, y = digits()
    return probabilities(network(), csr_array(X), y)


def data_frame():
    import pandas as pd

    X, y = digits()
    frame = pd.DataFrame(X[:, 2:6])
    frame.columns = ["a", "b", "c", "d"]
    frame["text"] = ["odd" if value % 2 else "even" for value in X[:, 10]]
    frame["level"] = pd.Categorical(X[:, 20].astype(int))
    frame.loc[::7, "a"] = None
    frame.loc[::5, "text"] = None
    return probabilities(network(), frame, y)


def pipeline_and_scorer():
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    X, y = digits(600)
    clf = network(early_stopping=True, scoring="balanced_accuracy")
    return probabilities(make_pipeline(PCA(20, random_state=0), clf), X, y)


def partial_fit():
    X, y = digits()
    clf = network()
    for rows in (slice(0, 200), slice(200, 400)):
        clf.partial_fit(X[rows], y[rows], classes=range(10))
    return clf.predict_proba(X)


def ensemble():
    from skmlp import SoftmaxMLPEnsembleClassifier

    clf = SoftmaxMLPEnsembleClassifier(network(), n_estimators=3, cv=3, random_state=0)
    return probabilities(clf, *digits())


def search(n_jobs=None):
    from skmlp import PopulationGridSearchCV

    grid = {"units": [8, 16], "l2": [0.0, 1e-2]}
    clf = PopulationGridSearchCV(network(epochs=3), grid, cv=3, n_jobs=n_jobs).fit(*digits())
    return clf.cv_results_["mean_test_score"]


def two_jobs():
    """Without threads and processes, joblib takes any n_jobs for 1."""
    return search(n_jobs=2)


def long_products_in_two_jobs():
    """Products that are so long that they would be computed in threads."""
    from skmlp import SoftmaxMLPEnsembleClassifier

    base = network(epochs=1, units=(600, 600), batch_size=200)
    clf = SoftmaxMLPEnsembleClassifier(base, n_estimators=2, n_jobs=2, random_state=0)
    return probabilities(clf, *digits())


def saved_and_loaded():
    import tempfile

    from skmlp import load, save

    X, y = digits()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.npz")
        for clf in (network(), network(epochs=3)):  # the second replaces the file of the first
            save(clf.fit(X, y), path)
        assert os.listdir(folder) == ["model.npz"]
        return load(path).predict_proba(X)


def pickled():
    X, y = digits()
    return pickle.loads(pickle.dumps(network().fit(X, y))).predict_proba(X)


def resumed():
    import tempfile

    from skmlp import SoftmaxMLPClassifier
    from skmlp.callbacks import Checkpoint

    X, y = digits()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "training.npz")
        network().set_callbacks(Checkpoint(path)).fit(X, y)
        return SoftmaxMLPClassifier.resume(path, X, y).predict_proba(X)


def memory_map():
    """A file that is mapped into memory; the rows that are set aside are another one."""
    import tempfile

    import numpy as np

    X, y = digits()
    wide = np.tile(X, (1, 200))  # 40 MB; the copy of half of it is a file too
    clf = network(epochs=1, units=4, n_bins=None, early_stopping=True, validation_fraction=0.5)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "X.npy")
        np.save(path, wide)
        clf.fit(np.load(path, mmap_mode="r"), y)
    return clf.predict_proba(wide[:20])


def display():
    import matplotlib.pyplot as plt

    from skmlp import LossCurveDisplay

    curves = LossCurveDisplay.from_estimator(network(early_stopping=True).fit(*digits()))
    heights = curves.ax_.get_lines()[0].get_ydata()
    plt.close("all")
    return heights


def sample():
    from skmlp.datasets import load_fashion_mnist_sample

    X, y = load_fashion_mnist_sample("test", return_X_y=True)
    return probabilities(network(epochs=2), X[:300], y[:300])


RESULTS = (
    default, without_early_stopping, lbfgs, sparse_rows, data_frame, pipeline_and_scorer,
    partial_fit, ensemble, search, two_jobs, long_products_in_two_jobs, saved_and_loaded, pickled,
    resumed, memory_map, display, sample,
)  # fmt: skip

if __name__ == "__main__":
    restrict()
    assert_restricted()
    import numpy as np

    np.savez(sys.argv[1], **{result.__name__: result() for result in RESULTS})
    assert_restricted()  # nothing that was imported has changed it
