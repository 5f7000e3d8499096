"""Data set or sample pack -> scenes: what an edge would know of one map, and the truth its outcome is scored by."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_tx.fit import fit
from radiosem.codecs import MaskCodec, as_received
from radiosem.errors import InputError
from radiosem.images import read_grey
from radiosem.inference import Runs
from radiosem.masks.fingerprints import at_a_metre
from radiosem.physics.depth import in_sight
from radiosem.readings.choose import choose_readings
from radiosem.rebuild import Rebuilt, rehearse
from radiosem.scale import Scale
from radiosem.types import BuildingMap, CarMap, Grid, PathLoss, Samples, Semantics, Transmitter
from radiosem_models.data import Dataset, MapKey
from testbed.bench.conventions import independence
from testbed.data.samples import NOISE_DB, READINGS_A_TRANSMITTER, draw_samples
from testbed.pack import PackEntry, heard_dbm, meter_floor_dbm, open_pack
from testbed.scores.leaks import refuse_seen, seen_by_any, selected_blocks

Item = TypeVar("Item")


@dataclass(frozen=True)
class Scene:
    """One map to send.

    id           of the map in its data set
    region       ground the map lies on; maps of one region are no independent evidence
    truth_grey   float32 [H, W] in [0, 1] on `scale`, 0 in buildings and where censored
    power_dbm    power that gains are seen from: the strongest transmitter's
    """

    id: str
    region: str
    grid: Grid
    scale: Scale
    transmitters: tuple[Transmitter, ...]
    buildings: BuildingMap
    cars: CarMap | None
    samples: Samples
    truth_grey: NDArray[np.float32]

    @property
    def power_dbm(self) -> float:
        return max(transmitter.power_dbm for transmitter in self.transmitters)

    @cached_property
    def _floor_dbm(self) -> float:
        return meter_floor_dbm(self.scale, self.transmitters)

    @cached_property
    def _laws(self) -> tuple[PathLoss, ...]:
        return fit(self.samples, self.transmitters, self.grid, self.buildings, self._floor_dbm)[0]

    def rehearse(self, generator: Runs, codec: MaskCodec) -> tuple[Rebuilt, ...]:
        """What a receiver with that generator will rebuild of each transmitter, the mask sent by that codec."""
        received = as_received(self.buildings, codec, self.transmitters)
        return rehearse(generator, received, self.cars, self.transmitters, self._laws, self.grid)

    def semantics(self, readings: int, rehearsed: Sequence[Rebuilt] | None = None) -> Semantics:
        """What the edge sends: the true masks, laws fitted from the samples, and at most so many of these.

        rehearsed  what the receiver will rebuild of each transmitter; None where the edge does not know
        """
        chosen = choose_readings(self.samples, self.transmitters, self.grid, readings, self._floor_dbm, rehearsed)
        return Semantics(self.grid, self.transmitters, self._laws, self.buildings, self.cars, chosen)

    @cached_property
    def in_sight(self) -> NDArray[np.bool_]:
        """Where a transmitter is in sight, bool [H, W]."""
        return in_sight(self.buildings, self.transmitters)

    @cached_property
    def sampled(self) -> NDArray[np.bool_]:
        """Cells that were read: their power is known, so no score counts them. bool [H, W]"""
        return self.samples.cells(self.grid.shape)


class Source(ABC):
    """Where scenes come from; small, so that it can be handed to other processes.

    allow_seen  take scenes too whose buildings a network saw in training, recognised by fingerprints of the masks
    """

    allow_seen: bool

    @abstractmethod
    def ids(self) -> tuple[str, ...]:
        """Ids of the scenes, in a stable order."""

    @abstractmethod
    def regions(self) -> dict[str, str]:
        """Region of each scene, by id."""

    @abstractmethod
    def scene(self, scene_id: str) -> Scene:
        """Read one scene."""

    @abstractmethod
    def about(self) -> dict[str, object]:
        """What an audit says of the data: name, split, hash, scale."""

    @abstractmethod
    def _blocks(self) -> list[str]:
        """The block of each scene."""

    @abstractmethod
    def _masks(self) -> dict[str, BuildingMap]:
        """Mask of every block, at a metre a pixel."""

    def refuse_seen(self, networks: Sequence[str]) -> None:
        """Raise InputError when one of these networks was trained on buildings of the scenes, or does not say on which.

        Never where seen scenes are allowed.
        """
        if not self.allow_seen:
            refuse_seen(networks, self._masks())

    def seen_maps(self, networks: Sequence[str]) -> int:
        """Of how many scenes some network saw the buildings in training; of all where one does not say what it saw.

        0 where seen scenes are refused: then there are none.
        """
        if not self.allow_seen:
            return 0
        seen = seen_by_any(networks, self._masks())
        return sum(block_id in seen for block_id in self._blocks())

    def selected_maps(self, networks: Sequence[str]) -> int:
        """Of how many scenes the buildings are of the validation by which some network's weights were selected.

        Networks that do not say by what they were selected are passed over.
        """
        masks = self._masks()
        selected = {block_id for name in networks for block_id in selected_blocks(name, masks) or ()}
        return sum(block_id in selected for block_id in self._blocks())


@dataclass(frozen=True)
class DataSource(Source):
    """Maps of a folder in RadioMapSeer's layout.

    gain        simulation, a folder below gain/; its cars are sent where its name begins with cars
    split       train, val, test, or all
    maps        how many, taken evenly over the split; 0 takes all
    allow_seen  take maps too whose buildings a network saw in training
    seed        of the samples: readings at 300 outdoor cells a map, or at half of them where there are fewer than
                600, with 1 dB of noise, the floor where none is heard
    raises      InputError, as it is asked for scenes, on a folder, split or gain without maps, or of unknown scale
    """

    data: Path
    gain: str = "RT"
    split: str = "test"
    maps: int = 0
    seed: int = 0
    allow_seen: bool = False

    @cached_property
    def _dataset(self) -> Dataset:
        return Dataset(self.data)

    @cached_property
    def _keys(self) -> dict[str, MapKey]:
        keys = self._dataset.some_keys(self.split, (self.gain,))
        if self.maps < 0 or self.maps > len(keys):
            raise InputError(f"maps is {self.maps}; split {self.split!r} has {len(keys)}, and 0 takes all")
        return {key.name: key for key in _evenly(keys, self.maps)}

    def ids(self) -> tuple[str, ...]:
        """BLOCK_TRANSMITTER of each map."""
        return tuple(self._keys)

    def regions(self) -> dict[str, str]:
        """Blocks that overlap share a region."""
        return {scene_id: self._dataset.region(key.block_id) for scene_id, key in self._keys.items()}

    def scene(self, scene_id: str) -> Scene:
        """Read one map and draw its samples."""
        dataset, key = self._dataset, self._keys[scene_id]
        buildings, transmitter = dataset.block(key.block_id).buildings, dataset.transmitter(key)
        grey = np.where(buildings, 0, dataset.grey(key)) / np.float32(255)
        floor_dbm = meter_floor_dbm(dataset.scale, [transmitter])
        count = min(READINGS_A_TRANSMITTER, int((~buildings).sum()) // 2)  # as many are left to be scored
        return Scene(
            scene_id,
            dataset.region(key.block_id),
            dataset.grid(key.block_id),
            dataset.scale,
            (transmitter,),
            buildings,
            dataset.cars(key),
            draw_samples(
                [heard_dbm(dataset.scale, grey, transmitter)], buildings, floor_dbm, seed_of(self.seed, scene_id), count
            ),
            grey.astype(np.float32),
        )

    def _blocks(self) -> list[str]:
        return [key.block_id for key in self._keys.values()]

    def _masks(self) -> dict[str, BuildingMap]:
        return self._dataset.masks_at_a_metre(dict.fromkeys(self._blocks()))

    def about(self) -> dict[str, object]:
        """Name, split and its SHA-256 over the masks, that over the truths, simulation, scale and samples."""
        scale = self._dataset.scale
        return {
            "data": Path(self.data).resolve().name,
            "split": self.split,
            "split_sha256": self._dataset.split_hash(self.split),
            "truth_sha256": self._dataset.truth_hash(self._keys.values()),
            "gain": self.gain,
            "scale": {"floor_db": scale.floor_db, "top_db": scale.top_db},
            "seen_maps_allowed": self.allow_seen,
            "independence": independence(self._dataset.regions_known(self.split)),
            "law": f"readings at {READINGS_A_TRANSMITTER} outdoor cells, {NOISE_DB:g} dB of noise, seed {self.seed}",
        }


@dataclass(frozen=True)
class PackSource(Source):
    """The observations of a sample pack with their committed samples and true masks.

    folder      of the pack
    maps        how many, evenly over the pack; 0 takes all
    allow_seen  take them too where a network saw their buildings in training
    """

    folder: Path
    maps: int = 0
    allow_seen: bool = False

    @cached_property
    def _entries(self) -> dict[str, PackEntry]:
        entries = open_pack(self.folder)
        if self.maps < 0 or self.maps > len(entries):
            raise InputError(f"maps is {self.maps}; the pack has {len(entries)}, and 0 takes all")
        return {entry.id: entry for entry in _evenly(entries, self.maps)}

    def ids(self) -> tuple[str, ...]:
        """Ids of the observations."""
        return tuple(self._entries)

    def regions(self) -> dict[str, str]:
        """Observations of one block share a region."""
        return {scene_id: str(entry.about["block"]) for scene_id, entry in self._entries.items()}

    def scene(self, scene_id: str) -> Scene:
        """Read one observation with its truth."""
        entry = self._entries[scene_id]
        truth, transmitters = entry.truth(), entry.transmitters()
        cars = None if entry.cars is None else read_grey(entry.cars) > 127
        return Scene(
            scene_id,
            str(entry.about["block"]),
            entry.grid,
            entry.scale,
            transmitters,
            truth.buildings,
            cars,
            entry.samples(),
            entry.truth_grey(truth),
        )

    def _blocks(self) -> list[str]:
        return list(self.regions().values())

    def _masks(self) -> dict[str, BuildingMap]:
        return {
            str(entry.about["block"]): at_a_metre(entry.truth().buildings, entry.grid.cell_size_m)
            for entry in self._entries.values()
        }

    @cached_property
    def _truth_sha256(self) -> str:
        """Over all that an observation is made of, but for its image, which no sender looks at."""
        digest = hashlib.sha256()
        for entry in self._entries.values():
            digest.update(repr(entry.about).encode())
            for path in sorted(path for path in entry.folder.iterdir() if path != entry.image):
                digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def about(self) -> dict[str, object]:
        """Name, SHA-256 over the masks and over the truths, scale, and how the law was fitted."""
        digest = hashlib.sha256()
        for entry in self._entries.values():
            digest.update(np.packbits(entry.truth().buildings).tobytes())
        scale = next(iter(self._entries.values())).scale
        return {
            "data": Path(self.folder).resolve().name,
            "split": "pack",
            "split_sha256": digest.hexdigest(),
            "truth_sha256": self._truth_sha256,
            "gain": "as pack.json says of each observation",
            "scale": {"floor_db": scale.floor_db, "top_db": scale.top_db},
            "seen_maps_allowed": self.allow_seen,
            "independence": "observations of one tile are one block; tiles taken as independent",
            "law": "fitted from the pack's samples",
        }


def _evenly(items: Sequence[Item], count: int) -> list[Item]:
    """So many of them, the first and the last among these; 0 takes all."""
    return [items[i] for i in np.linspace(0, len(items) - 1, count or len(items)).round().astype(int)]


def seed_of(seed: int, *parts: object) -> int:
    """A seed of its own for everything that is drawn, the same in every run and process."""
    text = "/".join(map(str, (seed, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
