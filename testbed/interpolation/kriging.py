"""Readings -> map by ordinary Kriging with an exponential variogram (Cressie, 1993, ch. 3)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls  # type: ignore[import-untyped]
from scipy.spatial.distance import pdist  # type: ignore[import-untyped]

from radiosem.scale import Grey
from testbed.interpolation.readings import Readings

NEIGHBOURS = 16
CHUNK = 4096  # pixels solved at once
PAIRED, BINS, FARTHEST_PX = 1500, 24, 128.0  # readings whose pairs are measured, and how


@dataclass(frozen=True)
class Variogram:
    """gamma(h) = nugget + sill (1 - exp(-h / range_px)), 0 at h = 0: half the mean squared difference at distance h."""

    nugget: float
    sill: float
    range_px: float

    def __call__(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distances in pixels -> gamma."""
        gamma = self.nugget + self.sill * (1 - np.exp(-distance / self.range_px))
        return np.asarray(np.where(distance > 0, gamma, 0), np.float64)


def fit_variogram(readings: Readings) -> Variogram:
    """Least squares on half the pairs' squared differences, averaged in bins of distance, weighted by their number."""
    stride = -(-len(readings.grey) // PAIRED)
    places, grey = readings.places[::stride], readings.grey[::stride]
    distance, half_squared = pdist(places), pdist(grey[:, None], "sqeuclidean") / 2
    edges = np.linspace(0, min(FARTHEST_PX, distance.max() + 1e-6), BINS + 1)
    bins = np.digitize(distance, edges) - 1
    count = np.bincount(bins, minlength=BINS + 1)[:BINS]
    filled = count > 0
    gamma = np.bincount(bins, half_squared, BINS + 1)[:BINS][filled] / count[filled]
    middle = np.bincount(bins, distance, BINS + 1)[:BINS][filled] / count[filled]
    weight = np.sqrt(count[filled])
    best, least = Variogram(0.0, 1.0, 32.0), np.inf
    for range_px in np.geomspace(2, 256, 29):
        design = np.stack([np.ones_like(middle), 1 - np.exp(-middle / range_px)], 1)
        (nugget, sill), misfit = nnls(design * weight[:, None], gamma * weight)
        if misfit < least and nugget + sill > 0:
            best, least = Variogram(float(nugget), float(sill), float(range_px)), misfit
    return best


def ordinary_kriging(readings: Readings, shape: tuple[int, int]) -> Grey:
    """Best linear unbiased estimate of every pixel from its 16 nearest readings, under the variogram of them all."""
    variogram = fit_variogram(readings)
    distance, index = readings.near(shape, NEIGHBOURS)
    near = distance.shape[1]
    out = np.empty(len(distance))
    for start in range(0, len(out), CHUNK):
        part = slice(start, start + CHUNK)
        places = readings.places[index[part]]
        apart = np.sqrt(((places[:, :, None] - places[:, None]) ** 2).sum(-1))
        system = np.ones((len(places), near + 1, near + 1))
        system[:, :near, :near] = variogram(apart)
        system[:, near, near] = 0
        wanted = np.ones((len(places), near + 1, 1))
        wanted[:, :near, 0] = variogram(distance[part])
        weight = np.linalg.solve(system, wanted)[:, :near, 0]
        out[part] = (weight * readings.grey[index[part]]).sum(1)
    return np.asarray(out.reshape(shape).clip(0, 1), np.float32)
