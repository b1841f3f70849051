"""Data sets: Fashion-MNIST, and a sample of it that is part of the package."""

from skmlp.datasets.fashion_mnist import fetch_fashion_mnist, load_fashion_mnist_sample

__all__ = ["fetch_fashion_mnist", "load_fashion_mnist_sample"]
