"""Outlines in degrees, with what is said of their height -> meshes in metres."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem_models.raytrace.mesh import Mesh, extruded

LEVEL_M, ROOF_M = 3.2, 2.0  # a storey, and what a roof adds to the storeys
METRES_A_FOOT, MOST_M = 0.3048, 1000.0  # the second: what is higher is a slip of the pen
MOST_ACROSS_M = 5000.0  # of one building: what is longer is a slip of the pen
METRES_A_DEGREE_EAST, METRES_A_DEGREE_NORTH = 111_320.0, 110_574.0  # the first at the equator

Ring = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Footprint:
    """An outline and its holes, each a ring of (longitude, latitude) whose last point does not repeat the first."""

    rings: tuple[Ring, ...]
    height_m: float


def footprint_of(rings: tuple[Ring, ...], height_m: float, where: str) -> Footprint:
    """A footprint as a reader found it, such as a building may have.

    where   names the file and the part of it, for the refusal
    raises  InputError when it reaches further than any building, east or north
    """
    points = np.array([point for ring in rings for point in ring])
    across_m = np.ptp(_beside(points, points[0, 0]), 0) * _metres_a_degree(points[:, 1].mean())
    if across_m.max() > MOST_ACROSS_M:
        raise InputError(
            "{}: the outline is {:.1f} km east to west and {:.1f} km north to south; ".format(where, *across_m / 1000)
            + f"a building has at most {MOST_ACROSS_M / 1000:g} km, so correct the outline or take it out"
        )
    return Footprint(rings, height_m)


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
    begin_lon = footprints[0].rings[0][0][0]
    placed = [
        [_beside(np.array(ring), _beside(np.array(rings[0][:1]), begin_lon)[0, 0]) for ring in rings if len(ring)]
        for rings in (footprint.rings for footprint in footprints)
    ]
    lon, lat = np.concatenate([rings[0] for rings in placed]).mean(0)
    metres = _metres_a_degree(lat)
    made = (
        extruded([(ring - [lon, lat]) * metres for ring in rings], footprint.height_m)
        for rings, footprint in zip(placed, footprints, strict=True)
    )
    return tuple(mesh for mesh in made if mesh is not None)


def _beside(points: NDArray[np.float64], lon: float) -> NDArray[np.float64]:
    """Longitude and latitude [N, 2], the longitudes counted on or back to within half a turn of one."""
    return np.stack([points[:, 0] + 360 * np.rint((lon - points[:, 0]) / 360), points[:, 1]], 1)


def _metres_a_degree(lat: float) -> NDArray[np.float64]:
    """East and north, at a latitude in degrees."""
    return np.array([METRES_A_DEGREE_EAST * np.cos(np.radians(lat)), METRES_A_DEGREE_NORTH])
