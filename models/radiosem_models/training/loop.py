"""A recipe and a data folder -> trained weights, by one loop that can be killed at any moment and goes on."""

import contextlib
import dataclasses
import importlib
import json
import math
import os
import signal
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from radiosem.errors import InputError
from radiosem_models.data import Dataset
from radiosem_models.training.curves import draw_curves
from radiosem_models.training.run_folder import CHECKPOINT, clear, held, progress, refuse_changes, write_outcome
from radiosem_models.training.task import Task

# Name in a recipe -> module and class: a new task is one file and one line here.
TASKS = {
    "generator": ("radiosem_models.generator", "GeneratorTask"),
    "segmenter": ("radiosem_models.segmenter", "SegmenterTask"),
    "vqvae": ("radiosem_models.vqvae", "VqVaeTask"),
    "outage": ("radiosem_models.outage", "OutageTask"),
    "rival": ("radiosem_models.rivals.task", "RivalTask"),
    "jscc": ("radiosem_models.jscc", "JsccTask"),
    "map-sender": ("radiosem_models.map_senders", "MapSenderTask"),
}
CHECKPOINT_EVERY_S = 90.0
WARMUP_STEPS = 100


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A training as its TOML file states it.

    task              key of `TASKS`
    seed              of the weights and of every random draw
    ema               decay of the weight average a step, once warmed up
    validate_every_s  seconds of training between two looks at the validation split
    options           for the task: splits, scaling, sizes, learning rates; with `begin_with`, the checkpoint of another
                      training, its networks are not drawn by the seed but those of that checkpoint, whose images and
                      seconds count as theirs
    """

    name: str
    task: str
    seed: int
    ema: float
    validate_every_s: float
    options: dict[str, Any]


def read_recipe(path: Path) -> Recipe:
    """Parse a recipe. raises InputError when the file is not TOML, or a key is missing or unknown."""
    try:
        table = tomllib.loads(path.read_text())
        recipe = Recipe(name=path.stem, **table)
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise InputError(f"recipe {path} is not usable: {error}") from error
    if recipe.task not in TASKS:
        raise InputError(f"recipe {path} has task {recipe.task!r}; known are {', '.join(sorted(TASKS))}")
    return recipe


def parse_budget_s(text: str) -> float:
    """'90s', '30m', '2h' -> seconds. raises InputError on anything else."""
    units = {"s": 1, "m": 60, "h": 3600}
    try:
        seconds = float(text[:-1]) * units[text[-1:]]
    except (KeyError, ValueError):
        raise InputError(f"budget is {text!r}; write it like 90s, 30m or 2h") from None
    if not (math.isfinite(seconds) and seconds > 0):
        raise InputError(f"budget is {text!r}; it must be more than nothing")
    return seconds


def _rate(progress: float, step: int) -> float:
    """Share of the full learning rate: a short warm-up, then half a cosine over the budget down to 1 %."""
    return min(1.0, (step + 1) / WARMUP_STEPS) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def _running_mean(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """An exponential moving average whose window grows with the steps taken, so that the first steps are forgotten."""

    def average(mean: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
        if not mean.is_floating_point():
            return current
        return mean.lerp(current, 1 - min(decay, (1 + int(steps)) / (10 + int(steps))))

    return average


class Run:
    """One training on its way: everything that a checkpoint holds.

    judged_on  hash of the validation split
    earlier    seconds and images of the trainings that this one began with
    curve      of every validation: seconds, images, score; with those earlier ones of the same validation split
    """

    def __init__(self, recipe: Recipe, task: Task, folder: Path, judged_on: str) -> None:
        self.recipe, self.task, self.folder, self.judged_on = recipe, task, folder, judged_on
        self.earlier: tuple[float, int] = (0.0, 0)
        self.curve: list[tuple[float, int, float]] = []
        self.rng = np.random.default_rng(recipe.seed)
        average = _running_mean(recipe.ema)
        # With the buffers: an average must be normalised by statistics of its own.
        self.averages = {n: AveragedModel(task.modules()[n], avg_fn=average, use_buffers=True) for n in task.averaged}
        self.elapsed_s, self.step, self.images, self.best = 0.0, 0, 0, math.inf

    def state(self) -> dict[str, Any]:
        """All that is needed to go on elsewhere."""
        return {
            "recipe": dataclasses.asdict(self.recipe),
            "modules": {n: m.state_dict() for n, m in self.task.modules().items()},
            "optimizers": {n: o.state_dict() for n, o in self.task.optimizers().items()},
            "averages": {n: a.state_dict() for n, a in self.averages.items()},
            "rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "counts": (self.elapsed_s, self.step, self.images, self.best),
            "judged_on": self.judged_on,
            "earlier": self.earlier,
            "curve": self.curve,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where `state` left off. Raises InputError when it is one of other networks."""
        try:
            self._restore(state)
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                f"{self.folder} holds a checkpoint of other networks than {self.recipe.name} now has: {error}; "
                "give the changed recipe a new file name, or begin again with --restart"
            ) from None

    def _restore(self, state: dict[str, Any]) -> None:
        for name, module in self.task.modules().items():
            module.load_state_dict(state["modules"][name])
        for name, optimizer in self.task.optimizers().items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, average in self.averages.items():
            average.load_state_dict(state["averages"][name])
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch_rng"])
        self.elapsed_s, self.step, self.images, self.best = state["counts"]
        self.earlier, self.curve = state["earlier"], list(state["curve"])

    def begin_with(self, path: Path) -> None:
        """Take over the networks of another training, the averages where there are such.

        raises  InputError when there is no such checkpoint, or it is one of other networks
        """
        try:
            state = torch.load(path, weights_only=False)
            for name, module in self.task.modules().items():
                averaged = state["averages"].get(name)
                if averaged is None:
                    module.load_state_dict(state["modules"][name])
                    continue
                self.averages[name].load_state_dict(averaged)
                module.load_state_dict(self.averages[name].module.state_dict())
                self.averages[name].n_averaged.zero_()
            (seconds, _, images, _), (seconds_before, images_before) = state["counts"], state["earlier"]
            self.earlier = (seconds + seconds_before, images + images_before)
            if state["judged_on"] == self.judged_on:
                self.curve = list(state["curve"])
        except FileNotFoundError:
            raise InputError(f"begin_with is {str(path)!r}, which is no file; train that recipe first") from None
        except (KeyError, RuntimeError) as error:
            raise InputError(f"begin_with is {str(path)!r}, a checkpoint of other networks: {error}") from None

    def save(self, name: str) -> None:
        """Write a checkpoint that is either whole or not there."""
        path = self.folder / name
        torch.save(self.state(), path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)

    def log(self, **values: object) -> None:
        """Append one line to the training log."""
        line = {"elapsed_s": round(self.elapsed_s, 1), "step": self.step, "images": self.images, **values}
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within, the averaged modules hold their averages."""
        modules = {n: self.task.modules()[n] for n in self.averages}
        kept = {n: {k: v.clone() for k, v in m.state_dict().items()} for n, m in modules.items()}
        for name, average in self.averages.items():
            modules[name].load_state_dict(average.module.state_dict())
        try:
            yield
        finally:
            for name, module in modules.items():
                module.load_state_dict(kept[name])

    def advance(self, budget_s: float) -> dict[str, float]:
        """One optimisation step at the schedule's learning rate."""
        began = time.monotonic()
        phase = self.task.phase
        for optimizer in self.task.optimizers().values():
            for group in optimizer.param_groups:
                group.setdefault("full_lr", group["lr"])
                group["lr"] = group["full_lr"] * _rate(self.elapsed_s / budget_s, self.step)
        losses = self.task.step(self.rng)
        for name, average in self.averages.items():
            average.update_parameters(self.task.modules()[name])
        if self.task.phase != phase:
            self._average_anew()
        self.step += 1
        self.images += int(losses.pop("images"))
        self.elapsed_s += time.monotonic() - began
        return losses

    def _average_anew(self) -> None:
        """Go on from the averages, and average from here: what begins to learn now is not weighed down by its start."""
        for name, average in self.averages.items():
            self.task.modules()[name].load_state_dict(average.module.state_dict())
            average.n_averaged.zero_()

    def spent(self) -> tuple[float, int]:
        """Seconds and images behind these networks, earlier trainings included."""
        return round(self.earlier[0] + self.elapsed_s, 1), self.earlier[1] + self.images

    def validate(self) -> dict[str, float]:
        """Score the averages; a best score is kept in `best.pt`."""
        with self.averaged():
            scores = self.task.validate()
        self.curve.append((*self.spent(), scores["score"]))
        if scores["score"] < self.best:
            self.best = scores["score"]
            self.save("best.pt")
        self.log(validation=scores)
        return scores


