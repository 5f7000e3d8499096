"""`radiosem data join` and `split`: several data sets -> one, and which of its blocks train, select and test."""

import json
from pathlib import Path
from typing import Annotated

import typer

from testbed.commands.shown import bar


def join(
    out: Annotated[Path, typer.Argument(help="Folder of the joined data set.")],
    data: Annotated[list[Path], typer.Argument(help="Data sets with dataset.json, of one scale and carrier.")],
    train_on: Annotated[
        list[str] | None,
        typer.Option(help="City to keep in the training split, as its tiles name it; may be repeated. Else all are."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was joined as JSON.")] = False,
) -> None:
    """Make one data set of several, for instance of cities traced with transmitters of different heights.

    Files are hard links where the disk allows. Every block keeps its number, its city and its split. With --train-on
    the training split has these cities alone: what more cities bring is measured so.

    Example: `radiosem data join ~/maps/all ~/maps/munich ~/maps/helsinki`
    """
    from testbed.data.join import join_datasets  # reads with OpenCV, which --help does without

    with bar("files") as report:
        blocks = join_datasets(out, data, report, train_on or ())
    if as_json:
        typer.echo(json.dumps({"folder": str(out), "blocks": blocks}))
        return
    typer.echo(f"{out}: {sum(blocks.values())} blocks of {len(blocks)} data sets")


def split(
    data: Annotated[Path, typer.Argument(help="Data set folder in the layout of RadioMapSeer, without dataset.json.")],
    val: Annotated[float, typer.Option(help="Share of the blocks that select weights.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share of the blocks that are only ever scored.")] = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the blocks by split as JSON.")] = False,
) -> None:
    """Split a data set's blocks into train, val and test, which training asks for: writes dataset.json into it.

    Each block is taken as a city of its own, as the papers do with RadioMapSeer. Its scale, -147 to -47.84 dB, is
    written too; put yours in its place where it differs. Keys that may be added by hand: frequency_hz, cell_size_m,
    and of each tile its city and its centre cx, cy in metres, by which overlaps are found.

    Example: `radiosem data split ~/RadioMapSeer --val 0.15 --test 0.15 --seed 0`
    """
    from testbed.data.split import split_dataset  # reads with OpenCV, which --help does without

    counts = split_dataset(data, val, test, seed)
    if as_json:
        typer.echo(json.dumps(counts))
    else:
        typer.echo(f"{data / 'dataset.json'}: {', '.join(f'{count} {name}' for name, count in sorted(counts.items()))}")
