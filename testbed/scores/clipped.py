"""Grey as published -> grey in the convention of RadioUNet's and RadioFlow's loaders, which cut weak gains off."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

CLIP = 0.2  # arXiv 1911.09002


def clipped(grey: NDArray[Any]) -> NDArray[np.float64]:
    """Grey in [0, 1] -> the share of it above 0.2, stretched to [0, 1]."""
    return np.asarray((np.clip(grey, CLIP, 1).astype(np.float64) - CLIP) / (1 - CLIP))


def clipped_mse(truth: NDArray[Any], rebuilt: NDArray[Any], exclude: NDArray[np.bool_] | None = None) -> float:
    """MSE of two maps in that convention.

    truth, rebuilt  grey [H, W], 0 where each has buildings
    exclude         bool [H, W] or None: pixels of the samples that were known
    """
    squared = (clipped(rebuilt) - clipped(truth)) ** 2
    return float((squared if exclude is None else squared[~exclude]).mean())
