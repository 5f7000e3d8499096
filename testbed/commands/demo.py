"""`radiosem demo`: the committed sample pack -> a table, and a folder of panels with a report."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from channel_sim.link import DEFAULT_LINK
from radiosem.readings.section import DEFAULT_READINGS, MAX_READINGS
from radiosem.types import DEFAULT_THRESHOLD_DBM
from testbed.demo.run import DemoSettings, Rig, choose, run_demo
from testbed.extras import require
from testbed.looks.pages import Column, show
from testbed.pack import SAMPLE_PACK

WIDE = 132  # characters that the tables take side by side

MAP: Column = ("map", "id", "")
LINK: tuple[Column, ...] = (
    ("codec", "codec", ""),
    ("payload\nbits", "payload_bits", "{:.0f}"),
    ("channel\nuses", "channel_uses", "{:.0f}"),
    ("Es/N0\ndB", "snr_db", "{:g}"),
    ("bit\nerrors", "bit_errors", "{:.0f}"),
)
SCORES: tuple[Column, ...] = (
    ("MSE", "mse", "{:.4f}"),
    ("MSE\noutdoor", "mse_outdoor", "{:.4f}"),
    ("RMSE\ndB", "rmse_db", "{:.1f}"),
    ("outage\nIoU", "outage_iou", "{:.2f}"),
    ("coverage\nIoU", "coverage_iou", "{:.2f}"),
)
TIMES: tuple[Column, ...] = (("edge\nms", "edge_ms", "{:.0f}"), ("receiver\nms", "receiver_ms", "{:.0f}"))


def _table(title: str, summary: dict[str, Any], columns: tuple[Column, ...]) -> Table:
    """One row a map, and the mean where it means something."""
    drawn = Table(title=title, title_justify="left", show_footer=True, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    mean = {**summary["mean"], "id": "mean"}
    for heading, key, template in (MAP, *columns):
        footer = show(mean[key], template) if key in mean else ""
        drawn.add_column(heading, footer, justify="right" if template else "left", no_wrap=True)
    for row in summary["maps"]:
        drawn.add_row(*(show(row[key], template) for _, key, template in (MAP, *columns)))
    return drawn


def _stages(summary: dict[str, Any], *sides: str) -> Table:
    """Milliseconds of every stage of the given ends, one row a map."""
    drawn = Table(title="Milliseconds a stage", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    drawn.add_column("map", no_wrap=True)
    rows = summary["maps"]
    for side in sides:
        for stage in rows[0][f"{side}_stage_ms"]:
            drawn.add_column(f"{side}\n{stage}", justify="right", no_wrap=True)
    for row in rows:
        times = [row[f"{side}_stage_ms"].get(stage) for side in sides for stage in rows[0][f"{side}_stage_ms"]]
        drawn.add_row(row["id"], *(show(time, "{:.0f}") for time in times))
    return drawn


def tell(console: Console, summary: dict[str, Any], out: Path) -> None:
    """Print what a run found: in two tables where the terminal is wide, in four where it is not."""
    if console.width >= WIDE:
        console.print(_table("Radio maps that crossed the air", summary, LINK + SCORES + TIMES))
        console.print(_stages(summary, "edge", "receiver"))
    else:
        console.print(_table("Over the air", summary, LINK + TIMES))
        console.print(_table("Against the truth", summary, SCORES))
        console.print(_stages(summary, "edge"))
        console.print(_stages(summary, "receiver"))
    for loss in summary["lost"]:
        console.print(f"{loss['id']} did not arrive: {loss['reason']}", style="bold red", highlight=False, markup=False)
    console.print(
        "MSE is of grey in 0..1 over all pixels that were not sampled, buildings 0; MSE outdoor and RMSE are of those "
        f"outdoors whose truth is known; outage is below {summary['settings']['threshold_dbm']:g} dBm. "
        f"{summary['seconds']:.0f} s in all on {summary['machine']['cores']} cores.\n"
    )
    console.print(
        f"Look at [bold]{out / 'report.html'}[/bold]; all figures are in {out / 'summary.json'}.", soft_wrap=True
    )


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the outcome.")] = Path("runs/demo"),
    serve: Annotated[bool, typer.Option("--serve", help="Keep the receiver and its viewer up afterwards.")] = False,
    es_n0_db: Annotated[float, typer.Option(help="Es/N0 of the simulated air, dB.", min=-30, max=60)] = 10.0,
    codec: Annotated[str, typer.Option(help="Mask codec: context (lossless), jpeg, vqvae or bitmap.")] = "context",
    link: Annotated[
        str,
        typer.Option(help="Modulation and code rate, such as 16qam-1/2; or jscc, the learned link, with codec bitmap."),
    ] = DEFAULT_LINK,
    readings: Annotated[
        int, typer.Option(min=0, max=MAX_READINGS, help="Most samples that a frame carries along, which mend the map.")
    ] = DEFAULT_READINGS,
    threshold_dbm: Annotated[
        float, typer.Option(help="Received power below this is outage, dBm.")
    ] = DEFAULT_THRESHOLD_DBM,
    pack: Annotated[
        Path, typer.Option(help="Folder of observations, see `radiosem data pack`.", show_default="the sample pack")
    ] = SAMPLE_PACK,
    only: Annotated[
        list[str] | None, typer.Option(help="Id of an observation to send; repeatable. Default: all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, and nothing else.")] = False,
) -> None:
    """Send a pack of observations from an edge process to a receiver process, and score what arrives.

    Leaves `summary.json`, a PNG panel a map, `report.html` and both logs in the folder `--out`. The services read
    the environment variables EDGE_TX_* and SERVER_RX_* as always (see `radiosem edge serve --help`). Exit code 1 says
    that a map did not arrive, and the table says why.

    Examples: `radiosem demo`, `radiosem demo --es-n0-db 2 --serve`, `radiosem demo --codec vqvae --readings 0 --json`
    """
    require("the demo", "demo", "matplotlib", "fastapi", "sqlalchemy", "uvicorn")
    settings = DemoSettings(
        out=out,
        pack=pack,
        only=tuple(only or ()),
        es_n0_db=es_n0_db,
        codec=codec,
        link=link,
        readings=readings,
        threshold_dbm=threshold_dbm,
    )
    console = Console(stderr=as_json)
    if not console.is_terminal:
        console = Console(stderr=as_json, width=160)  # a file has room
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console)
    maps = len(choose(settings))
    sending = progress.add_task("starting edge and receiver", total=maps)
    drawing = progress.add_task("drawing panels", total=maps)

    def print_out(summary: dict[str, Any]) -> None:
        if as_json:
            typer.echo(json.dumps(summary))
        else:
            tell(console, summary, out)

    def hold(rig: Rig, summary: dict[str, Any]) -> None:
        progress.stop()
        print_out(summary)
        console.print(
            f"\nThe viewer is at {rig.client.url}/, the edge takes observations (radiosem send) at {rig.edge_address}. "
            "Ctrl-C stops both.",
            soft_wrap=True,
        )
        try:
            rig.receiver.wait()
        except KeyboardInterrupt:
            console.print("stopping")

    with progress:
        summary = run_demo(
            settings,
            lambda entry: progress.update(sending, advance=1, description=f"sent {entry.id}"),
            lambda entry: progress.update(drawing, advance=1),
            hold if serve else None,
        )
    if not serve:
        print_out(summary)
    if summary["lost"]:
        raise typer.Exit(1)
