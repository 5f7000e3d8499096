"""`radiosem train`: recipes and a data folder -> trained weights, within a time budget, one by one or by a queue."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from radiosem.errors import InputError
from testbed.extras import require

if TYPE_CHECKING:
    from radiosem_models.training.queue import Standing

STOPPED = 130  # exit code, as of a shell's command that was interrupted


def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="Recipe: a TOML file such as those in models/recipes/.", show_default=False)
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Data set folder in the layout of RadioMapSeer.", envvar="RADIOSEM_DATA", show_default=False),
    ] = None,
    budget: Annotated[str, typer.Option(help="Training time in all: 90s, 30m, 2h; a queue names its own.")] = "30m",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on from the last checkpoint of this recipe; where there is none, from what --weights lists of it "
            "on the same validation split, with optimisers that begin anew. A recipe that was changed meanwhile is "
            "refused. A queue always does.",
        ),
    ] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Throw an earlier training of this recipe away.")] = False,
    queue: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a recipe: a TOML file of [[training]] tables with recipe, budget and, if the export is to "
            "go there, a weights folder, and replace = true as for --replace. They are trained in order; killed, the "
            "queue goes on where it was.",
        ),
    ] = None,
    status: Annotated[
        bool,
        typer.Option(
            "--status",
            help="With --queue: only tell how every entry stands, by its weights folder where nothing was trained "
            "here; trains nothing.",
        ),
    ] = False,
    curve: Annotated[
        Path | None,
        typer.Option(help="Instead of a recipe: a training's folder, whose log is drawn into its curves.png."),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of checkpoints and logs.")] = Path("runs/train"),
    weights: Annotated[
        Path | None,
        typer.Option(help="Weights folder whose manifest takes the export; left out, it stays beside the checkpoint."),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Put the export into --weights even where that holds a network that scores better on the same "
            "validation split; else it then stays beside the checkpoint.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Train one network by its recipe, or several by a queue, and export them with their scores.

    Checkpoints, the log and its curves go to `runs/train/RECIPE/`. Stop at any time, go on with `--resume`, on another
    machine too; a training that was stopped exits with 130. Weights are chosen by the validation city alone. Needs
    torch: `make install EXTRA=train`.

    Example: `radiosem train models/recipes/generator.toml --data ~/RadioMapSeer --budget 30m --resume`

    Example: `radiosem train --queue queue.toml --data ~/RadioMapSeer`, and from another terminal
    `radiosem train --queue queue.toml --status`
    """
    if sum(given is not None for given in (recipe, queue, curve)) != 1:
        raise InputError(
            f"recipe is {_shown(recipe)}, queue {_shown(queue)} and curve {_shown(curve)}; give one of them, "
            "such as models/recipes/generator.toml"
        )
    if curve is not None:
        _draw(curve)
        return
    if resume and restart:
        raise InputError("both --resume and --restart are given; a training goes on or begins again")
    if not status:
        require("training", "train", "torch")
    if queue is not None:
        if restart or replace or weights is not None:
            raise InputError(
                "--restart, --weights and --replace are for one recipe; entries of a queue have weights and replace"
            )
        _run_queue(queue, data, runs, status, as_json)
        return
    if status:
        raise InputError("--status is given without --queue; it tells how the entries of a queue stand")
    assert recipe is not None
    if not recipe.is_file():
        raise InputError(f"recipe is {_shown(recipe)}, which is not a file; give one such as models/recipes/vqvae.toml")
    folder = _data_folder(data)
    from radiosem_models.training.loop import train as run  # imports torch, which no other command needs
    from radiosem_models.training.recipe import parse_budget_s

    with _progress() as report:
        outcome = run(
            recipe,
            folder,
            parse_budget_s(budget),
            resume,
            runs,
            weights,
            lambda share, text: report(recipe.stem, share, text),
            restart,
            replace,
        )
    _tell_outcome(recipe, outcome, as_json)
    if not outcome["finished"]:
        raise typer.Exit(STOPPED)


def _tell_outcome(recipe: Path, outcome: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(outcome, allow_nan=False))
        return
    best = "not validated yet" if outcome["best"] is None else f"best {outcome['best']:.5f}"
    done = "finished" if outcome["finished"] else "stopped; go on with --resume"
    typer.echo(f"{recipe.stem}: {done} after {outcome['elapsed_s']} s, {outcome['images']} images, {best}")
    for file in outcome["files"]:
        typer.echo(f"  {file}")
    if outcome["kept_back"]:
        typer.echo(f"  {outcome['kept_back']}")


def _shown(path: Path | None) -> str:
    return "not given" if path is None else repr(str(path))


def _data_folder(data: Path | None) -> Path:
    if data is None:
        raise InputError("--data is not given, nor RADIOSEM_DATA; give a folder in the layout of RadioMapSeer")
    if not data.is_dir():
        raise InputError(f"data is {str(data)!r}, which is no folder; give one in the layout of RadioMapSeer")
    return data


def _draw(folder: Path) -> None:
    require("drawing curves", "demo", "matplotlib")
    from radiosem_models.training.curves import draw_curves

    typer.echo(draw_curves(folder))


def _run_queue(path: Path, data: Path | None, runs: Path, status: bool, as_json: bool) -> None:
    from radiosem_models.training.queue import read_queue, standing, work_through

    entries = read_queue(path)
    if status:
        _tell([standing(entry, runs) for entry in entries], as_json)
        return
    folder = _data_folder(data)
    with _progress() as report:
        found = work_through(entries, folder, runs, report)
    _tell(found, as_json)
    if any(one.state == "failed" for one in found):
        raise typer.Exit(1)
    if any(one.state in ("begun", "waiting") for one in found):
        raise typer.Exit(STOPPED)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, float, str], None]]:
    """Within, report(recipe, share, text) moves that recipe's bar on stderr."""
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        first = progress.add_task("starting", total=1.0)
        bars: dict[str, TaskID] = {}

        def report(recipe: str, share: float, text: str) -> None:
            if recipe not in bars:
                bars[recipe] = progress.add_task(recipe, total=1.0) if bars else first
            progress.update(bars[recipe], completed=share, description=f"{recipe}: {text}")

        yield report


def _tell(found: "list[Standing]", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found]))
        return
    table = Table("recipe", "state", "score", "trained", "still wants", "files or reason")
    for one in found:
        table.add_row(
            one.recipe,
            one.state,
            "" if one.score is None else f"{one.score:.5f}",
            _minutes(one.elapsed_s),
            _minutes(one.wants_s),
            "\n".join((*one.files, one.reason)).strip(),
        )
    Console().print(table)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"
