"""Dask's tests are only collected if skmlp[dask] and pandas are installed."""

from importlib.util import find_spec

MISSING = [name for name in ("dask", "distributed", "pandas") if find_spec(name) is None]
collect_ignore_glob = ["*.py"] if MISSING else []
