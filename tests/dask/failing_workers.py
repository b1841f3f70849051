"""``python -m tests.dask.failing_workers``: workers that die, stop or are cut off; little memory.

The processes of a cluster are started one by one, without anything that restarts them. Each case
prints its name, what became of it and the seconds.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import dask
import dask.array as da
import numpy as np
from distributed import Client, wait
from sklearn.base import clone
from sklearn.datasets import load_digits

from skmlp.dask import DaskSoftmaxMLPClassifier
from skmlp.training.trainer import TrainingRun

ROWS, LABELS = load_digits(return_X_y=True)
MANY = np.tile(ROWS, (60, 1))
CLF = DaskSoftmaxMLPClassifier(20, epochs=6, n_shards=2, random_state=0)
# The time that the scheduler waits for workers; by default it waits for ever. And the time after
# which it removes a worker that is silent; by default five minutes.
SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "15s",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "10s",
}


class Cluster:
    """A scheduler and its workers, all of them processes that are easily killed."""

    def __init__(self):
        self.scheduler = self._start("scheduler", "--port", "0", "--host", "127.0.0.1")
        lines = iter(self.scheduler.stderr.readline, "")
        self.address = next(line.split()[-1] for line in lines if "tcp://127" in line)
        self.workers = []
        self.add(2)
        self.client = Client(self.address, timeout=60)
        self.client.wait_for_workers(2, timeout=60)

    def _start(self, name, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", "--no-dashboard"]
        errors = subprocess.PIPE if name == "scheduler" else subprocess.DEVNULL
        return subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            text=True,
            env=os.environ | SETTINGS,
        )

    def add(self, n, *arguments, address=None):
        common = address or self.address, "--nthreads", "1", "--death-timeout", "60"
        arguments = arguments or ("--no-nanny", "--memory-limit", "0")
        self.workers += [self._start("worker", *common, *arguments) for _ in range(n)]

    def kill(self, n):
        for worker in self.workers[:n]:
            worker.kill()
            worker.wait()
        del self.workers[:n]

    def replace(self, n, *arguments, address=None):
        self.kill(n)
        self.add(n, *arguments, address=address)
        self.client.wait_for_workers(2, timeout=60)


class Relay:
    """A network between a worker and the scheduler, which can be cut."""

    def __init__(self, address):
        host, port = address.removeprefix("tcp://").split(":")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._scheduler, self._sockets = (host, int(port)), []
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):  # closed
            while True:
                ends = self._listener.accept()[0], socket.create_connection(self._scheduler)
                self._sockets += ends
                for source, target in (ends, ends[::-1]):
                    threading.Thread(
                        target=self._pass_on, args=(source, target), daemon=True
                    ).start()

    def _pass_on(self, source, target):
        with suppress(OSError):
            while data := source.recv(2**16):
                target.sendall(data)
        self._close(source, target)

    def cut(self):
        self._close(self._listener, *self._sockets)

    def _close(self, *sockets):
        for end in sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def arrays(X=ROWS, y=LABELS):
    return da.from_array(X, chunks=(len(X) // 4, -1)), da.from_array(y, chunks=len(y) // 4)


def fitted_while(change, clf=CLF):
    """Fit a classifier, by default a new one; after the third epoch, call a function."""
    end_epoch = TrainingRun.end_epoch

    def end_and_change(run, record):
        if run.history.n_epochs == 2:
            change()
        return end_epoch(run, record)

    TrainingRun.end_epoch = end_and_change
    try:
        return (clone(clf) if clf is CLF else clf).fit(*arrays())
    finally:
        TrainingRun.end_epoch = end_epoch


def is_same(clf, expected):
    return "same" if (clf.theta_ == expected.theta_).all() else "OTHER"


def idle(cluster, expected):
    """A worker dies that holds the collections."""
    persisted = [array.persist() for array in arrays()]
    wait(persisted)
    cluster.kill(1)
    return is_same(clone(CLF).fit(*persisted), expected)


def training(cluster, expected):
    return is_same(fitted_while(lambda: cluster.kill(1)), expected)


def all_of_them(cluster, expected):
    return is_same(fitted_while(lambda: cluster.replace(2)), expected)


def stopped(cluster, expected):
    """A worker is stopped for five seconds."""
    [worker, _] = cluster.workers

    def stop():
        worker.send_signal(signal.SIGSTOP)
        threading.Timer(5, worker.send_signal, [signal.SIGCONT]).start()

    return is_same(fitted_while(stop), expected)


def stopped_for_ever(cluster, expected):
    """A worker is stopped, until the scheduler removes it."""
    [worker, _] = cluster.workers
    found = is_same(fitted_while(lambda: worker.send_signal(signal.SIGSTOP)), expected)
    cluster.kill(1)
    return found


def cut_off(cluster, expected):
    """The network between a worker and the scheduler fails."""
    relay = Relay(cluster.address)
    cluster.replace(1, address=relay.address)
    found = is_same(fitted_while(relay.cut), expected)
    cluster.kill(2)
    return found


def predicting(cluster, expected):
    """One worker dies in predict_proba, and then both in predict."""
    found = []
    for method, n in (("predict_proba", 1), ("predict", 2)):
        result = getattr(expected, method)(da.from_array(MANY, chunks=(3000, -1))).persist()
        time.sleep(0.2)
        cluster.replace(n)
        want = getattr(expected.to_local(), method)(MANY)
        found.append(np.allclose(result.compute(), want, rtol=0, atol=1e-12))
    return "same" if all(found) else f"OTHER {found}"


def for_ever(cluster, expected):
    """No worker comes again."""
    return is_same(fitted_while(lambda: cluster.kill(2), expected), expected)


def memory(cluster, expected):
    """Each partition takes more memory than a worker may have."""
    cluster.replace(2, "--nanny", "--memory-limit", "500MB")
    X = da.random.default_rng(0).standard_normal((400_000, 400), chunks=(100_000, -1))
    return is_same(expected.fit(X, (X[:, 0] > 0).astype(int)), expected)


CASES = (
    idle, training, all_of_them, stopped, stopped_for_ever, cut_off, predicting, for_ever, memory,
)  # fmt: skip


def main(*names):
    cluster = Cluster()
    expected = clone(CLF).fit(*arrays())
    before = dict(vars(expected))
    for case in CASES:
        if names and case.__name__ not in names:
            continue
        cluster.add(2 - len(cluster.workers))
        cluster.client.wait_for_workers(2, timeout=60)
        started = time.monotonic()
        try:
            outcome = case(cluster, expected)
        except Exception as error:
            outcome = type(error).__name__
        seconds = time.monotonic() - started
        unchanged = "unchanged" if vars(expected) == before else "CHANGED"
        print(case.__name__, outcome, unchanged, f"{seconds:.0f}", flush=True)
    for process in (*cluster.workers, cluster.scheduler):
        process.terminate()
    os._exit(0)


if __name__ == "__main__":
    dask.config.set({"distributed.comm.timeouts.connect": "10s"})
    main(*sys.argv[1:])
