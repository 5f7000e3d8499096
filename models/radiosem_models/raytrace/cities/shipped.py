"""The city models in the `sionna-rt` wheel -> cities."""

import collections
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radiosem.errors import InputError
from radiosem_models.raytrace.cities import OPENSTREETMAP, City
from radiosem_models.raytrace.mesh import Mesh, joined, welded
from radiosem_models.raytrace.tracer import ray_tracer


@dataclass(frozen=True)
class _Shipped:
    split: str
    ground: str
    stride_m: int


SHIPPED = {
    "florence": _Shipped("test", "mesh-ground", 128),
    "etoile": _Shipped("val", "mesh-Plane", 128),
    "munich": _Shipped("train", "mesh-ground", 64),
    "san_francisco": _Shipped("train", "mesh-Terrain", 64),
}


def read_shipped(name: str) -> City:
    """One of Sionna RT's cities, its hills flattened.

    raises  InputError on a name that is not shipped, RadiosemError when sionna-rt is not installed
    """
    if name not in SHIPPED:
        raise InputError(f"city is {name!r}; Sionna RT ships {', '.join(SHIPPED)}")
    sionna_rt, mitsuba, _ = ray_tracer()
    about = SHIPPED[name]
    folder = Path(sionna_rt.__file__).parent / "scenes" / name
    parts: dict[str, list[Mesh]] = collections.defaultdict(list)
    shapes = re.findall(r'<shape type="ply" id="([^"]+)".*?value="([^"]+\.ply)"', _xml(folder, name), re.S)
    for shape, file in shapes:
        if shape != about.ground:
            building = re.sub(r"-(wall|roof|rooftop|itu_\w+|[0-9a-f]{6}(_\d+)?)$", "", shape)
            parts[building].append(_read_ply(mitsuba, folder / file))
    buildings = tuple(_standing(joined(meshes)) for meshes in parts.values())
    return City(name, about.split, buildings, about.stride_m, 0.12, OPENSTREETMAP, {"shipped": name})


def _xml(folder: Path, name: str) -> str:
    return (folder / f"{name}.xml").read_text("utf-8")


def _read_ply(mitsuba: object, path: Path) -> Mesh:
    mesh = mitsuba.traverse(mitsuba.load_dict({"type": "ply", "filename": str(path)}))  # type: ignore[attr-defined]
    return Mesh(
        np.array(mesh["vertex_positions"]).reshape(-1, 3).astype(float),
        np.array(mesh["faces"]).reshape(-1, 3).astype(np.int64),
    )


def _standing(mesh: Mesh) -> Mesh:
    """The building put down on z = 0; walls and roof, which ship apart, share their edges."""
    return welded(Mesh(mesh.vertices - [0, 0, mesh.vertices[:, 2].min()], mesh.faces))
