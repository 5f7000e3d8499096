"""`radiosem segment`: an aerial image -> the building mask that the edge would send; images with masks -> scores."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from radiosem.errors import InputError
from testbed.commands.shown import bar, show_scores

app = typer.Typer(
    help="See what the edge takes for buildings, and score it.", no_args_is_help=True, rich_markup_mode="markdown"
)


@app.command("draw")
def draw(
    image: Annotated[Path, typer.Argument(help="Aerial image, PNG or JPEG, north up; the block fills it.")],
    out: Annotated[Path, typer.Option(help="PNG to write, 255 = building, one pixel a cell of the grid.")],
    rows: Annotated[int, typer.Option(min=1, help="Rows of the grid.")] = 256,
    cols: Annotated[int, typer.Option(min=1, help="Columns of the grid.")] = 256,
    cell_size_m: Annotated[float, typer.Option(help="Side of a cell in metres.")] = 1.0,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of the network; 0 takes every core.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was drawn as JSON.")] = False,
) -> None:
    """Draw the mask of one image, without the readings and transmitters that an edge would weigh it against.

    Example: `radiosem segment draw block.jpg --out mask.png`
    """
    from edge_tx.segment import Segmenter  # the network loads here, not for --help
    from radiosem.types import Grid
    from testbed.scores import segmenters
    from testbed.written import write_image

    if out.suffix.lower() != ".png" or not out.parent.is_dir():
        raise InputError(f"out is {str(out)!r}; give a .png in a folder that is there")
    grid = Grid(rows, cols, cell_size_m)
    buildings = segmenters.draw(Segmenter.load(threads), segmenters.read_image(image), grid)
    write_image(out, buildings.astype("uint8") * 255)
    share = float(buildings.mean())
    if as_json:
        typer.echo(json.dumps({"out": str(out), "rows": rows, "cols": cols, "building_share": share}))
    else:
        typer.echo(f"{out}: {rows} x {cols} cells of {cell_size_m:g} m, {share:.1%} of them building")


@app.command("eval")
def evaluate(
    images: Annotated[Path | None, typer.Option(help="Folder of aerial images, PNG or JPEG.")] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Folder of their true masks: PNGs of the same names, over 127 = building.")
    ] = None,
    cell_size_m: Annotated[float, typer.Option(help="Ground in metres that a pixel of a mask covers.")] = 1.0,
    pack: Annotated[
        Path | None, typer.Option(help="Instead of --images and --masks: a pack of observations, see `data pack`.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of the network; 0 takes every core.")] = 1,
    allow_seen: Annotated[
        bool,
        typer.Option("--allow-seen", help="Score images of ground that the network was trained on, and count them."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score the segmenter: IoU, precision, recall and wrong cells over all images together. The sample pack by default.

    Ground that the network was trained on is refused, recognised by fingerprints of the masks at 1 m a pixel.

    Example: `radiosem segment eval --images tiles --masks labels --cell-size-m 0.5 --json`
    """
    from testbed.pack import SAMPLE_PACK  # the network loads here, not for --help
    from testbed.scores.segmenters import count_seen, from_folders, from_pack, score_segmenter

    if (images is None) != (masks is None) or (images is not None and pack is not None):
        raise InputError(f"images is {images}, masks is {masks} and pack is {pack}; give images and masks, or a pack")
    if images is not None and masks is not None:
        labelled = from_folders(images, masks, cell_size_m)
    else:
        labelled = from_pack(pack or SAMPLE_PACK)
    seen = count_seen(labelled, allow_seen)
    with bar("segmenter") as report:
        scores = score_segmenter(labelled, threads, seen, report)
    show_scores(dataclasses.asdict(scores), as_json)
