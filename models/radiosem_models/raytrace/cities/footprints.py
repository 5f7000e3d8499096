"""Outlines in degrees, with what is said of their height -> meshes in metres."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiosem_models.raytrace.mesh import Mesh, extruded

LEVEL_M, ROOF_M = 3.2, 2.0  # a storey, and what a roof adds to the storeys
METRES_A_FOOT, MOST_M = 0.3048, 1000.0  # the second: what is higher is a slip of the pen
METRES_A_DEGREE_EAST, METRES_A_DEGREE_NORTH = 111_320.0, 110_574.0  # the first at the equator

Ring = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Footprint:
    """An outline and its holes, each a ring of (longitude, latitude) whose last point does not repeat the first."""

    rings: tuple[Ring, ...]
    height_m: float


def height_of(tags: Mapping[str, object], default_m: float) -> float:
    """What the tags `height` (metres, or feet where it says so) or `building:levels` say; else the default."""
    levels = _number(tags.get("building:levels"))
    told = (_metres(tags.get("height")), None if levels is None else LEVEL_M * levels + ROOF_M)
    return next((height for height in told if height is not None and 0 < height <= MOST_M), default_m)


def _metres(text: object) -> float | None:
    """'12', '12.5 m', '40 ft' or "40'" in metres; None where it is no height."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*(m|ft|'|)\s*", str(text))
    number = None if match is None else _number(match[1])
    return number if match is None or number is None or match[2] in ("", "m") else number * METRES_A_FOOT


def _number(text: object) -> float | None:
    try:
        number = float(str(text))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def meshes_of(footprints: Iterable[Footprint]) -> tuple[Mesh, ...]:
    """Footprints extruded on a plane of metres about the mean of their outer corners, also across 180 degrees."""
    footprints = list(footprints)
    corners = np.array([point for footprint in footprints for point in footprint.rings[0]])
    across = np.ptp(corners[:, 0]) > 180

    def onward(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(across & (points < 0) & [True, False], points + 360, points)

    lon, lat = onward(corners).mean(0)
    metres = np.array([METRES_A_DEGREE_EAST * np.cos(np.radians(lat)), METRES_A_DEGREE_NORTH])
    made = (
        extruded(
            [(onward(np.array(ring)) - [lon, lat]) * metres for ring in footprint.rings if len(ring)],
            footprint.height_m,
        )
        for footprint in footprints
    )
    return tuple(mesh for mesh in made if mesh is not None)
