"""A kind of settlement and seeds -> cities of one block each that nobody built."""

from radiosem_models.raytrace.cities import City
from radiosem_models.raytrace.heights import SIDE
from radiosem_models.raytrace.mesh import Mesh, extruded
from radiosem_models.rendering.procedural import procedural_houses


def imagined_blocks(kind: str, seeds: range, split: str) -> list[City]:
    """The blocks that `radiosem_models.rendering.procedural` draws from these seeds, their houses extruded.

    raises  InputError when the kind is unknown
    """
    source: dict[str, object] = {"procedural": kind, "first_seed": seeds.start, "blocks": len(seeds)}
    return [
        City(f"{kind}-{seed}", split, _houses(kind, seed), None, 0.05, "procedural, no place", source) for seed in seeds
    ]


def _houses(kind: str, seed: int) -> tuple[Mesh, ...]:
    # Corners count cells from the centre of the north-west one; metres count from the middle of the block.
    made = (
        extruded([(house.corners - (SIDE - 1) / 2) * [1.0, -1.0]], float(house.height_m))
        for house in procedural_houses(seed, kind, SIDE)
    )
    return tuple(mesh for mesh in made if mesh is not None)
