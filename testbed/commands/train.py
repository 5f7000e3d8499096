"""`radiosem train`: a recipe and a data folder -> trained weights, within a time budget."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from radiosem.errors import InputError
from testbed.extras import require


def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe: a TOML file such as those in models/recipes/.")],
    data: Annotated[Path, typer.Option(help="Data set folder in the layout of RadioMapSeer.", envvar="RADIOSEM_DATA")],
    budget: Annotated[str, typer.Option(help="Training time in all: 90s, 30m, 2h.")] = "30m",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint of this recipe, if there is one.")
    ] = False,
    runs: Annotated[Path, typer.Option(help="Folder of checkpoints and logs.")] = Path("runs/train"),
    weights: Annotated[
        Path | None,
        typer.Option(help="Weights folder whose manifest takes the export; left out, it stays beside the checkpoint."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Train one network by its recipe and export it with its scores.

    Checkpoints and the log go to `runs/train/RECIPE/`. Stop at any time, go on with `--resume`, on another machine
    too. Weights are chosen by the validation city alone. Needs torch: `pip install 'radiosem[train]'`.

    Example: `radiosem train models/recipes/generator.toml --data ~/RadioMapSeer --budget 30m --resume`
    """
    if not recipe.is_file():
        raise InputError(
            f"recipe is {str(recipe)!r}, which is not a file; give one such as models/recipes/generator.toml"
        )
    if not data.is_dir():
        raise InputError(f"data is {str(data)!r}, which is not a folder; give one in the layout of RadioMapSeer")
    require("training", "train", "torch")
    from radiosem_models.train import parse_budget_s  # imports torch, which no other command needs
    from radiosem_models.train import train as run

    columns = (
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("starting", total=1.0)
        outcome = run(
            recipe,
            data,
            parse_budget_s(budget),
            resume,
            runs,
            weights,
            lambda share, text: progress.update(bar, completed=share, description=text),
        )
    if as_json:
        typer.echo(json.dumps(outcome))
        return
    done = "finished" if outcome["finished"] else "stopped; go on with --resume"
    typer.echo(
        f"{recipe.stem}: {done} after {outcome['elapsed_s']} s, {outcome['images']} images, best {outcome['best']:.5f}"
    )
    for file in outcome["files"]:
        typer.echo(f"  {file}")
