"""`radiosem data raytrace`: cities, extracts, footprints or made-up blocks -> ray-traced radio maps."""

import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from radiosem.errors import InputError
from testbed.extras import require

if TYPE_CHECKING:
    from radiosem_models.raytrace.cities import City

BLOCK_SEEDS = 100_000  # made-up blocks that one seed may have of a kind


def raytrace(
    out: Annotated[Path, typer.Argument(help="Folder of the data set; with several frequencies one below it each.")],
    osm: Annotated[Path | None, typer.Option(help="OpenStreetMap extract: .osm or .osm.pbf.")] = None,
    geojson: Annotated[
        Path | None, typer.Option(help="Footprints: polygons in degrees, with `height` or `building:levels`.")
    ] = None,
    attribution: Annotated[str | None, typer.Option(help="Whose footprints --geojson holds.")] = None,
    procedural: Annotated[
        list[str] | None, typer.Option(help="Made-up blocks: settlement, suburb, perimeter, estate. May be repeated.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=BLOCK_SEEDS, help="Blocks to make up of each kind.")] = 20,
    shipped: Annotated[
        list[str] | None,
        typer.Option(help="City in sionna-rt: florence, etoile, munich, san_francisco. May be repeated."),
    ] = None,
    city: Annotated[str | None, typer.Option(help="Name of the city in --osm or --geojson; else the file's.")] = None,
    split: Annotated[str, typer.Option(help="Split of what is not shipped: train, val or test.")] = "train",
    roof_height: Annotated[float, typer.Option(min=1.1, max=255, help="Metres, where the file says no height.")] = 18.0,
    stride: Annotated[int, typer.Option(min=8, help="Metres between tiles of --osm and --geojson.")] = 128,
    tx: Annotated[int, typer.Option(help="Transmitters a tile.")] = 4,
    tx_height: Annotated[float, typer.Option(help="Metres above ground.")] = 10.0,
    frequency_hz: Annotated[
        list[float] | None, typer.Option(help="Carrier, 1e9 to 65.535e9; 5.9e9 if not given. May be repeated.")
    ] = None,
    noise: Annotated[
        bool, typer.Option(help="Estimate the ray tracer's own scatter on every map, in dB: a third of the time.")
    ] = True,
    first_id: Annotated[int, typer.Option(min=0, help="Number of the first tile, to add to a folder.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of tiles and of all that is drawn in them.")] = 0,
    shard: Annotated[str, typer.Option(help="K/N: trace only the K-th of N parts, on as many machines.")] = "1/1",
    ray: Annotated[
        bool, typer.Option("--ray", help="Spread the tiles over Ray: RAY_ADDRESS, or this machine.")
    ] = False,
    budget_s: Annotated[float, typer.Option(min=0, help="Begin no tile after this many seconds.")] = float("inf"),
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Ray-trace radio maps with Sionna RT into the layout of RadioMapSeer.

    Without a source all four cities in the sionna-rt wheel are traced. Tiles of 256 x 256 m get their numbers, their
    transmitters and their cars from the seed and the place alone, so a run may be killed and called again, or cut into
    shards that write into one folder (or into several that are copied together and finished by a last call).
    The simulation is of flat concrete, and not a measurement. With --no-noise a map takes about six
    seconds of two cores.

    Needs `make install EXTRA=raytrace` and, without CUDA, LLVM 19: `apt-get install -y libllvm19`.

    Example: `radiosem data raytrace ~/maps --osm town.osm.pbf --city town --tx-height 5 --roof-height 8 --shard 1/2`
    """
    require("ray tracing", "raytrace", "scipy", "mapbox_earcut", *(["osmium"] if osm else []))
    from radiosem_models.raytrace.cities.shipped import SHIPPED
    from radiosem_models.raytrace.run import in_turn, open_folder, over_ray, run, tracer_of
    from radiosem_models.raytrace.tiles import plan_tiles, shard_of
    from radiosem_models.raytrace.tracer import ray_tracer
    from radiosem_models.raytrace.tracing import TraceSettings

    if split not in ("train", "val", "test"):
        raise InputError(f"split is {split!r}; it must be train, val or test")
    runs = [
        TraceSettings(hz, transmitters=tx, tx_height_m=tx_height, seed=seed, noise=noise)
        for hz in dict.fromkeys(frequency_hz or [5.9e9])
    ]
    shard_of((), shard)
    if ray:
        require("--ray", "ray", "ray")
    ray_tracer()
    began, outcomes = time.monotonic(), []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        planning = progress.add_task("reading buildings", total=None)
        cities = [
            *_from_files(osm, geojson, attribution, city, split, roof_height, stride),
            *_made_up(procedural or [], count, split, seed),
            *_shipped(shipped or []),
        ] or _shipped(list(SHIPPED))
        plan = plan_tiles(
            cities,
            seed,
            first_id,
            lambda found, name: progress.update(planning, description=f"tiles in {name}", completed=found),
        )
        progress.update(planning, description="tiles", completed=len(plan), total=len(plan))
        for settings in runs:
            root = out if len(runs) == 1 else out / f"{settings.frequency_hz / 1e9:g}GHz"
            bar = progress.add_task(root.name)
            outcome = run(
                shard_of(plan, shard),
                open_folder(root, settings, cities, first_id),
                tracer_of(settings),
                over_ray if ray else in_turn,
                budget_s - (time.monotonic() - began),
                lambda done, of, bar=bar: progress.update(bar, completed=done, total=of),  # type: ignore[misc]
            )
            outcomes.append({"folder": str(root), "frequency_hz": settings.frequency_hz, **dataclasses.asdict(outcome)})
    _show(outcomes, as_json)


def _from_files(
    osm: Path | None,
    geojson: Path | None,
    attribution: str | None,
    name: str | None,
    split: str,
    roof_height_m: float,
    stride_m: int,
) -> "list[City]":
    from radiosem_models.raytrace.cities.geojson import read_geojson
    from radiosem_models.raytrace.cities.openstreetmap import read_osm

    for what, path in (("osm", osm), ("geojson", geojson)):
        if path is not None and not path.is_file():
            raise InputError(f"{what} is {str(path)!r}, which is not a file")
    if osm and geojson:
        raise InputError(f"osm is {str(osm)!r} and geojson is {str(geojson)!r}; give one of them")
    if osm:
        return [read_osm(osm, name or osm.name.split(".")[0], split, roof_height_m, stride_m)]
    if geojson:
        return [read_geojson(geojson, name or geojson.stem, split, roof_height_m, stride_m, attribution)]
    return []


def _made_up(kinds: list[str], count: int, split: str, seed: int) -> "list[City]":
    from radiosem_models.raytrace.cities.imagined import imagined_blocks

    seeds = range(seed * BLOCK_SEEDS, seed * BLOCK_SEEDS + count)
    return [block for kind in dict.fromkeys(kinds) for block in imagined_blocks(kind, seeds, split)]


def _shipped(names: list[str]) -> "list[City]":
    from radiosem_models.raytrace.cities.shipped import read_shipped

    return [read_shipped(name) for name in dict.fromkeys(names)]


def _show(outcomes: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(outcomes))
        return
    for outcome in outcomes:
        state = "finished" if outcome["finished"] else "not finished: run it again to go on"
        typer.echo(
            f"{outcome['folder']}: {outcome['traced']} tiles traced ({outcome['maps']} maps), "
            f"{outcome['found_done']} found done, of {outcome['tiles']}, in {outcome['elapsed_s']:.0f} s; {state}"
        )
        if outcome["unheard"]:
            typer.echo(f"  {outcome['unheard']} of them left no maps: no transmitter in them is heard")
