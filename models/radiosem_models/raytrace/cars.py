"""Open ground and a random generator -> parked cars as metal boxes."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation  # type: ignore[import-untyped]

from radiosem_models.raytrace.heights import SIDE, cell_centres
from radiosem_models.raytrace.mesh import Mesh

HALF_LENGTH_M, HALF_WIDTH_M = 2.1, 0.9
BOTTOM_M, HEIGHT_M = 0.2, 1.2
CLEARANCE_M = 3  # from the centre of a car to the next wall
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [HALF_LENGTH_M, HALF_WIDTH_M]
_FACES = np.array(
    [
        *([0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7]),  # sides
        *([4, 5, 6], [4, 6, 7], [0, 2, 1], [0, 3, 2]),  # top and bottom
    ]
)


def place_cars(
    outdoor: NDArray[np.bool_], cx: float, cy: float, count: int, rng: np.random.Generator
) -> tuple[list[Mesh], NDArray[np.bool_]]:
    """Up to `count` cars on open ground, at any angle; they may touch.

    outdoor  bool [SIDE, SIDE], row 0 = south
    cx, cy   centre of the tile in metres
    returns  a box a car, and the mask bool [SIDE, SIDE] of the cells whose centres they cover
    """
    free = np.argwhere(~binary_dilation(~outdoor, iterations=CLEARANCE_M))
    free = free[(free >= 4).all(1) & (free < SIDE - 4).all(1)]
    boxes, mask = [], np.zeros((SIDE, SIDE), bool)
    x, y = cell_centres(0.0, 0.0)
    for row, col in free[rng.permutation(len(free))[:count]]:
        angle = rng.uniform(0, np.pi)
        c, s = np.cos(angle), np.sin(angle)
        px, py = col + 0.5 - SIDE / 2, row + 0.5 - SIDE / 2
        along, across = (x - px) * c + (y - py) * s, -(x - px) * s + (y - py) * c
        mask |= (abs(along) <= HALF_LENGTH_M) & (abs(across) <= HALF_WIDTH_M)
        corners = _CORNERS @ np.array([[c, s], [-s, c]])
        base = np.column_stack([corners + np.array([cx + px, cy + py]), np.full(4, BOTTOM_M)])
        boxes.append(Mesh(np.concatenate([base, base + np.array([0, 0, HEIGHT_M])]), _FACES))
    return boxes, mask
