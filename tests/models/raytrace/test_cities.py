"""Readers: what an extract or a file of footprints says becomes meshes of that size, place and height."""

import json

import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem_models.raytrace.cities.footprints import MOST_ACROSS_M, Footprint, footprint_of, height_of, meshes_of
from radiosem_models.raytrace.cities.geojson import read_geojson
from radiosem_models.raytrace.cities.imagined import imagined_blocks
from radiosem_models.raytrace.cities.openstreetmap import read_osm
from radiosem_models.raytrace.heights import OUTDOORS_M, height_map
from radiosem_models.raytrace.run import open_folder
from radiosem_models.raytrace.tracing import TraceSettings
from radiosem_models.rendering.procedural import procedural_heights

HEIGHTS_M = [8.0, 8.4, 8.4, 9.5, 11.6]  # the shed by default, two levels twice, the house, three levels
AREAS_M2 = {8.0: 48, 8.4: 40 * 40 - 20 * 20 + 100, 9.5: 200, 11.6: 400}


def tops(city):
    return [float(mesh.vertices[:, 2].max()) for mesh in city.buildings]


def seen_areas(city):
    """Cells under a roof of each height, around the middle of the village."""
    heights = np.round(height_map(city.buildings, 0.0, 0.0), 6)
    return {height: int((heights == height).sum()) for height in set(heights[heights > 0].tolist())}


def test_an_extract_becomes_its_buildings_above_ground(extract):
    pytest.importorskip("osmium", reason="osmium is not installed")
    city = read_osm(extract, "village", "val", roof_height_m=8.0, stride_m=128)
    assert sorted(tops(city)) == pytest.approx(HEIGHTS_M)
    areas = seen_areas(city)
    assert set(areas) == set(AREAS_M2)
    for height, cells in areas.items():
        assert cells == pytest.approx(AREAS_M2[height], rel=0.1)
    assert (city.name, city.split, city.stride_m) == ("village", "val", 128)
    assert "OpenStreetMap" in city.attribution


def test_footprints_become_the_same_city_as_the_extract(extract, footprints):
    pytest.importorskip("osmium", reason="osmium is not installed")
    from_osm = read_osm(extract, "village", "train", 8.0, 128)
    from_json = read_geojson(footprints, "village", "train", 8.0, 128, attribution="the village")
    assert sorted(tops(from_json)) == pytest.approx(HEIGHTS_M)
    assert from_json.attribution == "the village"
    # The origin is the mean of all corners, and the order of the readers differs.
    one, two = (height_map(city.buildings, 0.0, 0.0) for city in (from_osm, from_json))
    assert np.mean(np.abs(one - two) > 1e-3) < 0.002


def test_a_folder_of_one_city_does_not_pass_for_another(footprints, tmp_path):
    """A tile found done keeps the city it was written with, so a new name must not go on with it."""
    runs = {
        open_folder(tmp_path, TraceSettings(), [read_geojson(footprints, name, "train", 8.0, 128)], 0).run_id
        for name in ("village", "hamlet")
    }
    assert len(runs) == 2


def test_a_court_is_open(footprints):
    city = read_geojson(footprints, "village", "train", 8.0, 128)
    block = next(mesh for mesh in city.buildings if np.ptp(mesh.vertices[:, 0]) > 39)
    middle = block.vertices[:, :2].mean(0)
    heights = height_map([block], *middle)
    assert heights[127:129, 127:129].max() == 0
    assert heights[128, 128 - 15] == pytest.approx(8.4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: "{", "not JSON"),
        (lambda d: json.dumps({"type": "Topology"}), "type 'Topology'"),
        (lambda d: json.dumps({"type": "FeatureCollection", "features": []}), "no Polygon"),
        (lambda d: json.dumps(d).replace("60.2", "160.2"), "no longitude and latitude"),
        (lambda d: json.dumps({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}), "end where it begins"),
        (lambda d: json.dumps({"type": "Polygon", "coordinates": [[["a", 0]]]}), "longitude, latitude"),
        (lambda d: json.dumps({"type": "Polygon", "coordinates": [[[10**400, 0]]]}), "longitude, latitude"),
        (lambda d: json.dumps({"type": "MultiPolygon", "coordinates": 5}), "coordinates '5'; it must be a list"),
        (lambda d: json.dumps({"type": "FeatureCollection", "features": 5}), "features '5'; it must be a list"),
        (lambda d: json.dumps({"type": "FeatureCollection", "features": [7]}), "feature 0 has no type"),
        (lambda d: json.dumps({"type": "Feature", "geometry": "x"}), "geometry 'x'; it must be an object"),
        (lambda d: json.dumps({"type": "Feature", "properties": [1]}), "properties .*it must be an object"),
        (lambda d: "[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_geojson_of_footprints_is_refused_by_name(footprints, change, message):
    footprints.write_text(change(json.loads(footprints.read_text())))
    with pytest.raises(InputError, match=message) as error:
        read_geojson(footprints, "x", "train", 8.0, 128)
    assert "village.geojson" in str(error.value)


@pytest.mark.parametrize(
    ("tags", "height_m"),
    [
        ({"height": "12.5"}, 12.5),
        ({"height": "12 m"}, 12.0),
        ({"height": "60 ft"}, pytest.approx(18.288)),
        ({"height": "tall", "building:levels": "2"}, pytest.approx(8.4)),
        ({"height": 1e300}, 7.0),
        ({"height": -3, "building:levels": "nan"}, 7.0),
        ({}, 7.0),
    ],
)
def test_a_height_is_in_metres_unless_it_says_otherwise(tags, height_m):
    assert height_of(tags, 7.0) == height_m


def test_a_town_on_the_line_of_180_degrees_is_one_town():
    def town(west):
        squares = [[(lon, 0.0), (lon + 1e-4, 0.0), (lon + 1e-4, 1e-4), (lon, 1e-4)] for lon in (west, west + 3e-4)]
        around = [[((lon + 180) % 360 - 180, lat) for lon, lat in square] for square in squares]
        return meshes_of(Footprint((ring,), 5.0) for ring in around)

    for here, there in zip(town(179.9998), town(10.0), strict=True):
        np.testing.assert_allclose(here.vertices, there.vertices, atol=1e-3)


def square(lon, lat, side_m):
    """A ring of four corners, `side_m` wide on the equator."""
    return tuple((lon + side_m * x / 111_320, lat + side_m * y / 110_574) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1)))


