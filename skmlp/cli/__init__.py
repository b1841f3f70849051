"""Command line interface: training on Fashion-MNIST."""
