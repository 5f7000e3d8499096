"""A tile -> its transmitters, its radio maps without and with cars, and their noise."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.types import RECEIVER_HEIGHT_M
from radiosem_models.raytrace.cars import place_cars
from radiosem_models.raytrace.heights import OUTDOORS_M, SIDE, height_map
from radiosem_models.raytrace.propagation import Rays, noise_db, north_up, path_gain_db, scale_at, to_grey
from radiosem_models.raytrace.scene import Field, Point, Scene
from radiosem_models.raytrace.tiles import Tile

LOWEST_HZ, HIGHEST_HZ = 1e9, 65.535e9  # where ITU-R P.2040's materials begin, and what a frame can say of a carrier
BORDER = 40  # cells from the border within which no transmitter stands
LEAST_SPOTS = 100  # open cells that a tile must offer to transmitters
HEARD_DB, HEARD_SHARE = -120.0, 0.15  # a transmitter reaches this share of the open ground, or stands in a courtyard


@dataclass(frozen=True)
class TraceSettings:
    """What is traced in every tile.

    transmitters  a tile, at `tx_height_m` above ground, on open ground
    seed          of every draw, together with the tile's place
    cars          parked in a tile, where it has maps with cars
    noise         True to estimate every map's noise, which traces half as many rays again
    raises        InputError on a frequency outside 1..65.535 GHz, a height outside 2..255 m, or counts below one
    """

    frequency_hz: float = 5.9e9
    transmitters: int = 4
    tx_height_m: float = 10.0
    seed: int = 0
    cars: int = 40
    rays: Rays = field(default_factory=Rays)
    noise: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.frequency_hz) and LOWEST_HZ <= self.frequency_hz <= HIGHEST_HZ):
            raise InputError(
                f"frequency_hz is {self.frequency_hz:g}; it must lie in {LOWEST_HZ:g}..{HIGHEST_HZ:g} Hz: the ITU "
                "materials of walls and ground start at 1 GHz"
            )
        if not (math.isfinite(self.tx_height_m) and 2 <= self.tx_height_m <= 255):
            raise InputError(
                f"tx_height_m is {self.tx_height_m}; it must lie in 2..255 metres: receivers stand at "
                f"{RECEIVER_HEIGHT_M} m, and rays between equal heights never cross their plane"
            )
        for name, least in (("transmitters", 1), ("cars", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least {least}")


@dataclass(frozen=True)
class TracedTile:
    """One tile, ready to be written.

    images    path below the folder -> uint8 [SIDE, SIDE], row 0 = north; empty where no transmitter is heard
    antennas  (column, row, height in metres) of every transmitter, row 0 = north
    entry     of dataset.json
    """

    tile_id: int
    images: dict[str, NDArray[np.uint8]]
    antennas: list[tuple[int, int, float]]
    entry: dict[str, object]


def trace_tile(tile: Tile, settings: TraceSettings) -> TracedTile:
    """Trace every transmitter of a tile; the result hangs on the tile's place and the settings alone."""
    rng = tile.random(settings.seed)
    heights = height_map(tile.buildings, tile.cx, tile.cy)
    outdoor = heights <= OUTDOORS_M
    entry: dict[str, object] = {"city": tile.city, "split": tile.split, "cx": tile.cx, "cy": tile.cy}
    spots = np.argwhere(outdoor[BORDER:-BORDER, BORDER:-BORDER]) + BORDER
    if len(spots) < LEAST_SPOTS:
        return TracedTile(tile.tile_id, {}, [], {**entry, "transmitters": 0, "cars": False})

    cars, car_mask = place_cars(outdoor, tile.cx, tile.cy, settings.cars, rng)
    scene = Scene(tile.buildings, tile.cx, tile.cy, settings.frequency_hz)
    tracer = _Tracer(scene, heights, settings, rng)
    spots = spots[rng.permutation(len(spots))[: 3 * settings.transmitters]]
    heard: list[tuple[tuple[int, int, float], Point]] = []
    for row, col in spots:
        height_m = settings.tx_height_m
        place = (float(tile.cx + col + 0.5 - SIDE / 2), float(tile.cy + row + 0.5 - SIDE / 2), height_m)
        if tracer.add("RT", place, only_if_heard=True):
            heard.append(((int(col), int(SIDE - 1 - row), height_m), place))
        if len(heard) == settings.transmitters:
            break
    # Half of the training tiles have maps with cars, all others do.
    with_cars = bool(heard and cars) and (tile.split != "train" or tile.tile_id % 2 == 0)
    if with_cars:
        scene.add_cars(cars)
        for _, place in heard:
            tracer.add("carsRT", place)
    entry |= {"transmitters": len(heard), "cars": with_cars, **({"noise_db": tracer.noise} if settings.noise else {})}
    images = {
        f"gain/{model}/{tile.tile_id}_{k}.png": map_
        for model, maps in tracer.maps.items()
        for k, map_ in enumerate(maps)
    }
    if heard:
        if with_cars:
            images[f"png/cars/{tile.tile_id}.png"] = north_up(car_mask * 255.0)
        images[f"png/heights/{tile.tile_id}.png"] = north_up(np.where(outdoor, 0, np.clip(heights, 0, 255)))
        images[f"png/buildings_complete/{tile.tile_id}.png"] = north_up(~outdoor * 255.0)
    return TracedTile(tile.tile_id, images, [antenna for antenna, _ in heard], entry)


class _Tracer:
    """Maps and noise of one scene, simulation by simulation."""

    def __init__(self, scene: Scene, heights: Field, settings: TraceSettings, rng: np.random.Generator) -> None:
        self._scene, self._heights, self._settings, self._rng = scene, heights, settings, rng
        self._scale = scale_at(settings.frequency_hz)
        self.maps: dict[str, list[NDArray[np.uint8]]] = {}
        self.noise: dict[str, list[float | None]] = {}

    def add(self, model: str, transmitter: Point, only_if_heard: bool = False) -> bool:
        """Trace one transmitter. False, and nothing is kept, when it must be heard and is not."""
        rays, seed = self._settings.rays, int(self._rng.integers(1 << 30))
        db = path_gain_db(self._scene, transmitter, self._heights, rays, seed)
        if only_if_heard and np.mean(db[self._heights <= OUTDOORS_M] > HEARD_DB) < HEARD_SHARE:
            return False
        self.maps.setdefault(model, []).append(to_grey(db, self._scale))
        if self._settings.noise:
            halved = path_gain_db(self._scene, transmitter, self._heights, rays.halved(), seed + 1)
            error_db = noise_db(db, halved)
            self.noise.setdefault(model, []).append(None if error_db is None else round(error_db, 2))
        return True
