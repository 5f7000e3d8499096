"""A folder in RadioMapSeer's layout -> radio maps with their blocks, split by city.

png/buildings_complete/ID.png   255 inside buildings          png/heights/ID.png   metres (optional)
png/cars/ID.png                 255 on cars (optional)        antenna/ID.json      [[col, row(, height_m)], ...]
gain/MODEL/ID_TX.png            8-bit grey path gain, 0 inside buildings and at or below the floor
dataset.json                    scale, and split and place of every block (optional: then only the split "all" exists)
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.images import read_grey
from radiosem.masks.fingerprints import at_a_metre
from radiosem.scale import RADIOMAPSEER, Scale
from radiosem.types import BuildingMap, CarMap, Grid, Transmitter
from radiosem_models.description import MalformedDataError, read_about, read_antennas

MAP_NAME = re.compile(r"(.+)_(0|[1-9][0-9]*)")  # block and transmitter


def _sized_as(buildings: BuildingMap, image: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    """An image of a block's ground. Raises MalformedDataError when its sides are not the mask's."""
    if image.shape != buildings.shape:
        sizes = (f"{shape[0]} rows and {shape[1]} columns" for shape in (image.shape, buildings.shape))
        raise MalformedDataError(path, "has {}; the mask of its block has {}".format(*sizes))
    return image


@dataclass(frozen=True)
class Block:
    """One city block: its mask, its heights (None where unknown), its cars (None where none were simulated)."""

    block_id: str
    city: str
    buildings: BuildingMap
    heights_m: NDArray[np.uint8] | None
    cars: CarMap | None


@dataclass(frozen=True)
class MapKey:
    """Names one radio map of a data set: the block, the transmitter, the simulation (`RT`, `carsRT`, ...)."""

    block_id: str
    transmitter: int
    model: str

    @property
    def name(self) -> str:
        """BLOCK_TRANSMITTER, as files of the map are called."""
        return f"{self.block_id}_{self.transmitter}"

    @property
    def dynamic(self) -> bool:
        """True when cars took part in the simulation."""
        return self.model.startswith("cars")


class Dataset:
    """A folder in RadioMapSeer's layout.

    root    the folder
    raises  InputError when the folder has no building masks, or on asking for a split that it does not define;
            MalformedDataError, which is one, when its dataset.json is unusable
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        masks = self.root / "png" / "buildings_complete"
        if not self.root.is_dir():
            raise InputError(f"data is {str(self.root)!r}, which is no folder; give one in RadioMapSeer's layout")
        if not masks.is_dir():
            if (self.root / "pack.json").is_file():
                raise InputError(f"data is {str(self.root)!r}, a pack of observations; give a data set")
            raise InputError(f"data folder {self.root} has no png/buildings_complete; expected RadioMapSeer's layout")
        path = self.root / "dataset.json"
        self.about: dict[str, object] = read_about(path) if path.is_file() else {}
        self._tiles: dict[str, dict[str, object]] = self.about.get("tiles", {})  # type: ignore[assignment]
        self._masks: dict[str, BuildingMap] = {}
        self._blocks: dict[str, Block] = {}
        self._antennas: dict[str, list[Transmitter]] = {}
        self.block_ids = sorted((p.stem for p in masks.glob("*.png")), key=lambda s: (len(s), s))

    @property
    def name(self) -> str:
        """What dataset.json calls it, else the folder's name, however that was written."""
        return str(self.about.get("name") or self.root.resolve().name)

    @cached_property
    def known_scale(self) -> Scale | None:
        """Grey to dB: as dataset.json says, None where it does not; without the file RadioMapSeer's."""
        if "floor_db" in self.about:
            return Scale("raytraced", float(self.about["floor_db"]), float(self.about["top_db"]))  # type: ignore[arg-type]
        return None if self.about else RADIOMAPSEER

    @property
    def scale(self) -> Scale:
        """`known_scale`, for those who cannot do without. Raises InputError where it is unknown."""
        if self.known_scale is None:
            raise InputError(f"{self.root / 'dataset.json'} names no floor_db and top_db; this needs grey in dB")
        return self.known_scale

    @property
    def cell_size_m(self) -> float:
        """Metres a pixel, 1 where dataset.json does not say."""
        return float(self.about.get("cell_size_m", 1.0))  # type: ignore[arg-type]

    def grid(self, block_id: str) -> Grid:
        """The grid of a block. Raises InputError when its sides or cells are not such as maps are made of."""
        rows, cols = self.block(block_id).buildings.shape
        return Grid(rows, cols, self.cell_size_m)

    def blocks_in(self, split: str) -> list[str]:
        """Ids of the blocks of a split: train, val, test or all."""
        if split == "all":
            return self.block_ids
        found = [b for b in self.block_ids if self._tiles.get(b, {}).get("split") == split]
        if not found:
            raise InputError(f"split is {split!r}, of which {self.root} has no block; without dataset.json use 'all'")
        return found

    def split_of(self, block_id: str) -> str:
        """The split of a block; all where dataset.json names none."""
        return str(self._tiles.get(block_id, {}).get("split", "all"))

    def keys(self, split: str, models: tuple[str, ...]) -> list[MapKey]:
        """Every radio map of a split under the given simulations, in a stable order."""
        wanted = self.blocks_in(split)
        out: list[MapKey] = []
        for model in models:
            numbers = self.map_numbers(model)
            out += [MapKey(b, k, model) for b in wanted for k in numbers.get(b, ())]
        return out

    def some_keys(self, split: str, models: tuple[str, ...], called: str = "gain") -> list[MapKey]:
        """The same; raises InputError, which calls the simulations by that name, where there is none."""
        keys = self.keys(split, models)
        if not keys:
            held = sorted(path.name for path in (self.root / "gain").glob("*/"))
            raise InputError(
                f"{called} is {', '.join(map(repr, models))}, of which split {split!r} of {self.root} has no maps; "
                f"gain/ holds {', '.join(held) or 'nothing'}"
            )
        return keys

    def map_numbers(self, model: str) -> dict[str, list[int]]:
        """Block -> the transmitters, by number, that have a map under a simulation, rising."""
        found: dict[str, list[int]] = {}
        for path in (self.root / "gain" / model).glob("*.png"):
            named = MAP_NAME.fullmatch(path.stem)
            if named:
                found.setdefault(named[1], []).append(int(named[2]))
        return {block_id: sorted(numbers) for block_id, numbers in found.items()}

    def mask(self, block_id: str) -> BuildingMap:
        """Building mask of one block, bool [H, W], read once."""
        if block_id not in self._masks:
            self._masks[block_id] = read_grey(self.root / "png" / "buildings_complete" / f"{block_id}.png") > 127
        return self._masks[block_id]

    def block(self, block_id: str) -> Block:
        """One block, read once."""
        if block_id not in self._blocks:
            png = self.root / "png"
            heights, cars = png / "heights" / f"{block_id}.png", png / "cars" / f"{block_id}.png"
            buildings = self.mask(block_id)
            self._blocks[block_id] = Block(
                block_id,
                str(self._tiles.get(block_id, {}).get("city", block_id)),
                buildings,
                _sized_as(buildings, read_grey(heights), heights) if heights.is_file() else None,
                _sized_as(buildings, read_grey(cars), cars) > 127 if cars.is_file() else None,
            )
        return self._blocks[block_id]

    def masks(self, block_ids: Iterable[str]) -> dict[str, BuildingMap]:
        """Building mask of each of these blocks, by id."""
        return {block_id: self.mask(block_id) for block_id in block_ids}

    def masks_at_a_metre(self, block_ids: Iterable[str]) -> dict[str, BuildingMap]:
        """The same as leaks are looked for in, whatever the size of the cells."""
        return {name: at_a_metre(mask, self.cell_size_m) for name, mask in self.masks(block_ids).items()}

    def transmitter(self, key: MapKey) -> Transmitter:
        """The transmitter of one radio map, at the default power and the data set's frequency.

        raises  MalformedDataError when the block's antenna file is missing, unusable, lacks that transmitter, or has it
                outside the block
        """
        path = self.root / "antenna" / f"{key.block_id}.json"
        if key.block_id not in self._antennas:
            self._antennas[key.block_id] = read_antennas(path)
        antennas = self._antennas[key.block_id]
        if key.transmitter >= len(antennas):
            raise MalformedDataError(
                path,
                f"has {len(antennas)} transmitters, counted from 0, but gain/{key.model} a map of {key.transmitter}",
            )
        antenna, (rows, cols) = antennas[key.transmitter], self.block(key.block_id).buildings.shape
        if not (0 <= antenna.col < cols and 0 <= antenna.row < rows):
            raise MalformedDataError(
                path,
                f"has transmitter {key.transmitter} at column {antenna.col}, row {antenna.row}, outside the grid; "
                f"its block has {cols} columns and {rows} rows",
            )
        return replace(antenna, frequency_hz=float(self.about.get("frequency_hz", 5.9e9)))  # type: ignore[arg-type]

    def grey(self, key: MapKey) -> NDArray[np.uint8]:
        """The radio map as published: uint8 [H, W], 0 inside buildings and where the gain is censored."""
        path = self.root / "gain" / key.model / f"{key.block_id}_{key.transmitter}.png"
        return _sized_as(self.block(key.block_id).buildings, read_grey(path), path)

    def cars(self, key: MapKey) -> CarMap | None:
        """The cars that took part in one radio map, None when it is static."""
        return self.block(key.block_id).cars if key.dynamic else None

    def region(self, block_id: str) -> str:
        """Name of the ground a block lies on: that of any other block with which it overlaps, at first or second hand.

        Places are the centres cx, cy in metres of dataset.json; a block without them lies apart.
        """
        return self._regions[block_id]

    def regions_known(self, split: str) -> bool:
        """True when every block of a split has a place, so that those which share ground are one region."""
        return all("cx" in self._tiles.get(block_id, {}) for block_id in self.blocks_in(split))

    @cached_property
    def _regions(self) -> dict[str, str]:
        regions = {block_id: block_id for block_id in self.block_ids}
        for block_id in self.block_ids:
            for other in self.block_ids:
                merged, name = regions[other], regions[block_id]
                if merged != name and self._overlap(block_id, other):
                    regions = {key: name if region == merged else region for key, region in regions.items()}
        return regions

    def _overlap(self, block_id: str, other: str) -> bool:
        one, two = self._tiles.get(block_id, {}), self._tiles.get(other, {})
        if "cx" not in one or "cx" not in two or one.get("city") != two.get("city"):
            return False
        rows, cols = self.mask(block_id).shape
        east_m, north_m = (abs(float(one[key]) - float(two[key])) for key in ("cx", "cy"))  # type: ignore[arg-type]
        return bool(east_m < cols * self.cell_size_m and north_m < rows * self.cell_size_m)

    def split_hash(self, split: str) -> str:
        """SHA-256 over the masks of a split, so that a score can name what it was taken on."""
        digest = hashlib.sha256()
        for block_id in self.blocks_in(split):
            digest.update(np.packbits(self.mask(block_id)).tobytes())
        return digest.hexdigest()

    def truth_hash(self, keys: Iterable[MapKey]) -> str:
        """SHA-256 over what scores of these maps are judged by: maps and scale, transmitters, regions and cars."""
        digest = hashlib.sha256()
        for key in keys:
            placed = (key, self.transmitter(key), self.region(key.block_id), self.cell_size_m, self.known_scale)
            digest.update(repr(placed).encode() + self.grey(key).tobytes())
            cars = self.cars(key)
            if cars is not None:
                digest.update(np.packbits(cars).tobytes())
        return digest.hexdigest()
