"""`radiosem data samples` and `pack`: data set -> what an edge would be given to send."""

import json
from pathlib import Path
from typing import Annotated

import typer

from testbed.commands.shown import bar
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

    with bar("maps") as report:
        written = write_observations(data, out, count, seed, split, gain, report)
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
