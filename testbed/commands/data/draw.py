"""`radiosem data samples`, `pack`, `join`, `split`: data sets -> what is sent, one of several, who trains on what."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from testbed.extras import require


def samples(
    data: Annotated[Path, typer.Argument(help="Data set folder in the layout of RadioMapSeer.")],
    out: Annotated[Path, typer.Argument(help="Folder of the files; of the same names, they are replaced.")],
    count: Annotated[
        int, typer.Option(min=1, help="Outdoor cells read for a map; the floor where none is heard.")
    ] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of the places and of the noise.")] = 0,
    split: Annotated[str, typer.Option(help="train, val, test, or all.")] = "all",
    gain: Annotated[str, typer.Option(help="Simulation, a folder below gain/: RT, carsRT, DPM, ...")] = "RT",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Read a data set's maps at random outdoor places, with 1 dB of noise, as `radiosem send` takes them.

    Every map becomes a folder `BLOCK_TRANSMITTER` with samples.csv, transmitters.json and, where cars took part,
    cars.png. What is drawn for a map hangs on the seed and the map alone.

    Example: `radiosem data samples ~/RadioMapSeer runs/samples --count 300 --seed 7 --gain DPM`
    """
    from testbed.data.samples import write_observations  # reads with OpenCV, which --help does without

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("maps")
        written = write_observations(
            data, out, count, seed, split, gain, lambda done, of: progress.update(bar, completed=done, total=of)
        )
    if as_json:
        by_map = {name: one._asdict() for name, one in written.items()}
        typer.echo(json.dumps({"folder": str(out), "maps": len(written), "samples": by_map}))
        return
    total, heard = (sum(column) for column in list(zip(*written.values(), strict=True))[:2])
    floors = ", ".join(f"{floor:g}" for floor in sorted({one.floor_dbm for one in written.values()}))
    typer.echo(
        f"{out}: {len(written)} maps, {total} samples, {heard} of which heard something; the others hold the floor, "
        f"{floors} dBm: name it by --floor-dbm as you send them"
    )


def pack(
    data: Annotated[
        Path,
        typer.Option(help="Ray-traced data set in the layout of RadioMapSeer, with heights.", envvar="RADIOSEM_DATA"),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the pack.")] = Path("testbed/sample_pack"),
    split: Annotated[
        str | None,
        typer.Option(help="Every static map of train, val, test or all, not the demo's ten.", show_default=False),
    ] = None,
) -> None:
    """Make a pack of observations: the one that the demo sends, again, or one of every map of a split.

    Example: `radiosem data pack --data ~/raytraced --out testbed/sample_pack`

    Example: `radiosem data pack --data ~/raytraced --split val --out runs/val` for `radiosem demo --pack runs/val`
    """
    require("drawing landscapes", "demo", "scipy")
    from radiosem_models.rendering.landscape import landscape_image  # only this command draws landscapes
    from testbed.data.pack import CHOICES, every_map, make_pack

    typer.echo(make_pack(data, out, landscape_image, CHOICES if split is None else every_map(data, split)))


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

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("files")
        blocks = join_datasets(
            out, data, lambda done, of: progress.update(bar, completed=done, total=of), train_on or ()
        )
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
