"""A plan and a folder -> the tiles of the plan in the folder: one after the other here, or all over a Ray cluster."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from radiosem.types import RECEIVER_HEIGHT_M
from radiosem_models.raytrace.cities import City
from radiosem_models.raytrace.folder import MapFolder
from radiosem_models.raytrace.propagation import scale_at
from radiosem_models.raytrace.tiles import Tile
from radiosem_models.raytrace.tracer import SIMULATOR, ray_tracer
from radiosem_models.raytrace.tracing import TracedTile, TraceSettings, trace_tile

Trace = Callable[[Tile], TracedTile]
Spread = Callable[[Sequence[Tile], Trace], Iterable[TracedTile]]


@dataclass(frozen=True)
class Outcome:
    """Tiles of the plan: in all, traced now, and found done.

    unheard  of those traced: they have no transmitter that is heard, hence no maps
    maps     written now
    """

    tiles: int
    traced: int
    found_done: int
    unheard: int
    maps: int
    finished: bool
    elapsed_s: float


def run(
    plan: Sequence[Tile],
    folder: MapFolder,
    trace: Trace,
    spread: Spread,
    budget_s: float = float("inf"),
    report: Callable[[int, int], None] = lambda done, of: None,
) -> Outcome:
    """Trace what is not yet done, tile by tile; stopped at any moment it goes on when it is called again.

    trace     a tile -> its maps
    spread    who traces: `in_turn` or `over_ray`
    budget_s  no tile is begun after this many seconds
    report    called with tiles done and tiles in all
    """
    began = time.monotonic()
    todo = [tile for tile in plan if not folder.is_done(tile.tile_id)]
    found_done, traced, unheard, maps = len(plan) - len(todo), 0, 0, 0
    report(found_done, len(plan))
    folder.write_index()
    if time.monotonic() - began < budget_s:
        for result in spread(todo, trace):
            folder.write(result)
            traced += 1
            unheard += not result.antennas
            maps += sum(path.startswith("gain/") for path in result.images)
            report(found_done + traced, len(plan))
            if time.monotonic() - began >= budget_s:
                break
    finished = traced == len(todo)
    return Outcome(len(plan), traced, found_done, unheard, maps, finished, round(time.monotonic() - began, 1))


def open_folder(root: Path, settings: TraceSettings, cities: Sequence[City], first_id: int) -> MapFolder:
    """The folder these settings fill. raises InputError when it holds maps of another tool or of another frequency."""
    scale = scale_at(settings.frequency_hz)
    about = {
        "simulator": SIMULATOR,
        "frequency_hz": settings.frequency_hz,
        "rx_height_m": RECEIVER_HEIGHT_M,
        "floor_db": scale.floor_db,
        "top_db": scale.top_db,
        "cell_size_m": 1.0,
    }
    sources = {json.dumps(city.source, sort_keys=True): city for city in cities}
    described = {
        "sources": [{**city.source, "split": city.split, "stride_m": city.stride_m} for city in sources.values()],
        "geometry": "; ".join(sorted({city.attribution for city in cities})),
        "first_id": first_id,
        **{key: value for key, value in dataclasses.asdict(settings).items() if key not in ("frequency_hz", "noise")},
    }
    return MapFolder(root, about, described)


def tracer_of(settings: TraceSettings) -> Trace:
    """`trace_tile` with its settings, as `run` wants it."""
    return partial(trace_tile, settings=settings)


def in_turn(tiles: Sequence[Tile], trace: Trace) -> Iterator[TracedTile]:
    """One tile after the other in this process; the tracer itself uses every core."""
    return map(trace, tiles)


def over_ray(tiles: Sequence[Tile], trace: Trace) -> Iterator[TracedTile]:
    """A task a tile on the Ray cluster of RAY_ADDRESS, or on one started here, each on one core.

    The tiles come back in whatever order they are done, so that only this process writes files.
    """
    import ray

    ray.init(ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    task = ray.remote(num_cpus=1)(_on_one_core)
    waiting = list(reversed(tiles))
    pending: list[Any] = []
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    try:
        while waiting or pending:
            while waiting and len(pending) < 2 * cores:  # enough to keep every core busy, few enough to hold
                pending.append(task.remote(waiting.pop(), trace))
            ready, pending = ray.wait(pending)
            yield from ray.get(ready)
    finally:
        ray.shutdown()


def _on_one_core(tile: Tile, trace: Trace) -> TracedTile:
    ray_tracer()[2].set_thread_count(1)
    return trace(tile)
