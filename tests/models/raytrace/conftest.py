"""A hand-written village as OpenStreetMap extract and as GeoJSON, and a town of boxes large enough for tiles."""

import json
from pathlib import Path

import numpy as np
import pytest

from radiosem_models.raytrace.cities import City
from radiosem_models.raytrace.cities.footprints import METRES_A_DEGREE_EAST, METRES_A_DEGREE_NORTH
from radiosem_models.raytrace.mesh import extruded

LON, LAT = 24.9, 60.2
EAST = METRES_A_DEGREE_EAST * np.cos(np.radians(LAT))

# Metres east and north of (LON, LAT).
HOUSE = [(0, 0), (20, 0), (20, 10), (0, 10)]
CORNERED = [(40, 0), (60, 0), (60, 10), (50, 10), (50, 30), (40, 30)]
SHED = [(0, 40), (8, 40), (8, 46), (0, 46)]
CELLAR = [(80, 80), (90, 80), (90, 90), (80, 90)]
BLOCK, COURT = [(0, 60), (40, 60), (40, 100), (0, 100)], [(10, 70), (30, 70), (30, 90), (10, 90)]
ANNEX = [(50, 60), (60, 60), (60, 70), (50, 70)]


def degrees(point: tuple[float, float]) -> tuple[float, float]:
    return LON + point[0] / EAST, LAT + point[1] / METRES_A_DEGREE_NORTH


@pytest.fixture(scope="session")
def extract(tmp_path_factory) -> Path:
    """Seven ways and a relation: five outlines of buildings above ground."""
    nodes, ways = [], []

    def way(number, ring, **tags):
        first = len(nodes) + 1
        for lon, lat in map(degrees, ring):
            nodes.append(f'<node id="{len(nodes) + 1}" version="1" lat="{lat:.9f}" lon="{lon:.9f}"/>')
        refs = "".join(f'<nd ref="{n}"/>' for n in (*range(first, len(nodes) + 1), first))
        said = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
        ways.append(f'<way id="{number}" version="1">{refs}{said}</way>')

    way(1, HOUSE, building="yes", height="9.5 m")
    way(2, CORNERED, building="house", **{"building:levels": "3"})
    way(3, SHED, building="shed", height="unknown")
    way(4, CELLAR, building="yes", location="underground")
    way(5, BLOCK)
    way(6, COURT)
    way(7, ANNEX)
    members = "".join(
        f'<member type="way" ref="{n}" role="{role}"/>' for n, role in ((5, "outer"), (6, "inner"), (7, "outer"))
    )
    tags = '<tag k="type" v="multipolygon"/><tag k="building" v="yes"/><tag k="building:levels" v="2"/>'
    relation = f'<relation id="8" version="1">{members}{tags}</relation>'
    path = tmp_path_factory.mktemp("osm") / "village.osm"
    path.write_text("\n".join(['<?xml version="1.0"?><osm version="0.6">', *nodes, *ways, relation, "</osm>"]))
    return path


def geojson() -> dict[str, object]:
    """The same village, without its cellar, and with a tree."""

    def ring(points):
        return [list(degrees(point)) for point in (*points, points[0])]

    def feature(kind, coordinates, **properties):
        return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}

    return {
        "type": "FeatureCollection",
        "features": [
            feature("Polygon", [ring(HOUSE)], height=9.5),
            feature("Polygon", [ring(CORNERED)], **{"building:levels": 3}),
            feature("Point", list(degrees((5, 5))), natural="tree"),
            feature("Polygon", [ring(SHED)], height=None),
            feature("MultiPolygon", [[ring(BLOCK), ring(COURT)], [ring(ANNEX)]], **{"building:levels": "2"}),
        ],
    }


@pytest.fixture
def footprints(tmp_path) -> Path:
    path = tmp_path / "village.geojson"
    path.write_text(json.dumps(geojson()))
    return path


def _box(west, south, width, depth, height):
    corners = np.array(
        [[west, south], [west + width, south], [west + width, south + depth], [west, south + depth]], float
    )
    return extruded([corners], height)


@pytest.fixture(scope="session")
def town() -> City:
    """Boxes of 16 x 16 m and 6 to 15 m in height, 32 m apart, over 520 x 520 m."""
    buildings = tuple(_box(32.0 * i, 32.0 * j, 16, 16, 6 + (i * 7 + j * 3) % 10) for i in range(17) for j in range(17))
    return City("town", "train", buildings, 128, 0.05, "nobody", {"boxes": 17})


@pytest.fixture(scope="session")
def box():
    """(west, south, width, depth, height) in metres -> mesh."""
    return _box