def test_a_house_on_longitude_0_is_one_house_in_a_file_of_the_whole_world():
    houses = [Footprint((square(lon, 0.0, 20.0),), 5.0) for lon in (-100.0, -1e-4, 100.0)]
    for mesh in meshes_of(houses):
        np.testing.assert_allclose(np.ptp(mesh.vertices[:, :2], 0), 20.0, atol=0.01)


@pytest.mark.parametrize("lon", [10.0, 179.99])
def test_a_building_is_as_long_as_the_longest_there_is_and_no_longer(lon):
    long, longer = (
        tuple(((x + 180) % 360 - 180, y) for x, y in square(lon, 0.0, share * MOST_ACROSS_M)) for share in (0.99, 1.02)
    )
    assert footprint_of((long,), 5.0, "here") == Footprint((long,), 5.0)
    with pytest.raises(InputError, match=r"here: the outline is 5\.1 km east to west and 5\.1 km .* at most 5 km"):
        footprint_of((longer,), 5.0, "here")
    with pytest.raises(InputError, match=r"here: the outline is .* km north to south"):
        footprint_of((long, square(70.0, 0.0, 9.0)), 5.0, "here")


def test_an_outline_wider_than_any_building_is_refused_by_file_and_feature(footprints, extract, tmp_path):
    village = json.loads(footprints.read_text())
    village["features"][1]["geometry"]["coordinates"] = [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]
    footprints.write_text(json.dumps(village))
    with pytest.raises(InputError, match=r"village\.geojson, feature 1: the outline is 111\.3 km east to west"):
        read_geojson(footprints, "x", "train", 8.0, 128)
    pytest.importorskip("osmium", reason="osmium is not installed")
    (tmp_path / "wide.osm").write_text(extract.read_text().replace('lat="60.2', 'lat="59.2', 1))
    with pytest.raises(InputError, match=r"wide\.osm, way 1: the outline is 0\.0 km east to west and 110\.6 km"):
        read_osm(tmp_path / "wide.osm", "x", "train", 8.0, 128)


def test_an_extract_that_is_none_or_empty_is_refused_by_name(tmp_path):
    pytest.importorskip("osmium", reason="osmium is not installed")
    broken, empty = tmp_path / "broken.osm", tmp_path / "empty.osm"
    broken.write_text("<osm version='0.6'><node")
    empty.write_text("<?xml version='1.0'?><osm version='0.6'></osm>")
    for path in (broken, empty, tmp_path / "none.osm.pbf"):
        with pytest.raises(InputError, match=path.name):
            read_osm(path, "x", "train", 8.0, 128)


def test_a_made_up_block_stands_where_its_heights_are_drawn():
    (block,) = imagined_blocks("suburb", range(7, 8), "train")
    drawn = np.flipud(procedural_heights(7, "suburb"))
    meshed = height_map(block.buildings, 0.0, 0.0)
    assert block.name == "suburb-7"
    # Drawn outlines are half a cell fatter than the footprints.
    assert np.mean((meshed > OUTDOORS_M) != (drawn > 0)) < 0.08
    both = (meshed > OUTDOORS_M) & (drawn > 0)
    assert np.mean(np.rint(meshed[both]) == drawn[both]) > 0.97
