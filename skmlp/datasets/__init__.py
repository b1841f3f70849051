"""Data sets: Fashion-MNIST, whole, or a sample that comes with the package."""

from skmlp.datasets.fashion_mnist import fetch_fashion_mnist, load_fashion_mnist_sample

__all__ = ["fetch_fashion_mnist", "load_fashion_mnist_sample"]
