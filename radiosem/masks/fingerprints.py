"""A building mask -> fingerprints of its patches, the same wherever the mask's edge falls and however it is turned.

A patch of 49 x 49 pixels is anchored at a corner of a building, shrunk to 7 x 7 cells of more or less than half
buildings, and turned to the least of its eight symmetric readings. So two masks that show the same ground share
fingerprints also when they overlap in part, are turned, or were drawn on grids that differ by a part of a pixel.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.types import BuildingMap

CELLS, CELL_PX = 7, 7  # odd both, so that a patch has a pixel for its centre and turns about it
CORNERS_APART_PX = 5
FEWEST_CHANGES = 16  # between neighbouring cells: a patch with fewer is a wall or a lawn, alike in every city
_BLUR_PX, _WEAKEST = 2.0, 2.5e-6
_REACH = CELLS * CELL_PX // 2
_ORDER = np.arange(CELLS**2).reshape(CELLS, CELLS)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_READINGS = [np.rot90(side, turns).ravel() for side in (_ORDER, _ORDER.T) for turns in range(4)]
_BITS = np.uint64(1) << np.arange(CELLS**2, dtype=np.uint64)


def at_a_metre(buildings: BuildingMap, cell_size_m: float) -> BuildingMap:
    """A mask at the pixel that fingerprints are of: bool [H, W] of cells of any size -> bool, pixels of about 1 m."""
    rows, cols = (max(1, round(side * cell_size_m)) for side in buildings.shape)
    if (rows, cols) == buildings.shape:
        return buildings
    return cv2.resize(buildings.view(np.uint8), (cols, rows), interpolation=cv2.INTER_NEAREST) > 0


def fingerprints(buildings: BuildingMap) -> NDArray[np.uint32]:
    """Fingerprints of every patch that tells one place from another, near-empty and plain ones left out.

    buildings  bool [H, W], see `at_a_metre`
    returns    uint32 [N], sorted, each once; none where hardly anything is built
    """
    found = _at(buildings, 0)
    return np.unique(found[found > 0])


def redrawn(buildings: BuildingMap) -> tuple[BuildingMap, BuildingMap]:
    """A mask with walls a pixel thicker and a pixel thinner, as another rasteriser may draw them. bool [H, W]"""
    drawn = np.array(buildings, np.uint8)
    return cv2.dilate(drawn, _CROSS) > 0, cv2.erode(drawn, _CROSS) > 0


def seen_patches(buildings: BuildingMap, known: NDArray[np.uint32]) -> tuple[int, int]:
    """How many different fingerprints of a mask are known, a slip by a pixel forgiven; and of how many patches.

    Different ones, because a row of equal houses repeats one fingerprint, here and in other cities.

    buildings  bool [H, W], see `at_a_metre`
    known      uint32 [N] fingerprints
    returns    (known fingerprints, patches that tell one place from another)
    """
    found = _at(buildings, 1)
    return len(np.intersect1d(found[found > 0], known)), int((found > 0).any(1).sum())


def _at(buildings: BuildingMap, slip: int) -> NDArray[np.uint32]:
    """Fingerprint of the patch at every corner [K, (2 slip + 1)**2], at the corner and `slip` around; 0 where plain."""
    mask = np.asarray(buildings, np.float32)
    if min(mask.shape) <= 2 * (_REACH + slip):
        return np.zeros((0, (2 * slip + 1) ** 2), np.uint32)
    share = cv2.boxFilter(mask, -1, (CELL_PX, CELL_PX), borderType=cv2.BORDER_REFLECT)
    corners = _corners(mask)
    room = np.array(mask.shape) - _REACH - slip
    corners = corners[((corners >= _REACH + slip) & (corners < room)).all(1)]
    centres = (np.arange(CELLS) - CELLS // 2) * CELL_PX
    slips = np.arange(-slip, slip + 1)
    row = corners[:, 0, None, None, None, None] + slips[:, None, None, None] + centres[:, None]
    col = corners[:, 1, None, None, None, None] + slips[None, :, None, None] + centres[None, :]
    cells = share[row, col] > 0.5  # [K, slips, slips, CELLS, CELLS]
    changes = (cells[..., 1:, :] != cells[..., :-1, :]).sum((-2, -1)) + (cells[..., 1:] != cells[..., :-1]).sum(
        (-2, -1)
    )
    flat = cells.reshape(len(corners), len(slips) ** 2, CELLS**2)
    least = np.min([(flat[..., order] * _BITS).sum(-1) for order in _READINGS], axis=0)
    mixed = (least ^ (least >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)  # wraps around, as it should
    prints = (mixed >> np.uint64(32)).astype(np.uint32)
    return np.where(changes.reshape(flat.shape[:2]) >= FEWEST_CHANGES, prints, np.uint32(0))


def _corners(mask: NDArray[np.float32]) -> NDArray[np.int64]:
    """Row and column [K, 2] of the corners (Harris and Stephens, 1988), each apart from stronger ones."""
    smooth = cv2.GaussianBlur(mask, (0, 0), _BLUR_PX)
    down, right = np.gradient(smooth)
    dd, rr, dr = (cv2.GaussianBlur(a, (0, 0), _BLUR_PX) for a in (down * down, right * right, down * right))
    response = dd * rr - dr * dr - 0.05 * (dd + rr) ** 2
    around = np.ones((CORNERS_APART_PX, CORNERS_APART_PX), np.uint8)
    return np.argwhere((response == cv2.dilate(response, around)) & (response > _WEAKEST))
