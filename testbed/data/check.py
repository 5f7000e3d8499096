"""A data set in RadioMapSeer's layout -> what it holds, and what in it is wrong, file by file."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import MalformedFileError
from radiosem.images import read_png
from radiosem.masks.fingerprints import at_a_metre, fingerprints, redrawn
from radiosem.types import BuildingMap
from radiosem_models.data import MAP_NAME, Dataset
from radiosem_models.description import MalformedDataError, read_antennas
from testbed.scores.leaks import seen_blocks

LEAST_CELLS = 100  # of building: a mask with fewer says nothing when it occurs twice
CANDIDATES = 10  # blocks of another split that are asked whether one of them is what a block shows
Prints = NDArray[np.uint32]
Packed = tuple[bytes, tuple[int, ...]]  # the bits of a mask, and its shape


@dataclass(frozen=True)
class Finding:
    """Something wrong: the file, below the folder of the data set, and what is wrong with it."""

    file: str
    problem: str


@dataclass(frozen=True)
class Report:
    """What a data set holds.

    scale           floor and top in dB, None where dataset.json does not say
    blocks          by split; all of them under `all` where there is no dataset.json
    maps            by split and simulation
    grey            least and largest grey above 0 of the maps of a simulation
    censored_share  grey 0 outdoors, mean over the maps of a simulation
    building_share  mean over the blocks
    noise_db        mean over the maps of a simulation, where dataset.json says so
    """

    data: str
    scale: tuple[float, float] | None
    blocks: dict[str, int]
    maps: dict[str, dict[str, int]]
    sizes: dict[str, int]
    cities: dict[str, int]
    building_share: float
    grey: dict[str, tuple[int, int]]
    censored_share: dict[str, float]
    noise_db: dict[str, float]
    findings: tuple[Finding, ...]


def check_dataset(root: Path, report: Callable[[int, int], None] = lambda done, of: None) -> Report:
    """Read every file of a data set.

    report  called with blocks done and blocks in all
    returns what was found; where dataset.json is unusable that alone, and nothing counted: splits hang on it
    raises  InputError when the folder has no building masks
    """
    try:
        dataset = Dataset(root)
    except MalformedDataError as error:
        findings = (Finding(error.file.name, error.problem),)
        return Report(str(root), None, {}, {}, {}, {}, 0.0, {}, {}, {}, findings)
    return _Check(dataset).run(report)


class _Check:
    """One pass over a data set; what it finds gathers here."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, self.root = dataset, dataset.root
        self.findings: list[Finding] = []
        self.tiles: dict[str, dict[str, Any]] = dataset.about.get("tiles", {})  # type: ignore[assignment]
        self.gains = {
            folder.name: dataset.map_numbers(folder.name) for folder in sorted((self.root / "gain").glob("*/"))
        }
        self.maps: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.sizes: dict[str, int] = defaultdict(int)
        self.grey: dict[str, list[tuple[int, int, float]]] = defaultdict(list)
        self.cover: list[float] = []
        self.masks: dict[Packed, list[str]] = defaultdict(list)

    def run(self, report: Callable[[int, int], None]) -> Report:
        ids = self.dataset.block_ids
        if not ids:
            self._found("png/buildings_complete", "holds no mask")
        for done, block_id in enumerate(ids):
            report(done, len(ids))
            self._block(block_id)
        report(len(ids), len(ids))
        self._strays(set(ids))
        # A block without a mask is of no known size: whether it overlaps with others is not asked.
        self.dataset.block_ids = [block_id for block_id in ids if self._has_mask(block_id)]
        self._leaks()
        splits: dict[str, int] = defaultdict(int)
        cities: dict[str, int] = defaultdict(int)
        for block_id in ids:
            splits[self._split(block_id)] += 1
            cities[str(self.tiles.get(block_id, {}).get("city", "unnamed"))] += 1
        scale = self.dataset.known_scale
        return Report(
            str(self.root),
            (scale.floor_db, scale.top_db) if scale else None,
            dict(splits),
            {split: dict(sorted(models.items())) for split, models in self.maps.items()},
            dict(self.sizes),
            dict(cities),
            float(np.mean(self.cover)) if self.cover else 0.0,
            {model: (min(s[0] for s in seen), max(s[1] for s in seen)) for model, seen in self.grey.items()},
            {model: float(np.mean([s[2] for s in seen])) for model, seen in self.grey.items()},
            self._noise(),
            tuple(self.findings),
        )

    def _found(self, file: str, problem: str) -> None:
        self.findings.append(Finding(file, problem))

    def _split(self, block_id: str) -> str:
        return str(self.tiles.get(block_id, {}).get("split", "all"))

    def _read(self, file: str, shape: tuple[int, ...] | None = None) -> NDArray[np.uint8] | None:
        """An 8-bit grey image of that shape, or None after a finding."""
        try:
            image = read_png(self.root / file)
            if image.ndim != 2 or image.dtype != np.uint8:
                problem = f"is {image.dtype} with shape {image.shape}; it must be 8-bit grey"
            elif shape is not None and image.shape != shape:
                problem = f"has {image.shape[0]} x {image.shape[1]} pixels, its mask {shape[0]} x {shape[1]}"
            else:
                return np.asarray(image, np.uint8)
        except MalformedFileError as error:
            problem = error.problem
        self._found(file, problem)
        return None

    def _mask(self, file: str, shape: tuple[int, ...] | None = None) -> NDArray[np.bool_] | None:
        image = self._read(file, shape)
        if image is None:
            return None
        grey = sorted(set(np.unique(image).tolist()) - {0, 255})
        if grey:
            self._found(file, f"holds the values {', '.join(map(str, grey[:5]))}; a mask holds 0 and 255 alone")
        return np.asarray(image > 127)

    def _block(self, block_id: str) -> None:
        file = f"png/buildings_complete/{block_id}.png"
        buildings = self._mask(file)
        if buildings is None:
            return
        shape = buildings.shape
        self.sizes[f"{shape[0]} x {shape[1]}"] += 1
        self.cover.append(float(buildings.mean()))
        if min(buildings.sum(), (~buildings).sum()) >= LEAST_CELLS:
            self.masks[np.packbits(buildings).tobytes(), shape].append(block_id)
        if self.tiles and block_id not in self.tiles:
            self._found(file, "is not listed in dataset.json")
        self._heights(block_id, buildings)
        cars = f"png/cars/{block_id}.png"
        has_cars = (self.root / cars).is_file()
        if has_cars:
            self._mask(cars, shape)
        transmitters = self._antennas(block_id, buildings)
        for model, files in self.gains.items():
            seen = files.get(block_id, [])
            if transmitters is not None and seen and sorted(seen) != list(range(transmitters)):
                self._numbers(model, block_id, seen, transmitters)
            if seen and model.startswith("cars") and not has_cars:
                self._found(cars, f"is missing, but gain/{model} has maps of this block")
            for k in seen:
                self._map(f"gain/{model}/{block_id}_{k}.png", model, buildings)
                self.maps[self._split(block_id)][model] += 1
        if not any(block_id in files for files in self.gains.values()):
            self._found(file, "has no map in gain/")

    def _numbers(self, model: str, block_id: str, seen: list[int], transmitters: int) -> None:
        for k in sorted(set(range(transmitters)) - set(seen)):
            self._found(f"gain/{model}/{block_id}_{k}.png", "is missing: the antenna file has this transmitter")
        for k in sorted(set(seen) - set(range(transmitters))):
            self._found(f"gain/{model}/{block_id}_{k}.png", f"has no transmitter: the antenna file has {transmitters}")

    def _heights(self, block_id: str, buildings: NDArray[np.bool_]) -> None:
        file = f"png/heights/{block_id}.png"
        if not (self.root / file).is_file():
            return
        heights = self._read(file, buildings.shape)
        if heights is not None and (heights[~buildings] > 0).any():
            self._found(file, f"is not 0 on {int((heights[~buildings] > 0).sum())} cells outside buildings")

    def _antennas(self, block_id: str, buildings: NDArray[np.bool_]) -> int | None:
        """Check the transmitters of a block; their number, None where it is not known."""
        file = f"antenna/{block_id}.json"
        try:
            antennas = read_antennas(self.root / file)
        except MalformedDataError as error:
            self._found(file, error.problem)
            return None
        rows, cols = buildings.shape
        for k, antenna in enumerate(antennas):
            if not (0 <= antenna.col < cols and 0 <= antenna.row < rows):
                self._found(file, f"transmitter {k} at column {antenna.col}, row {antenna.row} is outside the grid")
            elif buildings[antenna.row, antenna.col]:
                self._found(file, f"transmitter {k} at column {antenna.col}, row {antenna.row} is inside a building")
        told = self.tiles.get(block_id, {}).get("transmitters")
        if told is not None and told != len(antennas):
            self._found(file, f"has {len(antennas)} transmitters, dataset.json says {told}")
        return len(antennas)

    def _map(self, file: str, model: str, buildings: NDArray[np.bool_]) -> None:
        grey = self._read(file, buildings.shape)
        if grey is None:
            return
        inside = int((grey[buildings] > 0).sum())
        if inside:
            self._found(file, f"is above 0 on {inside} cells inside buildings")
        known = grey[grey > 0]
        if not known.size:
            self._found(file, "is 0 everywhere")
            return
        outdoors = grey[~buildings]
        censored = float((outdoors == 0).mean()) if outdoors.size else 0.0
        self.grey[model].append((int(known.min()), int(known.max()), censored))

    def _strays(self, block_ids: set[str]) -> None:
        """Files that belong to no mask, and blocks of dataset.json that are not there."""
        for block_id in self.tiles.keys() - block_ids:
            self._found(f"png/buildings_complete/{block_id}.png", "is missing: dataset.json lists the block")
        for model, files in self.gains.items():
            for block_id in sorted(files.keys() - block_ids):
                self._found(f"gain/{model}/{block_id}_{files[block_id][0]}.png", "has no mask")
            for path in sorted((self.root / "gain" / model).glob("[!.]*.png")):
                if not MAP_NAME.fullmatch(path.stem):
                    self._found(
                        f"gain/{model}/{path.name}", "is not named after a block and a transmitter, as 7_0.png is"
                    )
        for folder in ("antenna", "png/heights", "png/cars"):
            for path in sorted((self.root / folder).glob("[!.]*")):
                if path.stem not in block_ids:
                    self._found(f"{folder}/{path.name}", "has no mask")

    def _leaks(self) -> None:
        """Ground that lies in two splits: the same mask, one that shows the same buildings, or tiles that overlap."""
        for same in self.masks.values():
            self._apart(same, "has the same buildings as")
        regions: dict[str, list[str]] = defaultdict(list)
        if any("cx" in tile for tile in self.tiles.values()):
            for block_id in self.dataset.block_ids:
                regions[self.dataset.region(block_id)].append(block_id)
        for region in regions.values():
            self._apart(region, "overlaps, at first or second hand, with")
        self._recognised()

    def _recognised(self) -> None:
        """Blocks that show the buildings of one of another split, wherever the mask begins and however it is turned."""
        splits: dict[str, dict[str, Packed]] = defaultdict(dict)
        for packed, (block_id, *_) in self.masks.items():
            splits[self._split(block_id)][block_id] = packed
        told = {Path(finding.file).stem for finding in self.findings if finding.problem.endswith("a leak")}
        for one, other in combinations(sorted(splits, key=lambda split: -len(splits[split])), 2):
            known = {block_id: fingerprints(self._unpacked(packed)) for block_id, packed in splits[one].items()}
            every = np.unique(np.concatenate(list(known.values())))
            for block_id, packed in splits[other].items():
                mask = self._unpacked(packed)
                if block_id not in told and self._share(mask, every):
                    self._shows(block_id, other, mask, known, one)

    def _shows(self, block_id: str, split: str, mask: BuildingMap, known: dict[str, Prints], other: str) -> None:
        """Find which block of another split a mask shows, if it is one and not many that are built alike."""
        own = np.unique(np.concatenate([fingerprints(walls) for walls in (mask, *redrawn(mask))]))
        nearest = sorted(known, key=lambda other_id: -len(np.intersect1d(own, known[other_id])))[:CANDIDATES]
        share, other_id = max((self._share(mask, known[other_id]), other_id) for other_id in nearest)
        if share:
            self._found(
                f"png/buildings_complete/{block_id}.png",
                f"of split {split} shows {share:.0%} of the buildings of {other_id}.png of split {other}: a leak",
            )

    def _share(self, mask: BuildingMap, known: Prints) -> float:
        """Share of a mask's patches that are known; 0 where the bench would score it as not seen."""
        return seen_blocks({"": mask}, known).get("", 0.0)

    def _unpacked(self, packed: Packed) -> BuildingMap:
        """A mask as leaks are looked for in."""
        bits, shape = packed
        mask = np.unpackbits(np.frombuffer(bits, np.uint8), count=int(np.prod(shape))).reshape(shape) > 0
        return at_a_metre(mask, self.dataset.cell_size_m)

    def _has_mask(self, block_id: str) -> bool:
        try:
            self.dataset.mask(block_id)
        except MalformedFileError:
            return False
        return True

    def _apart(self, blocks: list[str], how: str) -> None:
        first: dict[str, str] = {}
        for block_id in blocks:
            first.setdefault(self._split(block_id), block_id)
        for (split, one), (other_split, other) in combinations(first.items(), 2):
            self._found(
                f"png/buildings_complete/{other}.png",
                f"of split {other_split} {how} {one}.png of split {split}: a leak",
            )

    def _noise(self) -> dict[str, float]:
        seen: dict[str, list[float]] = defaultdict(list)
        for tile in self.tiles.values():
            for model, values in tile.get("noise_db", {}).items():
                seen[model] += [value for value in values if value is not None]
        return {model: round(float(np.mean(values)), 2) for model, values in seen.items() if values}
