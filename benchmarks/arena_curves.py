"""Learning curves of the arena: few training rows, of development tables and of generators.

::

    python -m benchmarks.arena_curves run --ours default --results curves.csv
    python -m benchmarks.arena_curves summary --ours curves.csv

A case such as "german@50" trains on 50 rows, chosen so that classes keep their shares and every
class has a row; at most 2,000 of the other rows are judged. The results of MLPClassifier and
LogisticRegression are kept in benchmarks/arena/curves_peers.csv.
"""

import numpy as np
from scipy.special import expit, softmax

from benchmarks import arena, arena_summary, arena_tables

PEER_RESULTS = arena.FOLDER / "curves_peers.csv"
SIZES = 20, 50, 100, 200, 500, 1_000
MAX_JUDGED = 2_000
TABLES = (
    *("iris", "wine", "breast_cancer", "digits", "penbased", "chess", "page_blocks", "german"),
    *("contraceptive", "ring", "wage", "computers"),
)


def two_sines(X):
    """Return the probabilities of two classes: a wave in one column, a slope in another."""
    p = expit(1.5 * np.sin(2 * X[:, 0]) + X[:, 1])
    return np.column_stack([1 - p, p])


def four_classes(X):
    """Return the probabilities of four classes: a slope, a product, a wave, and none of them."""
    wave = 2 * np.cos(2 * X[:, 3])
    return softmax(np.column_stack([2 * X[:, 0], 2 * X[:, 1] * X[:, 2], wave, 0 * wave]), axis=1)


GENERATORS = {"two_sines": two_sines, "four_classes": four_classes}  # of five normal columns


def generate(name, n_rows, seed):
    """Return X, y and the probabilities of which y was drawn."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_rows, 5))
    proba = GENERATORS[name](X)
    y = (proba.cumsum(axis=1) < rng.uniform(size=(n_rows, 1))).sum(axis=1)
    return X, np.minimum(y, proba.shape[1] - 1), proba


def few_rows(y, n, seed):
    """Return n rows of a random order in which classes keep their shares, and the other rows.

    The first rows are one of each class.
    """
    order = np.random.RandomState(seed).permutation(len(y))
    position = np.empty(len(y))  # of a row among those of its class, from 0 to 1
    for k in np.unique(y):
        rows = order[y[order] == k]
        position[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
        position[rows[0]] = -1.0
    chosen = order[np.argsort(position[order], kind="stable")[:n]]
    return chosen, order[~np.isin(order, chosen)]


def load(case, seed):
    """Return the number of a table's rows and the parts of a case; the validation part is empty."""
    name, _, n = case.partition("@")
    if name in GENERATORS:
        X, y, _ = generate(name, int(n) + MAX_JUDGED, seed)
        train, judged = few_rows(y, int(n), seed)
        return len(y), (X[train], y[train], X[:0], y[:0], X[judged], y[judged])
    frame, y = arena_tables.whole(name)
    train, others = few_rows(y, int(n), seed)
    encode = arena_tables.encoder(frame.iloc[train])
    judged = others[:MAX_JUDGED]
    X, X_judged = (encode(frame.iloc[rows]) for rows in (train, judged))
    return len(y), (X, y[train], X[:0], y[:0], X_judged, y[judged])


def cases(names=(*TABLES, *GENERATORS), sizes=SIZES):
    """Return the cases of some tables; those of tables leave a third of the rows to be judged."""
    tables, _ = arena_tables.available([name for name in names if name not in GENERATORS])
    sizes_of = tables | dict.fromkeys(GENERATORS, 3_000)
    return [f"{name}@{n}" for name in names for n in sizes if 1.5 * n <= sizes_of.get(name, 0)]


def main(argv=None):
    """Run the command of the arguments."""
    prog = "python -m benchmarks.arena_curves"
    parser, _, add = arena.command_parser(prog, __doc__, PEER_RESULTS)
    everything = (*TABLES, *GENERATORS)
    add("--tables", nargs="+", default=everything, choices=everything, metavar="TABLE")
    add("--sizes", nargs="+", type=int, default=SIZES, metavar="ROWS")
    add("--seeds", nargs="+", type=int, default=range(10), metavar="SEED")
    args = parser.parse_args(argv)
    if args.command == "summary":
        return arena_summary.curves(args)
    pairs = [(case, seed) for case in cases(args.tables, args.sizes) for seed in args.seeds]
    results = args.results or PEER_RESULTS
    arena.run(results, arena.chosen(parser, args), pairs, load, args.limit)


if __name__ == "__main__":
    main()
