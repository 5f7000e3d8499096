"""Cities -> a numbered list of tiles, the same on every machine, and the share of it that falls to one of them."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from radiosem.errors import InputError
from radiosem_models.raytrace.cities import City
from radiosem_models.raytrace.heights import OUTDOORS_M, SIDE, height_map
from radiosem_models.raytrace.mesh import Mesh

MOST_COVER = 0.60
SURROUNDINGS_M = 160.0  # buildings within this of a tile's centre, east and north, stand in its scene


@dataclass(frozen=True)
class Tile:
    """A square of SIDE metres to be traced.

    cx, cy     its centre in the city's metres
    buildings  those in it and just around it
    """

    tile_id: int
    city: str
    split: str
    cx: float
    cy: float
    buildings: tuple[Mesh, ...]

    def random(self, seed: int) -> np.random.Generator:
        """A generator of its own: what is drawn hangs on the seed and the place, not on tiles traced before."""
        place = hashlib.sha256(f"{self.city} {self.cx:.2f} {self.cy:.2f}".encode()).digest()
        return np.random.default_rng([seed, int.from_bytes(place[:8], "big")])


def plan_tiles(
    cities: Sequence[City], seed: int, first_id: int = 0, report: Callable[[int, str], None] = lambda found, city: None
) -> tuple[Tile, ...]:
    """Every tile of the cities that is worth tracing, held-out ones first, training ones shuffled by the seed.

    A run that is stopped early has thus seen all its cities.

    first_id  number of the first tile
    report    called with the tiles found so far and the city in hand
    raises    InputError when there is none
    """
    found: list[Tile] = []
    for city in cities:
        for tile in _tiles_of(city):
            found.append(tile)
            report(len(found), city.name)
    held_out = [tile for tile in found if tile.split != "train"]
    train = [tile for tile in found if tile.split == "train"]
    order = np.random.default_rng(seed).permutation(len(train))
    plan = held_out + [train[i] for i in order]
    if not plan:
        raise InputError(
            f"{', '.join(city.name for city in cities)} has no tile of {SIDE} x {SIDE} m that is built on all sides: "
            f"{cities[0].least_cover:.0%} to {MOST_COVER:.0%} of it must be building, of its quarters half the least"
        )
    return tuple(
        Tile(tile_id, tile.city, tile.split, tile.cx, tile.cy, tile.buildings)
        for tile_id, tile in enumerate(plan, start=first_id)
    )


def _tiles_of(city: City) -> Iterator[Tile]:
    """Tiles of one city, not yet numbered."""
    if not city.buildings:
        return
    low = np.array([mesh.vertices[:, :2].min(0) for mesh in city.buildings])
    high = np.array([mesh.vertices[:, :2].max(0) for mesh in city.buildings])
    for cx, cy in _centres(city, low, high):
        centre = np.array([cx, cy])
        near = np.flatnonzero(((high > centre - SURROUNDINGS_M) & (low < centre + SURROUNDINGS_M)).all(1))
        buildings = tuple(city.buildings[i] for i in near)
        if buildings and _built_on_all_sides(buildings, cx, cy, city.least_cover):
            yield Tile(0, city.name, city.split, cx, cy, buildings)


def _centres(city: City, low: np.ndarray, high: np.ndarray) -> Iterator[tuple[float, float]]:
    """Places of the raster with a building about them; low and high are those of the buildings' corners, [N, 2]."""
    if city.stride_m is None:
        yield 0.0, 0.0
        return
    across, down = (
        np.arange(low[:, i].min() + SIDE / 2, high[:, i].max() - SIDE / 2 + 1, city.stride_m) for i in range(2)
    )
    for cy in down:
        near = (high[:, 1] > cy - SURROUNDINGS_M) & (low[:, 1] < cy + SURROUNDINGS_M)
        # What is mapped may lie far apart: of the empty land between, not every place is looked at.
        first = np.searchsorted(across, low[near, 0] - SURROUNDINGS_M)
        last = np.searchsorted(across, high[near, 0] + SURROUNDINGS_M)
        for column in sorted({i for a, b in zip(first, last, strict=True) for i in range(a, b)}):
            yield float(across[column]), float(cy)


def _built_on_all_sides(buildings: Sequence[Mesh], cx: float, cy: float, least_cover: float) -> bool:
    """A tile with an empty quarter hangs off the edge of what is mapped."""
    inside = height_map(buildings, cx, cy) > OUTDOORS_M
    quarters = inside.reshape(2, SIDE // 2, 2, SIDE // 2).mean((1, 3))
    return bool(least_cover <= quarters.mean() <= MOST_COVER and quarters.min() >= least_cover / 2)


def shard_of(plan: Sequence[Tile], shard: str) -> tuple[Tile, ...]:
    """The tiles of one part: '2/8' is the second of eight, which share no tile and together are the plan.

    raises  InputError unless it reads K/N with 1 <= K <= N
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", shard)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"shard is {shard!r}; write it like 2/8, the second of eight parts")
    part, of = int(match[1]), int(match[2])
    return tuple(plan[part - 1 :: of])
