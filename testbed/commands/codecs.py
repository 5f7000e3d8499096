"""`radiosem codecs`: mask codecs and a folder of masks -> rate and error."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from radiosem.errors import InputError
from testbed.commands.shown import bar, show_scores

app = typer.Typer(help="Measure the codecs of the building mask.", no_args_is_help=True, rich_markup_mode="markdown")


@app.callback()
def _group() -> None:
    pass


@app.command("eval")
def evaluate(
    codec: Annotated[
        str, typer.Option(help="Codec: context (lossless), jpeg, vqvae or bitmap (one bit a pixel).")
    ] = "context",
    masks: Annotated[Path | None, typer.Option(help="Folder of PNG masks, over 127 = building.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Instead of --masks: a data set folder, whose --split is taken.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of --data: train, val, test or all.")] = "test",
    pack: Annotated[
        Path | None, typer.Option(help="Instead of --masks: the true masks of a pack of observations, see `data pack`.")
    ] = None,
    allow_seen: Annotated[
        bool,
        typer.Option("--allow-seen", help="Score masks of --data or --pack that the codec learned from, as seen_maps."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score one codec: mean bits a mask, share of wrong pixels, milliseconds to encode and decode.

    A learned codec, context or vqvae, is refused masks of --data or --pack that it learned from, by their fingerprints;
    those of --masks are scored all the same, and counted as seen_maps.

    Example: `radiosem codecs eval --codec context --masks ~/RadioMapSeer/png/buildings_complete --json`
    """
    # The networks load here, not for --help.
    from testbed.scores.codecs import count_seen, masks_of_pack, read_masks, score_codec

    if sum(given is not None for given in (masks, data, pack)) != 1:
        raise InputError("give one of --masks, --data and --pack: a folder of PNG masks, a data set, or a pack")
    if data is not None:
        from radiosem_models.data import Dataset

        dataset = Dataset(data)
        found = dataset.masks(dataset.blocks_in(split))
        shown = dataset.masks_at_a_metre(found)
    elif pack is not None:
        found, shown = masks_of_pack(pack)
    else:
        assert masks is not None
        found = shown = read_masks(masks)
    seen_maps = count_seen(codec, shown, allow_seen or masks is not None)
    with bar(codec) as report:
        scores = score_codec(codec, list(found.values()), report, seen_maps)
    show_scores(dataclasses.asdict(scores), as_json)
