"""Readings -> map by a plane fitted about every pixel (local polynomial regression: Fan and Gijbels, 1996, ch. 3)."""

import numpy as np

from radiosem.scale import Grey
from testbed.interpolation.readings import Readings

NEIGHBOURS, RIDGE = 16, 1e-3
CHUNK = 8192  # pixels solved at once


def local_polynomial(readings: Readings, shape: tuple[int, int]) -> Grey:
    """Height at every pixel of the plane through its 16 nearest readings, by tricube weights.

    Offsets are in units of the farthest reading, so a small ridge on the slopes holds where readings lie in a line.
    The plane is kept within the readings it was fitted to.
    """
    distance, index = readings.near(shape, NEIGHBOURS)
    pixels = np.indices(shape).reshape(2, -1).T
    out = np.empty(len(pixels))
    for start in range(0, len(pixels), CHUNK):
        part = slice(start, start + CHUNK)
        reach = 1.01 * distance[part, -1:] + 1e-6
        weight = (1 - (distance[part] / reach) ** 3) ** 3
        offset = (readings.places[index[part]] - pixels[part, None]) / reach[..., None]
        design = np.concatenate([np.ones_like(offset[..., :1]), offset], -1)
        weighted = design * weight[..., None]
        normal = np.swapaxes(weighted, 1, 2) @ design + np.diag([0, RIDGE, RIDGE])
        grey = readings.grey[index[part]]
        plane = np.linalg.solve(normal, np.swapaxes(weighted, 1, 2) @ grey[..., None])[:, 0, 0]
        out[part] = plane.clip(grey.min(1), grey.max(1))
    return np.asarray(out.reshape(shape), np.float32)
