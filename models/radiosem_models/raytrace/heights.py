"""Meshes -> the height of the highest roof over every cell, as seen from straight above."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radiosem.compiled import jit
from radiosem_models.raytrace.mesh import Mesh, joined

SIDE = 256  # cells a side, one metre each
OUTDOORS_M = 1.0  # a cell whose height is at most this is open ground


def cell_centres(cx: float, cy: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """East and north of every cell's centre in metres, float64 [SIDE, SIDE] each, row 0 = south."""
    axis = np.arange(SIDE) + 0.5 - SIDE / 2
    x, y = np.meshgrid(cx + axis, cy + axis)
    return x, y


def height_map(buildings: Sequence[Mesh], cx: float, cy: float) -> NDArray[np.float64]:
    """Roof height above ground in metres, float64 [SIDE, SIDE], row 0 = south, around the centre cx, cy in metres."""
    heights = np.zeros((SIDE, SIDE))
    mesh = joined(buildings)
    corners = mesh.vertices[mesh.faces] - np.array([cx - SIDE / 2 + 0.5, cy - SIDE / 2 + 0.5, 0.0])
    _raise_triangles(np.ascontiguousarray(corners), heights)
    return heights


@jit
def _raise_triangles(corners, heights):  # type: ignore[no-untyped-def]
    """Lift every cell to the triangles [F, 3, 3] over its centre; cell (row, col) is centred at (x, y) = (col, row)."""
    n = heights.shape[0]
    for triangle in corners:
        ax, ay, az = triangle[0]
        bx, by, bz = triangle[1]
        cx, cy, cz = triangle[2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-9:  # a wall: nothing of it shows from above
            continue
        west, east = max(int(np.ceil(min(ax, bx, cx))), 0), min(int(np.floor(max(ax, bx, cx))), n - 1)
        south, north = max(int(np.ceil(min(ay, by, cy))), 0), min(int(np.floor(max(ay, by, cy))), n - 1)
        for row in range(south, north + 1):
            for col in range(west, east + 1):
                of_b = ((col - ax) * (cy - ay) - (cx - ax) * (row - ay)) / area
                of_c = ((bx - ax) * (row - ay) - (col - ax) * (by - ay)) / area
                if of_b >= 0 and of_c >= 0 and of_b + of_c <= 1:
                    z = az + of_b * (bz - az) + of_c * (cz - az)
                    heights[row, col] = max(heights[row, col], z)
