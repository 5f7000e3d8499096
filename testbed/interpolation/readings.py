"""A true map -> readings at a random share of its outdoor pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree  # type: ignore[import-untyped]

from radiosem.errors import InputError
from radiosem.scale import Grey
from radiosem.types import BuildingMap

LEAST_SHARE, LARGEST_SHARE = 0.001, 0.1
FEWEST = 4


@dataclass(frozen=True)
class Readings:
    """S exact readings of a map: `places` float64 [S, 2] row and column, `grey` float64 [S], 0 where censored."""

    places: NDArray[np.float64]
    grey: NDArray[np.float64]

    def near(self, shape: tuple[int, int], count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The `count` nearest readings of every pixel, or all where there are fewer.

        returns  distances in pixels and indices, [H * W, count], the nearest first
        """
        pixels = np.indices(shape).reshape(2, -1).T
        distance, index = cKDTree(self.places).query(pixels, min(count, len(self.grey)))
        return distance.reshape(len(pixels), -1), index.reshape(len(pixels), -1)


def draw_readings(
    truth: Grey, buildings: BuildingMap, share: float, rng: np.random.Generator
) -> tuple[Readings, NDArray[np.bool_]]:
    """Readings at random outdoor pixels, at least four, and where they are, bool [H, W].

    A censored pixel reads grey 0, the floor: a method that ignored it would fill every shadow with power.

    share   of the outdoor pixels
    raises  InputError when the share is not in 0.001..0.1, or fewer than four pixels are outdoors
    """
    check_share(share)
    outdoors = np.flatnonzero(~buildings)
    if len(outdoors) < FEWEST:
        raise InputError(f"a map has {len(outdoors)} outdoor pixels; readings need at least {FEWEST}")
    chosen = rng.choice(outdoors, max(round(share * len(outdoors)), FEWEST), replace=False)
    row, col = np.unravel_index(chosen, buildings.shape)
    where = np.zeros(buildings.shape, bool)
    where[row, col] = True
    return Readings(np.stack([row, col], 1).astype(np.float64), truth[row, col].astype(np.float64)), where


def check_share(share: float) -> None:
    """Raise InputError unless a share of pixels is one that readings are drawn at."""
    if not LEAST_SHARE <= share <= LARGEST_SHARE:
        raise InputError(f"samples is {share}; it must be a share of outdoor pixels in {LEAST_SHARE}..{LARGEST_SHARE}")
