"""`radiosem data check`: a data set -> what it holds and what is wrong in it."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radiosem.errors import InputError
from testbed.commands.shown import bar
from testbed.extras import require

if TYPE_CHECKING:
    from testbed.data.check import Report

SHOWN = 20  # findings printed one by one


def check(
    data: Annotated[Path, typer.Argument(help="Data set folder in the layout of RadioMapSeer.")],
    preview: Annotated[
        Path | None, typer.Option(help="PNG to draw: masks, transmitters and maps of every city. Needs matplotlib.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Look a data set over: counts, sizes, ranges, missing files, and ground that lies in two splits.

    Every finding names its file. The exit code is 1 when there is one. Leaks are found where two splits hold the same
    mask or the same buildings, shifted, turned or mirrored, or, by the places in dataset.json, tiles that overlap.

    Example: `radiosem data check ~/RadioMapSeer --preview sheet.png`
    """
    from testbed.data.check import check_dataset  # reads with OpenCV, which --help does without

    if preview is not None:
        if preview.suffix.lower() != ".png" or not preview.absolute().parent.is_dir():
            raise InputError(f"preview is {str(preview)!r}; give a .png in a folder that is there")
        require("the preview", "demo", "matplotlib")
    with bar("blocks") as move:
        report = check_dataset(data, move)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report)))
    else:
        _show(report)
    if preview is not None:
        from testbed.data.contact_sheet import draw_contact_sheet

        try:
            draw_contact_sheet(data, preview)
            typer.echo(f"preview: {preview}", err=as_json)
        except InputError as error:
            if not report.findings:
                raise
            typer.echo(f"no preview: {error}", err=True)
    if report.findings:
        raise typer.Exit(1)


def _show(report: "Report") -> None:
    scale = (
        "grey whose dB are not known"
        if report.scale is None
        else "grey 0 = {:g} dB, 255 = {:g} dB".format(*report.scale)
    )
    typer.echo(f"{report.data}: {scale}; blocks of {', '.join(report.sizes) or 'no size'} pixels")
    typer.echo(
        f"  buildings cover {report.building_share:.0%}; {len(report.cities)} cities: {_counts(report.cities, 8)}"
    )
    for split, blocks in report.blocks.items():
        typer.echo(f"  {split:>5}  {blocks} blocks, maps: {_counts(report.maps.get(split, {})) or 'none'}")
    for model, (low, high) in report.grey.items():
        noise = f", noise {report.noise_db[model]:.2f} dB" if model in report.noise_db else ""
        typer.echo(
            f"  {model}: grey {low} to {high}, {report.censored_share[model]:.0%} of the outdoor cells censored{noise}"
        )
    for finding in report.findings[:SHOWN]:
        typer.echo(f"WRONG  {finding.file} {finding.problem}")
    if len(report.findings) > SHOWN:
        typer.echo(f"and {len(report.findings) - SHOWN} more; --json lists them all")
    typer.echo(f"{len(report.findings)} findings" if report.findings else "nothing wrong")


def _counts(counts: dict[str, int], most: int = 99) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:most]]
    return ", ".join(shown + ["..."] * (len(counts) > most))
