"""The earlier place of `skmlp.plotting.ImageGridDisplay`, which is deprecated."""

from typing import Any

from skmlp import plotting
from skmlp._errors import warn_deprecated


def __getattr__(name: str) -> Any:
    if name != "ImageGridDisplay":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warn_deprecated(
        "skmlp.images.ImageGridDisplay",
        "skmlp.plotting.ImageGridDisplay",
        since="0.1",
        removed_in="0.3",
    )
    return plotting.ImageGridDisplay
