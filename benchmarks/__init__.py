"""Benchmarks of skmlp and its peers: time, memory and accuracy.

``python -m benchmarks --list`` shows the cases, and ``python -m benchmarks.page`` makes the pages.
``python -m benchmarks.arena --help`` describes the comparison on many real tables.
"""
