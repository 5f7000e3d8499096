"""`radiosem demo`: the committed sample pack -> a table, and a folder of panels with a report."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from testbed.demo import DemoSettings, Rig, choose, run_demo

# Title, key in a row of summary.json, format
COLUMNS = (
    ("map", "id", "{}"),
    ("codec", "codec", "{}"),
    ("payload\nbits", "payload_bits", "{:d}"),
    ("channel\nuses", "channel_uses", "{:d}"),
    ("Es/N0\ndB", "snr_db", "{:g}"),
    ("bit\nerrors", "bit_errors", "{:d}"),
    ("MSE", "mse", "{:.4f}"),
    ("MSE\noutdoor", "mse_outdoor", "{:.4f}"),
    ("RMSE\ndB", "rmse_db", "{:.1f}"),
    ("outage\nIoU", "outage_iou", "{:.2f}"),
    ("coverage\nIoU", "coverage_iou", "{:.2f}"),
)
SHORT = {"demodulate": "demod", "reconstruct": "rebuild"}


def _cell(value: Any, template: str) -> str:
    if value is None:
        return "–"
    return template.format(value.split(":")[0] if template == "{}" else value)


def _stages(stage_ms: dict[str, float]) -> str:
    return ", ".join(f"{stage} {ms:.0f}" for stage, ms in stage_ms.items() if ms >= 0.5)


def table(summary: dict[str, Any]) -> Table:
    """One row a map, and their mean."""
    drawn = Table(title="Radio maps that crossed the air", title_justify="left", show_footer=True, pad_edge=False)
    mean = summary["mean"]
    for title, key, template in COLUMNS:
        whole = template == "{:d}" and mean.get(key) is not None
        footer = "mean" if key == "id" else _cell(mean.get(key), "{:.0f}" if whole else template) if key in mean else ""
        drawn.add_column(title, footer, justify="left" if template == "{}" else "right", no_wrap=True)
    for side in ("edge", "receiver"):
        drawn.add_column(f"{side}\nms", f"{mean[f'{side}_ms']:.0f}", justify="right", no_wrap=True)
    for row in summary["maps"]:
        cells = [_cell(row[key], template) for _, key, template in COLUMNS]
        drawn.add_row(*cells, f"{row['edge_ms']:.0f}", f"{row['receiver_ms']:.0f}")
    return drawn


def stage_table(summary: dict[str, Any]) -> Table:
    """Milliseconds of every stage, the mean over maps."""
    drawn = Table(title="Milliseconds a stage, mean over the maps", title_justify="left", pad_edge=False)
    cells = []
    for side in ("edge", "receiver"):
        stages = [row[f"{side}_stage_ms"] for row in summary["maps"]]
        for stage in stages[0]:
            drawn.add_column(f"{side}\n{stage}", justify="right", no_wrap=True)
            cells.append(f"{sum(times.get(stage, 0.0) for times in stages) / len(stages):.1f}")
    drawn.add_row(*cells)
    return drawn


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the outcome.")] = Path("runs/demo"),
    serve: Annotated[bool, typer.Option("--serve", help="Keep the receiver and its viewer up afterwards.")] = False,
    es_n0_db: Annotated[float, typer.Option(help="Es/N0 of the simulated air, dB.", min=-30, max=60)] = 10.0,
    codec: Annotated[str, typer.Option(help="Mask codec: context (lossless), jpeg or vqvae.")] = "context",
    link: Annotated[str, typer.Option(help="Modulation and code rate, such as qpsk-1/2 or 16qam-1/2.")] = "qpsk-1/2",
    threshold_dbm: Annotated[float, typer.Option(help="Received power below this is outage, dBm.")] = -90.0,
    only: Annotated[
        list[str] | None, typer.Option(help="Id of an observation to send; repeatable. Default: all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, and nothing else.")] = False,
) -> None:
    """Send the sample pack from an edge process to a receiver process, and score what arrives.

    Leaves `summary.json`, a PNG panel a map, `report.html` and both logs in the folder `--out`. The services read
    the environment variables EDGE_TX_* and SERVER_RX_* as always (see `radiosem edge serve --help`).

    Examples: `radiosem demo`, `radiosem demo --es-n0-db 2 --serve`, `radiosem demo --codec vqvae --json`
    """
    settings = DemoSettings(
        out=out, only=tuple(only or ()), es_n0_db=es_n0_db, codec=codec, link=link, threshold_dbm=threshold_dbm
    )
    console = Console(stderr=as_json)
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console)
    maps = len(choose(settings))
    sending = progress.add_task("starting edge and receiver", total=maps)
    drawing = progress.add_task("drawing panels", total=maps)

    def hold(rig: Rig, summary: dict[str, Any]) -> None:
        progress.stop()
        _tell(console, settings, summary, as_json)
        console.print(f"\nThe viewer is at [link={rig.client.url}/]{rig.client.url}/[/link]; Ctrl-C stops it.")
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
        _tell(console, settings, summary, as_json)


def _tell(console: Console, settings: DemoSettings, summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary))
        return
    console.print(table(summary))
    console.print(stage_table(summary))
    console.print(
        "MSE: grey in 0..1 over all pixels, buildings 0; MSE outdoor and RMSE: outdoor pixels whose truth is known,\n"
        f"without the sampled ones; outage: below {settings.threshold_dbm:g} dBm. "
        f"{summary['seconds']:.0f} s in all on {summary['machine']['cores']} cores."
    )
    console.print(
        f"Look at [bold]{settings.out / 'report.html'}[/bold]; figures are in {settings.out / 'summary.json'}."
    )
