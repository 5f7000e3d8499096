"""Probability of building, pixel by pixel of an image -> the building mask on the grid, its transmitters outdoors."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.masks.outlines import straightened
from radiosem.types import BuildingMap, Grid, Transmitter

BUILDING = 0.5  # probability above which a cell is building
SMOOTHING_M = 0.35
FINE = 3  # pixels a cell's side has while walls are drawn: odd, so that no cell is half building


def mask_on_grid(
    probability: NDArray[np.float32], grid: Grid, against: NDArray[np.float32] | None = None
) -> BuildingMap:
    """Bring a segmentation down to the grid: smoothed, cut at `BUILDING` or above, walls straight, most of each cell.

    probability  float32 [h, w] in [0, 1], of an image that the block fills
    against      float32 [H, W], what other evidence than the image takes off the logarithm of the odds of a building:
                 the cut lies as much higher
    returns      bool [H, W]
    """
    pixel_m = [grid.cell_size_m * cells / size for cells, size in zip(grid.shape, probability.shape, strict=True)]
    smooth = cv2.GaussianBlur(probability, (0, 0), sigmaX=SMOOTHING_M / pixel_m[1], sigmaY=SMOOTHING_M / pixel_m[0])
    bar: float | NDArray[Any] = BUILDING
    if against is not None:
        bar = resize(BUILDING / (BUILDING + (1 - BUILDING) * np.exp(-against)), (smooth.shape[0], smooth.shape[1]))
    fine = resize(np.asarray(smooth - bar, np.float32), (FINE * grid.rows, FINE * grid.cols)) > 0
    walls = straightened(fine, grid.cell_size_m / FINE)
    return np.asarray(resize(walls.view(np.uint8) * np.uint8(255), grid.shape) > 127)


def free_transmitters(
    buildings: BuildingMap, transmitters: Sequence[Transmitter]
) -> tuple[BuildingMap, tuple[float, ...]]:
    """Let every transmitter stand outdoors: one on a building cell proves the mask wrong there.

    Cleared is a disc about it that reaches one cell beyond the nearest outdoor cell, so that it is open to the street
    and not walled in.

    buildings     bool [H, W], left as it is; where all of it is building there is no street, and it stays so
    transmitters  inside the grid
    returns       the mask, and how many cells each transmitter stood inside a building, 0 outdoors
    """
    freed, depths = buildings, []
    for transmitter in transmitters:
        depth = 0.0
        if buildings[transmitter.row, transmitter.col]:
            rows, cols = (np.arange(side) for side in buildings.shape)
            away = np.hypot(rows[:, None] - transmitter.row, cols[None] - transmitter.col)
            depth = float(away[~buildings].min(initial=np.inf))
            if np.isfinite(depth):
                freed = freed & (away > depth + 1)
        depths.append(depth)
    return freed, tuple(depths)


def resize(image: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Mean over the area of each new pixel where the image shrinks, linear interpolation where it grows.

    image    uint8 or float32 [h, w] or [h, w, C]
    shape    (rows, cols) wanted
    returns  the same dtype, [rows, cols] or [rows, cols, C]
    """
    if image.shape[:2] == shape:
        return image
    shrinks = [size < before for size, before in zip(shape, image.shape[:2], strict=True)]
    if shrinks[0] == shrinks[1]:
        return cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA if shrinks[0] else cv2.INTER_LINEAR)
    for axis, size in enumerate(shape):  # one shrinks while the other grows
        before = image.shape[:2]
        after = (size, before[1]) if axis == 0 else (before[0], size)
        method = cv2.INTER_AREA if shrinks[axis] else cv2.INTER_LINEAR
        image = cv2.resize(image, after[::-1], interpolation=method)
    return image
