"""A sample pack folder -> observations ready to send, and the truth to score what comes back.

pack.json           scale of the truth, simulator, licence, and one entry an observation
ATTRIBUTION.md      whose geometry it is
ID/landscape.jpg    aerial image, 512 x 512 for a block of 256 x 256 cells
ID/samples.csv      transmitter,col,row,power_dbm
ID/transmitters.json
ID/buildings.png    true building mask, 255 inside
ID/cars.png         255 on cars, where there are some
ID/truth_T.png      8-bit grey path gain of transmitter T, 0 in buildings and at or below the floor
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.images import read_grey
from radiosem.scale import Grey, Scale
from radiosem.scores.metrics import sum_power_dbm
from radiosem.types import BuildingMap, Grid, RadioMap, Samples, Transmitter
from radiosem_proto.v1 import radiosem_pb2 as pb
from testbed.observation import build_observation, read_samples, read_transmitters

SAMPLE_PACK = Path(__file__).parent / "sample_pack"


@dataclass(frozen=True)
class Truth:
    """What the simulator says of one observation.

    buildings  bool [H, W]
    power_dbm  float32 [H, W] received power, the sum of milliwatts over transmitters; NaN in buildings, and the floor
               where censored
    censored   bool [H, W], outdoors and known only to be at most the floor
    """

    buildings: BuildingMap
    power_dbm: RadioMap
    censored: NDArray[np.bool_]


@dataclass(frozen=True)
class PackEntry:
    """One observation of a pack: its folder, what it shows, and how it was drawn."""

    id: str
    title: str
    folder: Path
    scale: Scale
    grid: Grid
    about: dict[str, Any]

    @property
    def image(self) -> Path:
        """The aerial image."""
        return self.folder / "landscape.jpg"

    @property
    def cars(self) -> Path | None:
        """The mask of cars, None where there are none."""
        path = self.folder / "cars.png"
        return path if path.is_file() else None

    def transmitters(self) -> tuple[Transmitter, ...]:
        """Who radiates."""
        return read_transmitters(self.folder / "transmitters.json", self.grid)

    def samples(self) -> Samples:
        """The readings the edge fits its law from."""
        return read_samples(self.folder / "samples.csv", self.grid, len(self.transmitters()))

    def truth(self) -> Truth:
        """The map to compare with."""
        buildings = read_grey(self.folder / "buildings.png") > 127
        powers_dbm = []
        for index, transmitter in enumerate(self.transmitters()):
            grey = read_grey(self.folder / f"truth_{index}.png")
            powers_dbm.append(heard_dbm(self.scale, grey / np.float32(255), transmitter))
        power_dbm = sum_power_dbm(powers_dbm)
        censored = np.isneginf(power_dbm) & ~buildings
        power_dbm[censored] = self.floor_dbm()
        power_dbm[buildings] = np.nan
        return Truth(buildings, power_dbm, censored)

    def truth_grey(self, truth: Truth) -> Grey:
        """Path gain as seen from the strongest transmitter, as grey of `scale`; 0 in buildings and where censored."""
        grey = self.scale.grey(truth.power_dbm - max(transmitter.power_dbm for transmitter in self.transmitters()))
        grey[truth.buildings | truth.censored] = 0
        return grey

    def floor_dbm(self) -> float:
        """Received power at and below which the truth is censored."""
        return meter_floor_dbm(self.scale, self.transmitters())

    def observation(self, observation_id: str, **options: Any) -> pb.Observation:
        """The message that asks an edge to send this observation; `options` as in `build_observation`."""
        folder = self.folder
        files = (self.image, folder / "samples.csv", folder / "transmitters.json", self.cars)
        return build_observation(*files, self.grid, observation_id, self.floor_dbm(), **options)


def meter_floor_dbm(scale: Scale, transmitters: Sequence[Transmitter]) -> float:
    """Power at and below which nothing is heard: the scale's floor under the strongest transmitter, to 0.01 dBm."""
    return round(scale.floor_db + max(transmitter.power_dbm for transmitter in transmitters), 2)


def heard_dbm(scale: Scale, grey: NDArray[Any], transmitter: Transmitter) -> NDArray[np.float32]:
    """Grey [H, W] -> received power of one transmitter, -inf where it is censored."""
    return np.where(grey > 0, scale.gain_db(grey) + np.float32(transmitter.power_dbm), np.float32(-np.inf))


def open_pack(folder: Path = SAMPLE_PACK) -> tuple[PackEntry, ...]:
    """The observations of a pack, in its order.

    raises InputError when the folder holds no readable pack.json
    """
    path = folder / "pack.json"
    try:
        about = json.loads(path.read_text("utf-8"))
        scale = Scale(**about["scale"])
        grid = Grid(**about["grid"])
        if not about["observations"]:
            raise ValueError("it holds no observations")
        return tuple(
            PackEntry(entry["id"], entry["title"], folder / entry["id"], scale, grid, entry)
            for entry in about["observations"]
        )
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; a pack is a folder that holds it") from None
    except KeyError as error:
        raise InputError(f"{path} is not the index of a pack: it has no {error}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is not the index of a pack: {error}") from error
