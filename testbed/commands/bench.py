"""`radiosem bench`: data set, or the sample pack -> bandwidth against error, and the papers' tables."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from radiosem.errors import InputError
from testbed.extras import require

app = typer.Typer(
    help="Measure bandwidth against error, and print the papers' tables.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Value = TypeVar("Value")
Out = Annotated[Path, typer.Option(help="Folder of the outcome; a run that was stopped goes on there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON, and nothing else.")]


@app.callback()
def _group() -> None:
    pass


def read_list(name: str, text: str, read: Callable[[str], Value], kind: str) -> tuple[Value, ...]:
    """A comma-separated option -> its values; raises InputError naming the option and the value that is not one."""
    values = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            values.append(read(part))
        except ValueError:
            raise InputError(f"{name} has {part!r}; it must be {kind}, separated by commas") from None
    return tuple(values)


def _progress(as_json: bool) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=as_json)


@app.command()
def rate(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option(help="Data set folder in the layout of RadioMapSeer.", envvar="RADIOSEM_DATA")
    ] = None,
    pack: Annotated[bool, typer.Option("--pack", help="Instead of --data: the committed sample pack.")] = False,
    split: Annotated[str, typer.Option(help="Split of --data: train, val, test or all.")] = "test",
    gain: Annotated[str, typer.Option(help="Simulation, a folder below gain/: RT, carsRT, DPM, ...")] = "RT",
    maps: Annotated[int, typer.Option(min=0, help="How many maps, evenly over the split; 0 takes all.")] = 0,
    codecs: Annotated[
        str,
        typer.Option(help="Mask codecs of the semantic frame: context, jpeg, vqvae, bitmap; 'all', or '' for none."),
    ] = "all",
    readings: Annotated[
        str, typer.Option(help="Samples that semantic frames carry along, at most; a frame of each; '' for none.")
    ] = "0,128",
    rehearsed: Annotated[
        str | None,
        typer.Option(
            help="The same, for an edge that rehearses which to send; '' for none. [default: 16,64; of --pack 64]",
            show_default=False,
        ),
    ] = None,
    map_senders: Annotated[
        str,
        typer.Option(help="Ways to send the whole map: raw-map, png-map, jpeg-map, map-...; 'all', or '' for none."),
    ] = "all",
    edge_maps: Annotated[
        bool, typer.Option(help="Also send whole maps that the edge rebuilds itself, not only true ones.")
    ] = True,
    qualities: Annotated[
        str | None,
        typer.Option(help="JPEG qualities, 1..85. [default: 5,10,20,50,85; of --pack 5,20]", show_default=False),
    ] = None,
    scales: Annotated[str, typer.Option(help="JPEG is shrunk by these: 1, 2, 4.")] = "1,2,4",
    es_n0_db: Annotated[
        str | None,
        typer.Option(
            "--snr-db",
            "--es-n0-db",
            help="Es/N0 of the air, dB. [default: -2,0,2 and so on to 20; of --pack 0,5,10,20]",
            show_default=False,
        ),
    ] = None,
    links: Annotated[
        str | None,
        typer.Option(
            help="Names of links, such as qpsk-1/2,16qam-1/2; 'all'. [default: all; of --pack qpsk-1/2,64qam-2/3]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of samples and noise.")] = 0,
    bursts: Annotated[
        int, typer.Option(min=1, max=1000, help="Bursts a map, each with noise of its own: for Es/N0 near a threshold.")
    ] = 1,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Score maps too whose buildings a network saw in training.")
    ] = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes of one thread each; 0 takes every core.")] = 0,
    ray: Annotated[bool, typer.Option("--ray", help="Spread over Ray; RAY_ADDRESS names a cluster.")] = False,
    out: Out = Path("runs/bench/rate"),
    as_json: AsJson = False,
) -> None:
    """Sweep codec, quality, link and noise, and score what arrives.

    Every cell sends the actual frame as actual symbols through noise and rebuilds the map as the receiver does.
    Leaves `rows.csv`, `summary.json`, figures and `report.html` in `--out`. Stop it at any time: the same command
    goes on.

    `--pack` takes about two minutes on two cores, `--data` one to two minutes a map and core with every default: 112
    senders over 8 links at 12 Es/N0. Time grows with each of these numbers and with the maps; `--links qpsk-1/2` alone
    takes about an eighth of it.

    Example: `radiosem bench rate --data ~/raytraced --codecs context,jpeg --snr-db -2,4,10 --links qpsk-1/2 --maps 4`
    """
    require("the bench", "demo", "matplotlib", "scipy", "fastapi")
    from channel_sim.link import link_names
    from radiosem.codecs import codec_names
    from testbed.bench.rate.map_senders import map_sender_names  # networks and matplotlib load here, not for --help
    from testbed.bench.rate.scenes import DataSource, PackSource, Source
    from testbed.bench.rate.senders import Plan
    from testbed.bench.rate.sweep import RateSettings, run_rate
    from testbed.pack import SAMPLE_PACK

    if not pack and data is None:
        raise InputError("neither --data nor --pack is given; give a data set, or --pack for the sample pack")
    if pack and data is not None and context.get_parameter_source("data") is ParameterSource.COMMANDLINE:
        raise InputError(f"data is {str(data)!r} and --pack is given too; give one of them")
    for name, value in (("split", split), ("gain", gain)):
        if pack and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise InputError(
                f"{name} is {value!r} and --pack is given too; a pack has no {name}: give a data set, or none"
            )
    if rehearsed is None:
        rehearsed = "64" if pack else "16,64"
    if links is None:
        links = "qpsk-1/2,64qam-2/3" if pack else "all"
    if qualities is None:
        qualities = "5,20" if pack else "5,10,20,50,85"
    if es_n0_db is None:
        es_n0_db = "0,5,10,20" if pack else _EVERY_ES_N0_DB
    source: Source = (
        PackSource(SAMPLE_PACK, maps, allow_seen)
        if pack or data is None
        else DataSource(data, gain, split, maps, seed, allow_seen)
    )
    every_sender = tuple(name for name in map_sender_names() if name != "raw-map")  # PNG is as exact, and far shorter
    settings = RateSettings(
        source,
        Plan(
            codec_names() if codecs == "all" else read_list("codecs", codecs, str, "names"),
            every_sender if map_senders == "all" else read_list("map_senders", map_senders, str, "names"),
            read_list("qualities", qualities, int, "whole numbers"),
            read_list("scales", scales, int, "whole numbers"),
            edge_maps,
            read_list("readings", readings, int, "whole numbers"),
            read_list("rehearsed", rehearsed, int, "whole numbers"),
        ),
        link_names() if links == "all" else read_list("links", links, str, "names of links"),
        read_list("snr_db", es_n0_db, float, "numbers of dB"),
        seed,
        bursts,
    )
    with _progress(as_json) as progress:
        bar = progress.add_task("maps", total=None)
        summary = run_rate(
            settings,
            out,
            workers or os.cpu_count() or 1,
            ray,
            lambda done, of: progress.update(bar, completed=done, total=of),
        )
    if as_json:
        typer.echo(json.dumps(summary))
        return
    _tell(summary)
    typer.echo(
        f"\nLook at {out / 'report.html'}; rows are in {out / 'rows.csv'}, all figures in {out / 'summary.json'}."
    )


_EVERY_ES_N0_DB = ",".join(str(value) for value in range(-2, 21, 2))


def _tell(summary: dict[str, Any]) -> None:
    """Print the senders in the reference cell."""
    from testbed.bench.rate.aggregate import at

    chosen = summary["reference"]
    typer.echo(f"{chosen['link']}, Es/N0 = {chosen['es_n0_db']:g} dB, {summary['audit']['maps']} maps")
    typer.echo(f"{'sender':<24}{'bits':>10}{'uses':>10}{'refused':>9}{'degraded':>9}{'MSE':>10}{'RMSE dB':>9}")
    for cell in at(summary["cells"], chosen["es_n0_db"], chosen["link"]):
        bits = "–" if cell["payload_bits"] is None else f"{cell['payload_bits']:,.0f}"
        rmse_db = "–" if cell["rmse_db"] is None else f"{cell['rmse_db']:.1f}"
        typer.echo(
            f"{cell['sender']:<24}{bits:>10}{cell['channel_uses']:>10,.0f}"
            f"{cell['failed_share']:>9.0%}{cell['degraded_share']:>9.0%}{cell['mse']:>10.5f}{rmse_db:>9}"
        )


@app.command()
def tables(
    data: Annotated[Path, typer.Option(help="Data set folder in the layout of RadioMapSeer.", envvar="RADIOSEM_DATA")],
    split: Annotated[str, typer.Option(help="train, val, test; all where there is no dataset.json.")] = "test",
    gain: Annotated[str, typer.Option(help="Simulation without cars, a folder below gain/: RT, DPM, ...")] = "RT",
    dynamic_gain: Annotated[
        str, typer.Option(help="Simulation with cars; its tables stay empty where the data set has none.")
    ] = "carsRT",
    models: Annotated[str, typer.Option(help="Reconstructors, such as cgan,radiounet,kriging; 'all'.")] = "all",
    maps: Annotated[int, typer.Option(min=0, help="Maps of the rate table, evenly over the split; 0 takes all.")] = 0,
    allow_seen: Annotated[
        bool,
        typer.Option("--allow-seen", help="Score maps too whose buildings a network saw in training, and count them."),
    ] = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes of one thread each; 0 takes every core.")] = 0,
    ray: Annotated[bool, typer.Option("--ray", help="Spread over Ray; RAY_ADDRESS names a cluster.")] = False,
    out: Out = Path("runs/bench/tables"),
    as_json: AsJson = False,
) -> None:
    """Print Tables I and II of the main paper and Tables II and IV of RadioDiff, measured here.

    Every reconstructor and sender that runs here has a row, with the paper's figure and the difference in protocol
    beside it. Leaves `tables.md`, `tables.json` and `report.html` in `--out`, and keeps scores there.

    Example: `radiosem bench tables --data ~/raytraced --out runs/bench/tables`
    """
    require("the bench", "demo", "matplotlib", "scipy", "fastapi")
    from testbed.bench.tables.measure import TableSettings, run_tables
    from testbed.bench.tables.report import markdown

    if not models:
        raise InputError("models is ''; give names such as cgan,radiounet, or 'all'")
    chosen = () if models == "all" else read_list("models", models, str, "names")
    settings = TableSettings(data, gain, dynamic_gain, split, chosen, maps, allow_seen)
    with _progress(as_json) as progress:
        bars = {what: progress.add_task(what, total=None) for what in ("scoring", "sending", "timing")}
        summary = run_tables(
            settings,
            out,
            workers or os.cpu_count() or 1,
            ray,
            lambda what, done, of: progress.update(bars[what], completed=done, total=of),
        )
    typer.echo(json.dumps(summary) if as_json else markdown(summary))
