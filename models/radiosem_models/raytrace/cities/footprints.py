"""Outlines in degrees, with what is said of their height -> meshes in metres."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from radiosem_models.raytrace.mesh import Mesh, extruded

LEVEL_M, ROOF_M = 3.2, 2.0  # a storey, and what a roof adds to the storeys
METRES_A_DEGREE_EAST, METRES_A_DEGREE_NORTH = 111_320.0, 110_574.0  # the first at the equator

Ring = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Footprint:
    """An outline and its holes, each a ring of (longitude, latitude) whose last point does not repeat the first."""

    rings: tuple[Ring, ...]
    height_m: float


def height_of(tags: Mapping[str, object], default_m: float) -> float:
    """What the tags `height` (metres) or `building:levels` say, or the default where they say nothing usable."""
    try:
        if tags.get("height") is not None:
            height = float(str(tags["height"]).split()[0])
        else:
            height = LEVEL_M * float(str(tags["building:levels"])) + ROOF_M
    except (KeyError, ValueError, IndexError):
        return default_m
    return height if math.isfinite(height) and height > 0 else default_m


def meshes_of(footprints: Iterable[Footprint]) -> tuple[Mesh, ...]:
    """Footprints extruded on a plane of metres about the mean of their outer corners."""
    footprints = list(footprints)
    lon, lat = np.mean([point for footprint in footprints for point in footprint.rings[0]], axis=0)
    metres = np.array([METRES_A_DEGREE_EAST * np.cos(np.radians(lat)), METRES_A_DEGREE_NORTH])
    made = (
        extruded([(np.array(ring) - [lon, lat]) * metres for ring in footprint.rings if len(ring)], footprint.height_m)
        for footprint in footprints
    )
    return tuple(mesh for mesh in made if mesh is not None)
