"""``python -m benchmarks.averaging``: what becomes of Adam's arrays between rounds.

Local training on shards of Fashion-MNIST, with the defaults: after each round the parameters are
averaged, and Adam's arrays are averaged too, or every shard keeps its own, or begins each round
with none. Accuracy on 12,000 validation images that were split off the training images; a mean of
three seeds. The test images have no part in it.
"""

import argparse
import copy
import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from benchmarks import data
from benchmarks.report import environment
from skmlp import SoftmaxMLPClassifier
from skmlp.core.averaging import average
from skmlp.core.minibatch import MiniBatches, train
from skmlp.training.trainer import Training
from skmlp.data.validation import check_fit_data, encode

__all__ = ["KINDS", "SETTINGS", "accuracy_of", "main"]

KINDS = "averaged", "kept", "begun anew"
SETTINGS = [(1, 1), (2, 1), (2, 4), (8, 1), (8, 4)]  # shards, rounds in an epoch


def accuracy_of(rows, held_out, kind, n_shards, per_epoch, seed):
    """Return the validation accuracy of a network trained on shards.

    Parameters
    ----------
    rows, held_out : tuple of ndarray
        (X, y) to train on and to be judged by.
    kind : str
        Of KINDS.
    n_shards, per_epoch, seed : int
    """
    clf = SoftmaxMLPClassifier(random_state=seed)
    checked, _ = check_fit_data(clf, *rows)
    training = Training(clf, encode(checked, clf.classes_, np.dtype("f4"), clf.label_smoothing))
    shards = np.array_split(np.random.default_rng(seed).permutation(len(rows[0])), n_shards)
    p = training.progress
    theta, states = p.theta, [training.optimizer.init(p.theta) for _ in shards]
    for epoch in range(training.epochs):
        orders = [np.random.default_rng([seed, epoch, s]) for s in range(n_shards)]
        orders = [rng.permutation(shard) for rng, shard in zip(orders, shards, strict=True)]
        for part in range(per_epoch):
            parts = [np.array_split(order, per_epoch)[part] for order in orders]
            done = epoch * per_epoch + part, training.epochs * per_epoch
            thetas = [_trained(training, theta, state, part, done)
                      for state, part in zip(states, parts, strict=True)]  # fmt: skip
            theta, mean = average(thetas, states, [len(part) for part in parts])
            if kind == "averaged":
                states = [copy.deepcopy(mean) for _ in shards]
            elif kind == "begun anew":
                states = [training.optimizer.init(theta) for _ in shards]
    np.copyto(p.theta, theta)
    training.monitor.history["loss"].append(0.0)
    clf._keep(training.finish())
    return clf.score(*held_out)


def _trained(training, theta, state, order, done):
    """Return the parameters after a round of a shard, whose state changes in place."""
    theta, (number, n_rounds) = theta.copy(), done
    rows, _, _ = training.data
    batches = MiniBatches(
        rows.X, rows.Y, None, batch_size=training.batches.batch_size, n_rows=len(order),
        dtype=theta.dtype, draw_order=lambda: order, scaling=training.progress.scaling,
    )  # fmt: skip
    train(
        training.objective, training.optimizer, theta, state, batches,
        learning_rate=training.estimator.learning_rate, schedule=training.schedule,
        epochs=n_rounds, first_epoch=number, on_epoch_end=lambda record: True,
    )  # fmt: skip
    return theta


def main(argv=None):
    """Print the accuracies and write them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.averaging", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write all figures")
    parser.add_argument("--rows", type=int, default=60_000, help="of the images")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args(argv)
    X, y = data.pixels(args.rows)
    X, X_val, y, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    found = environment() | {"notes": [data.images_source()], "accuracies": []}
    for (n_shards, per_epoch), kind in product(SETTINGS, KINDS):
        if n_shards == 1 and kind != "averaged":
            continue
        accuracies = [
            accuracy_of((X, y), (X_val, y_val), kind, n_shards, per_epoch, seed)
            for seed in range(args.seeds)
        ]
        row = {"shards": n_shards, "rounds": per_epoch, "kind": kind, "accuracies": accuracies}
        found["accuracies"].append(row)
        print(n_shards, per_epoch, f"{kind:10} {np.mean(accuracies):.4f}", flush=True)
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
