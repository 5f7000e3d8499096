"""What rays, edges, sight lines and roofs bring to every cell -> path gain in dB, its noise, its grey values."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, median_filter  # type: ignore[import-untyped]

from radiosem.scale import Scale
from radiosem.types import RECEIVER_HEIGHT_M, SPEED_OF_LIGHT_M_S
from radiosem_models.raytrace.heights import OUTDOORS_M, SIDE
from radiosem_models.raytrace.rooftops import rooftop_gain
from radiosem_models.raytrace.scene import Field, Point, Scene

FLOOR_DB = -150.0
REFLECTED_SIGMA_M, DIFFRACTED_SIGMA_M = 0.9, 2.5  # of the smoothing of what rays sample


@dataclass(frozen=True)
class Rays:
    """Rays a transmitter, of the solver's two passes."""

    reflected: int = 3_000_000
    diffracted: int = 2_000_000

    def halved(self) -> "Rays":
        """Half of them."""
        return Rays(self.reflected // 2, self.diffracted // 2)


def scale_at(frequency_hz: float) -> Scale:
    """Grey to dB of maps at a carrier: from FLOOR_DB up to free space at 1 m."""
    top_db = -20 * math.log10(4 * math.pi * frequency_hz / SPEED_OF_LIGHT_M_S)
    return Scale("raytraced", FLOOR_DB, round(top_db, 2))


def path_gain_db(scene: Scene, transmitter: Point, heights: Field, rays: Rays, seed: int) -> Field:
    """Path gain in dB, float64 [SIDE, SIDE], row 0 = south; NaN indoors and at or below FLOOR_DB.

    transmitter  metres, in the scene's
    heights      of roofs above ground in metres, [SIDE, SIDE]
    seed         of the solver
    """
    scene.place(transmitter)
    outdoor = heights <= OUTDOORS_M
    reached = smoothed(scene.reflected_gain(rays.reflected, seed), outdoor, REFLECTED_SIGMA_M)
    reached += smoothed(scene.diffracted_gain(rays.diffracted, seed), outdoor, DIFFRACTED_SIGMA_M)
    x, y, z = transmitter
    place = (x - scene.cx - 0.5 + SIDE / 2, y - scene.cy - 0.5 + SIDE / 2, z)
    over_roofs = rooftop_gain(heights, outdoor, place, RECEIVER_HEIGHT_M, scene.wavelength_m)
    return combined_db(scene.sight_gain(transmitter), reached, over_roofs, outdoor)


def smoothed(power: Field, outdoor: NDArray[np.bool_], sigma_m: float) -> Field:
    """Mean over nearby open ground: the rays sample a field that is smooth outside the sight line."""
    open_air = outdoor.astype(float)
    near = gaussian_filter(power * open_air, sigma_m, truncate=3)
    return np.asarray(near / np.maximum(gaussian_filter(open_air, sigma_m, truncate=3), 1e-3), np.float64)


def combined_db(sight: Field, reached: Field, over_roofs: Field, outdoor: NDArray[np.bool_]) -> Field:
    """Linear gains -> dB: in sight Friis and rays, in shadow the stronger of rays and roofs, cleared of specks."""
    shadow = np.log10(np.maximum(np.maximum(reached, over_roofs), 1e-18))
    gain = np.where(outdoor, sight + np.where(sight > 0, reached, 10 ** median_filter(shadow, 3)), 0.0)
    with np.errstate(divide="ignore"):
        db = 10 * np.log10(gain)
    return np.where(db > FLOOR_DB, db, np.nan)


def noise_db(full: Field, halved: Field) -> float | None:
    """Standard error of a map that stems from its number of rays, dB, of the outdoor cells above the floor.

    full, halved  the same map in dB from all rays and, with another seed, from half of them. The errors of the two are
                  independent, and the variance of the second is twice that of the first: their difference has three
                  times the variance sought. (Two seeds alone tell nothing of reflections: the solver's rays start on a
                  lattice that hangs on their number only.)
    returns       None when no cell is above the floor in both
    """
    squares = (full - halved)[~np.isnan(full) & ~np.isnan(halved)] ** 2
    return float(np.sqrt(squares.mean() / 3)) if squares.size else None


def to_grey(db: Field, scale: Scale) -> NDArray[np.uint8]:
    """Path gain in dB, NaN where unknown -> uint8, row 0 = north; 0 is unknown, all else at least 1."""
    grey = np.clip(np.rint((db - scale.floor_db) / scale.span_db * 255), 1, 255)
    return north_up(np.where(np.isnan(db), 0, grey))


def north_up(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Values 0..255 with row 0 = south -> uint8 with row 0 = north."""
    return np.flipud(image).astype(np.uint8)
