"""Readings -> map by the nearest neighbours, weighted by inverse distance (Shepard, 1968)."""

import numpy as np

from radiosem.scale import Grey
from testbed.interpolation.readings import Readings

NEIGHBOURS, POWER = 8, 2.0


def nearest_neighbours(readings: Readings, shape: tuple[int, int]) -> Grey:
    """Mean of the eight nearest readings of every pixel, weighted by 1 / distance squared."""
    distance, index = readings.near(shape, NEIGHBOURS)
    weight = 1 / np.maximum(distance, 1e-3) ** POWER
    return np.asarray(np.average(readings.grey[index], 1, weight).reshape(shape), np.float32)