def train(
    recipe_path: Path,
    data_dir: Path,
    budget_s: float,
    resume: bool = False,
    runs_dir: Path = Path("runs/train"),
    weights_dir: Path | None = None,
    report: Callable[[float, str], None] = lambda share, text: None,
    restart: bool = False,
) -> dict[str, Any]:
    """Train a recipe for a budget of training time, validate, and export the best weights.

    recipe_path  TOML file, see `Recipe`
    data_dir     data folder of the task
    budget_s     seconds of training in all, those before a resume included; the learning rate is scheduled over it
    resume       go on from the checkpoint under `runs_dir`/recipe, if there is one
    weights_dir  where the exported files and their manifest entries go; None exports beside the checkpoint
    report       called about once a second with the share done and a line of text
    restart      forget the checkpoint, if there is one
    returns      {"recipe", "finished", "elapsed_s", "step", "images", "best", "files"}; on SIGINT or SIGTERM the run
                 is checkpointed and `finished` is False
    raises       InputError when there is a checkpoint and neither `resume` nor `restart`, or one of another recipe, or
                 when the training diverges
    """
    recipe = read_recipe(recipe_path)
    folder = runs_dir / recipe.name
    with held(folder):
        state = _begin(folder, recipe, resume, restart)
        torch.manual_seed(recipe.seed)
        module, cls = TASKS[recipe.task]
        task: Task = getattr(importlib.import_module(module), cls)(recipe.options, data_dir, recipe.seed)
        run = Run(recipe, task, folder, Dataset(data_dir).split_hash("val"))
        if state is not None:
            run.restore(state)
            del state
        elif "begin_with" in recipe.options:
            run.begin_with(Path(recipe.options["begin_with"]))
        with _stop_on_signal() as stopped:
            _loop(run, budget_s, stopped, report)
        run.save(CHECKPOINT)
        outcome: dict[str, Any] = {
            "recipe": recipe.name,
            "finished": run.elapsed_s >= budget_s,
            "elapsed_s": round(run.elapsed_s, 1),
            "step": run.step,
            "images": run.images,
            "best": run.best,
            "files": [],
        }
        if outcome["finished"]:
            files = _export_best(run, weights_dir or folder, _in_recipes(recipe_path))
            outcome["files"] = [str(file) for file in files]
            outcome["best"] = run.best
            write_outcome(folder, outcome | {"budget_s": budget_s, "begun_with": dataclasses.asdict(recipe)})
            with contextlib.suppress(ModuleNotFoundError):
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
    state: dict[str, Any] = torch.load(checkpoint, weights_only=False)
    refuse_changes(state.get("recipe"), dataclasses.asdict(recipe), folder)
    return state


def _in_recipes(path: Path) -> str:
    """A recipe as a manifest names it: by its place below models/recipes, whatever folder it was called from."""
    parts = path.resolve().parts
    below = parts[len(parts) - parts[::-1].index("recipes") :] if "recipes" in parts else parts[-1:]
    return "/".join(("models/recipes", *below))


def _export_best(run: Run, folder: Path, recipe: str) -> list[Path]:
    """Export the averages of the end, or of `best.pt` where those scored better, with what went into them."""
    scores = run.validate()
    curve = run.curve
    if run.best < scores["score"]:
        run.restore(torch.load(run.folder / "best.pt", weights_only=False))
    seconds, images = run.spent()
    with run.averaged():
        about = {
            "recipe": recipe,
            "images": images,
            "seconds": seconds,
            "judged_on": run.judged_on[:16],
            "curve": curve,
        }
        return run.task.export(folder, about)


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
