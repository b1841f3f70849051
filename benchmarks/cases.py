"""The cases, in the order in which they run."""

from collections.abc import Callable
from typing import NamedTuple

from benchmarks import clusters, footprint, searching, training
from benchmarks.accuracy import accuracy
from benchmarks.steps import steps

__all__ = ["CASES", "Case"]


class Case(NamedTuple):
    """A name, what is measured in words, and the function that measures it.

    ``measure(options)`` returns a list of Quantity. Cases that are not ``usual`` take long and
    run only when named.
    """

    name: str
    work: str
    measure: Callable
    usual: bool = True


CASES = {
    case.name: case
    for case in [
        Case("notebook", "784-100-10 logistic, SGD, batch 256, an epoch", training.notebook),
        Case("adam", "784-100-10 relu, Adam, batch 200, an epoch", training.adam),
        Case("small", "784-10-10 logistic, SGD, batch 32, an epoch", training.small),
        Case("deep", "784-256-256-10 relu, Adam, batch 128, an epoch", training.deep),
        Case("tabular", "2,000 x 20, 32 units, Adam, batch 64, 100 epochs", training.tabular),
        Case("iris", "150 x 4, 100 units, Adam, one batch, 200 epochs", training.iris),
        Case("float64", "adam in float64, an epoch", training.float64),
        Case("pixels", "fit on 60,000 x 784 uint8, memory", footprint.pixels),
        Case(
            "sparse", "10,000 x 20,000 CSR, 0.5 % dense, 5 classes, Adam, an epoch", training.sparse
        ),
        Case("one_row", "predict_proba of one row", footprint.one_row),
        Case("many_rows", "predict_proba of 60,000 rows, time and memory", footprint.many_rows),
        Case("import", "python -c 'import skmlp'", footprint.importing),
        Case("pickle", "bytes of a fitted model over those of its parameters", footprint.pickled),
        Case(
            "accuracy",
            "Fashion-MNIST, seconds to an accuracy (half an hour)",
            accuracy,
            usual=False,
        ),
        *(
            Case(f"search_{name}", f"135 fits: {work}", measure, usual=False)
            for name, work, measure in [
                ("small", "1,000 x 20, 16 units, batch 32, 50 epochs", searching.search_small),
                ("medium", "1,000 x 20, 32 units, batch 128, 50 epochs", searching.search_medium),
                ("large", "5,000 x 50, 64 units, batch 128, 20 epochs", searching.search_large),
            ]
        ),
        Case(
            "search_images",
            "27 fits: 10,000 x 784, 100 units, batch 256, 5 epochs",
            searching.search_images,
            usual=False,
        ),
        Case("steps", "Fashion-MNIST, from the notebook on (half an hour)", steps, usual=False),
        Case(
            "dask",
            "Fashion-MNIST, whole fit, 2 workers of 1 thread beside 1 thread",
            clusters.cluster,
            usual=False,
        ),
        Case("width", "a step over the width of the layer (minutes)", training.width, usual=False),
    ]
}
