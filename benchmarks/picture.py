"""``python -m benchmarks.picture``: the README's picture, of a network trained on Fashion-MNIST."""

import argparse
import sys
from io import BytesIO
from pathlib import Path

import numpy as np

from benchmarks import data
from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample
from skmlp.plotting.image_grid import ImageGridDisplay

__all__ = ["PICTURE", "draw", "main"]

PICTURE = Path(__file__).parents[1] / "docs" / "_static" / "fashion_mnist.png"
COLUMNS, ROWS = 10, 3
COLOURS = 256  # in the file, which is a fraction of its size then


def main(argv=None):
    """Train, and draw test images with what they are taken for, and first-layer weights."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.picture", description=main.__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=PICTURE, help="where to write it")
    print(draw(parser.parse_args(argv).path))
    return 0


def draw(path, n_rows=60_000):
    """Draw the picture from a training on n_rows images, and return its path."""
    from matplotlib.figure import Figure
    from PIL import Image

    # As the pixels are, since weights of standardized ones are huge where hardly any is not 0.
    clf = SoftmaxMLPClassifier(
        64, standardize=False, l2=(1e-3, 0.0), dropout=(0.1, 0.3), epochs=12, random_state=0
    )
    clf.fit(*data.images(n_rows))
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.45, 3))
    _draw_images(clf, above)
    _draw_weights(clf, below)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=120)
    few = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    return path


def _draw_images(clf, figure):
    """Draw the first test image of each class, named as the network takes it."""
    X, y = data.images(1_000, "test")
    shown = np.unique(y, return_index=True)[1]
    names = load_fashion_mnist_sample("test").target_names
    titles = [names[k] for k in clf.predict(X[shown])]
    heading = "Test images, and what the network takes them for"
    images = X[shown].reshape(-1, 28, 28)
    ImageGridDisplay(images, titles=titles, heading=heading).plot(figure, n_columns=COLUMNS)


def _draw_weights(clf, figure):
    """Draw the weights of largest norm."""
    ImageGridDisplay.from_weights(clf, max_images=COLUMNS * ROWS, figure=figure, n_columns=COLUMNS)
    for ax in figure.axes:
        ax.set_title("")
    figure.suptitle("What its hidden units look for: red excites, blue holds back", fontsize=12)


if __name__ == "__main__":
    sys.exit(main())
