"""An OpenStreetMap extract (.osm, .osm.pbf) -> a city."""

from pathlib import Path

from radiosem.errors import InputError
from radiosem_models.raytrace.cities import OPENSTREETMAP, City, file_digest
from radiosem_models.raytrace.cities.footprints import Footprint, footprint_of, height_of, meshes_of


def read_osm(path: Path, name: str, split: str, roof_height_m: float, stride_m: int) -> City:
    """Every building above ground, ways and multipolygons alike.

    roof_height_m  height of a building that has neither `height` nor `building:levels`
    raises         InputError when the file cannot be read, holds no building, or one larger than there are
    """
    footprints = read_footprints(path, roof_height_m)
    source = {"city": name, "openstreetmap": path.name, "sha256": file_digest(path), "roof_height_m": roof_height_m}
    return City(name, split, meshes_of(footprints), stride_m, 0.05, OPENSTREETMAP, source)


def read_footprints(path: Path, roof_height_m: float) -> list[Footprint]:
    """The outlines of an extract, one an outer ring. raises InputError as `read_osm`."""
    import osmium

    found: list[Footprint] = []

    class Areas(osmium.SimpleHandler):  # type: ignore[misc]
        def area(self, area: osmium.osm.Area) -> None:
            tags = dict(area.tags)
            if "building" not in tags or tags.get("location") == "underground":
                return
            for outer in area.outer_rings():
                rings = (outer, *area.inner_rings(outer))
                corners = tuple([(node.lon, node.lat) for node in ring][:-1] for ring in rings)
                where = f"{path}, {'way' if area.from_way() else 'relation'} {area.orig_id()}"
                found.append(footprint_of(corners, height_of(tags, roof_height_m), where))

    try:
        Areas().apply_file(str(path), locations=True)
    except InputError:
        raise
    except (RuntimeError, ValueError) as error:
        raise InputError(f"osm is {str(path)!r}, which is no OpenStreetMap extract: {error}") from None
    if not found:
        raise InputError(f"osm is {str(path)!r}, in which no area is tagged building")
    return found
