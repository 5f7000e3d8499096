"""A recipe and a data folder -> trained weights, by one loop that can be killed at any moment and goes on."""

import contextlib
import dataclasses
import importlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from radiosem.errors import InputError
from radiosem_models.data import Dataset
from radiosem_models.training.curves import draw_curves
from radiosem_models.training.manifest import better_listed, publish
from radiosem_models.training.recipe import TASKS, Options, Recipe, listed_as, read_recipe
from radiosem_models.training.run import Run, read_checkpoint
from radiosem_models.training.run_folder import (
    BEST,
    CHECKPOINT,
    clear,
    digest,
    held,
    progress,
    refuse_changes,
    write_outcome,
)
from radiosem_models.training.seen import SEEN, SELECTED, export_seen, split_name
from radiosem_models.training.task import Task

CHECKPOINT_EVERY_S = 90.0


def train(
    recipe_path: Path,
    data_dir: Path,
    budget_s: float,
    resume: bool = False,
    runs_dir: Path = Path("runs/train"),
    weights_dir: Path | None = None,
    report: Callable[[float, str], None] = lambda share, text: None,
    restart: bool = False,
    replace: bool = False,
) -> dict[str, Any]:
    """Train a recipe for a budget of training time, validate, and export the best weights.

    recipe_path  TOML file, see `Recipe`
    data_dir     data folder of the task
    budget_s     seconds of training in all, those before a resume included; the learning rate is scheduled over it
    resume       go on from the checkpoint under `runs_dir`/recipe; where there is none, from what `weights_dir`
                 lists of this recipe and this validation split; from nothing where there is neither
    weights_dir  where the export beside the checkpoint is copied to, with its manifest entries, unless it would take
                 the place of a network that scores better on the same validation split; None copies it nowhere
    report       called about once a second with the share done and a line of text
    restart      forget the checkpoint, if there is one
    replace      put the export in the place of a better one too
    returns      {"recipe", "finished", "elapsed_s", "step", "images", "best", "files", "kept_back"}; on SIGINT or
                 SIGTERM the run is checkpointed and `finished` is False; `kept_back` says why the export is not in
                 `weights_dir`, where it is not
    raises       InputError when there is a checkpoint and neither `resume` nor `restart`, or one of another recipe,
                 when the recipe lacks an option, or when the training diverges
    """
    recipe = read_recipe(recipe_path)
    folder = runs_dir / recipe.name
    with held(folder):
        state = _begin(folder, recipe, resume, restart)
        torch.manual_seed(recipe.seed)
        module, cls = TASKS[recipe.task]
        task: Task = getattr(importlib.import_module(module), cls)(Options(recipe), data_dir, recipe.seed)
        dataset = Dataset(data_dir)
        run = Run(recipe, task, folder, dataset.split_hash("val"), split_name(dataset))
        if state is not None:
            run.restore(state)
            del state
        elif "begin_with" in recipe.options:
            run.begin_with(Path(recipe.options["begin_with"]))
        elif resume and weights_dir is not None:
            run.take_up(listed_as(recipe_path), weights_dir)
            if run.elapsed_s >= budget_s:
                raise InputError(
                    f"budget_s is {budget_s:g}, but {weights_dir} lists {recipe.name} after {run.elapsed_s:g} s of it; "
                    "give a larger budget, or begin again with --restart"
                )
        with _stop_on_signal() as stopped:
            _loop(run, budget_s, stopped, report)
        run.save(CHECKPOINT)
        outcome: dict[str, Any] = {
            "recipe": recipe.name,
            "finished": run.elapsed_s >= budget_s,
            "elapsed_s": round(run.elapsed_s, 1),
            "step": run.step,
            "images": run.images,
            "best": run.best if math.isfinite(run.best) else None,
            "files": [],
            "kept_back": "",
        }
        if outcome["finished"]:
            score = run.last_score()
            run.save(CHECKPOINT)  # with that score in its curve, should it be trained on
            files = _export_best(run, score, listed_as(recipe_path))
            _export_seen(dataset, folder)
            if weights_dir is not None and weights_dir.resolve() != folder.resolve():
                outcome["kept_back"] = "" if replace else better_listed(files, weights_dir)
                if not outcome["kept_back"]:
                    files = publish(files, weights_dir)
                    _export_seen(dataset, weights_dir)
            outcome["files"] = [str(file) for file in files]
            outcome["best"] = min(run.best, score)
            write_outcome(folder, outcome | {"budget_s": budget_s, "begun_with": dataclasses.asdict(recipe)})
            with contextlib.suppress(ModuleNotFoundError, InputError):  # no matplotlib, or a log that stayed elsewhere
                draw_curves(folder)
    return outcome


def _begin(folder: Path, recipe: Recipe, resume: bool, restart: bool) -> dict[str, Any] | None:
    """The checkpoint to go on from, None to begin from nothing."""
    checkpoint = folder / CHECKPOINT
    if restart:
        clear(folder)
    if not checkpoint.is_file():
        clear(folder)
        return None
    if not resume:
        raise InputError(
            f"{folder} holds a training of {progress(folder).elapsed_s:.0f} s; go on with --resume, "
            "or throw it away with --restart"
        )
    state: dict[str, Any] = read_checkpoint(checkpoint)
    refuse_changes(state.get("recipe"), dataclasses.asdict(recipe), folder)
    return state


def _export_best(run: Run, score: float, recipe: str) -> list[Path]:
    """Export the averages of the end, which have that score, or of `best.pt` where those scored better."""
    curve = run.curve
    if run.best < score:
        run.restore(read_checkpoint(run.folder / BEST))
    seconds, images = run.spent()
    with run.averaged():
        about = {
            "recipe": recipe,
            "images": images,
            "seconds": seconds,
            **{key: value[:16] for key, value in run.judged.items() if value},
            SEEN: run.splits,
            SELECTED: run.selected,
            "taken_up_s": run.taken_up,
            "recipe_digest": digest(dataclasses.asdict(run.recipe)),
            "curve": curve,
        }
        return run.task.export(run.folder, about)


def _export_seen(dataset: Dataset, folder: Path) -> None:
    """Write by which buildings the weights were trained and by which they were selected."""
    for split in ("train", "val"):
        export_seen(dataset, folder, split)


@contextlib.contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that a step is never torn."""
    stopped = threading.Event()
    old = {s: signal.signal(s, lambda *_: stopped.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _loop(run: Run, budget_s: float, stopped: threading.Event, report: Callable[[float, str], None]) -> None:
    saved_s, validated_s, told = run.elapsed_s, run.elapsed_s, 0.0
    while run.elapsed_s < budget_s and not stopped.is_set():
        losses = run.advance(budget_s)
        if not all(math.isfinite(v) for v in losses.values()):
            raise InputError(f"{run.recipe.name} diverged at step {run.step} with {losses}; lower its learning rate")
        if run.step % 50 == 0:
            run.log(losses=losses)
        if time.monotonic() - told > 1:
            told = time.monotonic()
            rate = run.images / max(run.elapsed_s, 1e-9)
            text = ", ".join(f"{k} {v:.4g}" for k, v in losses.items())
            report(run.elapsed_s / budget_s, f"step {run.step}, {rate:.1f} images/s, best {run.best:.5f}, {text}")
        if run.elapsed_s - validated_s > run.recipe.validate_every_s:
            validated_s = run.elapsed_s
            run.validate()
        if run.elapsed_s - saved_s > CHECKPOINT_EVERY_S:
            saved_s = run.elapsed_s
            run.save(CHECKPOINT)
