"""Where buildings come from: every source -> a `City`, named buildings as meshes on flat ground.

A reader is one module here; `openstreetmap` and `geojson` read files, `shipped` what Sionna RT brings, `imagined` makes
blocks up.
"""

from dataclasses import dataclass, field
from pathlib import Path

from radiosem_models.raytrace.mesh import Mesh

OPENSTREETMAP = "© OpenStreetMap contributors, ODbL"


@dataclass(frozen=True)
class City:
    """Buildings that may be cut into tiles.

    name         of the city, as dataset.json names it
    split        train, val or test: a city is never split
    buildings    meshes in metres about some origin, x east, y north, standing on z = 0
    stride_m     between the centres of its tiles; None when the city is one tile about the origin
    least_cover  a tile whose share of building lies below this, or above 60 %, is left out
    attribution  whose geometry it is
    source       what a later run must find unchanged to go on with this one
    """

    name: str
    split: str
    buildings: tuple[Mesh, ...]
    stride_m: int | None
    least_cover: float
    attribution: str
    source: dict[str, object] = field(default_factory=dict)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, its first 16 hexadecimal digits."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
