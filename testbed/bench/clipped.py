"""Grey as published -> grey in the convention of RadioUNet's and RadioFlow's loaders, which cut weak gains off."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

CLIP = 0.2  # arXiv 1911.09002


def clipped(grey: NDArray[Any]) -> NDArray[np.float64]:
    """Grey in [0, 1] -> the share of it above 0.2, stretched to [0, 1]."""
    return np.asarray((np.clip(grey, CLIP, 1).astype(np.float64) - CLIP) / (1 - CLIP))
