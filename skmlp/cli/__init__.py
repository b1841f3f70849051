"""Command lines: the main job on Fashion-MNIST."""
