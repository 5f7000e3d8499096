"""Footprints as GeoJSON (RFC 7946: longitude and latitude in degrees, WGS 84) -> a city."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from radiosem.errors import InputError
from radiosem_models.raytrace.cities import City, file_digest
from radiosem_models.raytrace.cities.footprints import Footprint, footprint_of, height_of, meshes_of


def read_geojson(
    path: Path, name: str, split: str, roof_height_m: float, stride_m: int, attribution: str | None = None
) -> City:
    """Every Polygon and MultiPolygon of a file; other geometries are passed over.

    roof_height_m  height of a footprint whose properties hold neither `height` (metres) nor `building:levels`
    attribution    whose footprints they are; left out, the name of the file
    raises         InputError naming the file and what is wrong in it
    """
    footprints = read_footprints(path, roof_height_m)
    source = {"city": name, "geojson": path.name, "sha256": file_digest(path), "roof_height_m": roof_height_m}
    return City(name, split, meshes_of(footprints), stride_m, 0.05, attribution or f"footprints of {path.name}", source)


def read_footprints(path: Path, roof_height_m: float) -> list[Footprint]:
    """The outlines of a file. raises InputError as `read_geojson`."""
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"geojson is {str(path)!r}, which cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"geojson is {str(path)!r}, which is not JSON: {error}") from None
    found = []
    for number, (geometry, properties) in enumerate(_features(document, path)):
        for polygon in _polygons(geometry, path):
            where = f"{path}, feature {number}"
            found.append(footprint_of(_rings(polygon, where), height_of(properties, roof_height_m), where))
    if not found:
        raise InputError(f"geojson is {str(path)!r}, which holds no Polygon and no MultiPolygon")
    return found


def _features(document: Any, path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(geometry, properties) of every feature; a bare geometry is a feature without properties."""
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "FeatureCollection":
        for number, feature in enumerate(_part(document, "features", list, path)):
            if not isinstance(feature, dict) or feature.get("type") != "Feature":
                raise InputError(f'{path}, feature {number} has no type "Feature"; a FeatureCollection is of such')
            yield from _features(feature, path)
    elif kind == "Feature":
        yield _part(document, "geometry", dict, path), _part(document, "properties", dict, path)
    elif kind in ("Polygon", "MultiPolygon"):
        yield document, {}
    else:
        raise InputError(f"{path} has the type {kind!r}; it must be a FeatureCollection, a Feature or a Polygon")


def _part(document: dict[str, Any], key: str, kind: type, path: Path) -> Any:
    """What a member holds, empty where it is left out or null."""
    found = document.get(key)
    if found is not None and not isinstance(found, kind):
        wanted = "a list" if kind is list else "an object"
        raise InputError(f"{path} has {key} {str(found)[:60]!r}; it must be {wanted}")
    return found or kind()


def _polygons(geometry: dict[str, Any], path: Path) -> list[Any]:
    """Lists of rings; none for a point or a line."""
    match geometry.get("type"):
        case "Polygon":
            return [_part(geometry, "coordinates", list, path)]
        case "MultiPolygon":
            return list(_part(geometry, "coordinates", list, path))
        case _:
            return []


def _rings(polygon: Any, where: str) -> tuple[list[tuple[float, float]], ...]:
    try:
        rings = [[(float(point[0]), float(point[1])) for point in ring] for ring in polygon]
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        raise InputError(f"{where}: a ring must be a list of [longitude, latitude]") from None
    for lon, lat in (point for ring in rings for point in ring):
        if not (math.isfinite(lon) and abs(lon) <= 180 and math.isfinite(lat) and abs(lat) <= 90):
            raise InputError(f"{where}: ({lon}, {lat}) is no longitude and latitude in degrees (WGS 84)")
    if not rings or any(len(ring) < 4 or ring[0] != ring[-1] for ring in rings):
        raise InputError(f"{where}: a ring must have four points or more and end where it begins")
    return tuple(ring[:-1] for ring in rings)
