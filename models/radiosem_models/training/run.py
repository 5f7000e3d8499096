"""One training on its way: networks, averages, counts and curve, and the checkpoint that holds them all."""

import contextlib
import dataclasses
import json
import math
import os
import pickle
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from radiosem.errors import InputError
from radiosem_models.training.manifest import judged_alike, listed
from radiosem_models.training.published import Entries, published_as, published_by, take_up
from radiosem_models.training.recipe import Recipe
from radiosem_models.training.run_folder import BEST, CHECKPOINT, digest
from radiosem_models.training.seen import SELECTED, selection_splits, splits_named
from radiosem_models.training.task import Task

WARMUP_STEPS = 100


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


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Tensors and plain values of a checkpoint; nothing in it is run.

    raises  FileNotFoundError; InputError when the file is no checkpoint or holds anything else
    """
    try:
        state = torch.load(path, weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise InputError(f"{path} is no checkpoint of tensors and plain values: {str(error).splitlines()[0]}") from None
    if not isinstance(state, dict):
        raise InputError(f"{path} holds a {type(state).__name__}; a checkpoint of a training is a dict")
    return state


def _splits_beside(checkpoint: Path) -> list[str]:
    """Training splits of a checkpoint that does not tell them itself: those of the export beside it, if any."""
    return [split for entry in listed(checkpoint.parent) for split in splits_named(entry["data"], entry["meta"])]


class Run:
    """One training on its way: everything that a checkpoint holds.

    judged     judged_on: hash of the masks of the validation split; judged_by: of its maps, see `Task`
    splits     names (see `seen.split_name`) of the training splits behind the networks: those of the trainings that
               this one began with, and its own
    selected   names of the validation splits by which these were selected
    earlier    seconds and images of the trainings that this one began with
    taken_up   seconds after which it went on from published files: optimisers, discriminators and the like began anew
    curve      of every validation: seconds, images, score; with those earlier ones of the same validation split
    """

    def __init__(self, recipe: Recipe, task: Task, folder: Path, judged_on: str, split: str) -> None:
        self.recipe, self.task, self.folder = recipe, task, folder
        self.judged = {"judged_on": judged_on, "judged_by": task.judged_by}
        self.splits, self.selected = [split], [judged_on[:8]]
        self.earlier: tuple[float, int] = (0.0, 0)
        self.taken_up: list[float] = []
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
            **self.judged,
            "splits": self.splits,
            SELECTED: self.selected,
            "earlier": self.earlier,
            "taken_up": self.taken_up,
            "curve": self.curve,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where `state` left off. Raises InputError when it is one of other networks or validation data."""
        if not judged_alike(state, self.judged):
            raise InputError(
                f"{self.folder} holds a training judged on another validation split than that of the data, or on "
                "other maps of it; give --data what it began with, or begin again with --restart"
            )
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
        if not (self.folder / BEST).is_file():  # brought here without it: what comes next is the best there is
            self.best = math.inf
        self.earlier, self.curve = state["earlier"], list(state["curve"])
        self.taken_up = list(state.get("taken_up", []))
        self._learned_from(state, self.recipe.options.get("begin_with"))

    def _learned_from(self, state: dict[str, Any], told_beside: Path | str | None) -> None:
        """Add the splits of a checkpoint; where it tells no training split, those of the export beside another."""
        splits = state["splits"] if "splits" in state else _splits_beside(Path(told_beside)) if told_beside else []
        self.splits = list(dict.fromkeys([*splits, *self.splits]))
        self.selected = list(dict.fromkeys([*selection_splits(state), *self.selected]))

    def take_up(self, recipe: str, folder: Path) -> None:
        """Go on from what a folder lists of this recipe, as far as its manifest says that was, if it lists all.

        Not from what was judged on another validation split, which is a training on other data.

        recipe  as a manifest names it
        raises  InputError when it was another recipe of that name or of other networks; WeightsError when the files are
                not what the manifest lists
        """
        entries = published_by(recipe, self.task, folder)
        if entries is None:
            return
        meta = next(iter(entries.values()))["meta"]
        if not judged_alike(meta, self.judged):
            return
        ours = digest(dataclasses.asdict(self.recipe))
        if meta.get("recipe_digest", ours) != ours:
            raise InputError(
                f"{folder} lists {' and '.join(entries)} of a recipe {recipe} with other values; put them back, give "
                "the changed recipe a new file name, or begin again with --restart"
            )
        self.elapsed_s, self.images = self._networks_of(entries, folder)
        self.rng = np.random.default_rng([self.recipe.seed, self.images])  # not the batches of its beginning again
        self.taken_up = [*meta.get("taken_up_s", []), self.elapsed_s]
        self.curve = [point for point in self.curve if point[1] < self.images]
        self.validate()

    def _networks_of(self, entries: Entries, folder: Path) -> tuple[float, int]:
        """Take networks, curve and splits over from published files; returns their seconds and images."""
        take_up(self.task, entries, folder, self.rng)
        for name, average in self.averages.items():
            average.module.load_state_dict(self.task.modules()[name].state_dict())
        for entry in entries.values():
            self.splits = list(dict.fromkeys([*splits_named(entry["data"], entry["meta"]), *self.splits]))
            self.selected = list(dict.fromkeys([*selection_splits(entry["meta"]), *self.selected]))
        meta = next(iter(entries.values()))["meta"]
        if judged_alike(meta, self.judged):
            self.curve = [tuple(point) for point in meta["curve"]]
        return meta["seconds"], meta["images"]

    def begin_with(self, path: Path) -> None:
        """Take over the networks of another training: of a checkpoint, averages where it has such, or published.

        path    a checkpoint, or an .onnx file with a manifest beside it
        raises  InputError when there is no such file, or it is one of other networks
        """
        try:
            if path.suffix == ".onnx":
                self.earlier = self._networks_of(published_as(path, self.task), path.parent)
                return
            state = read_checkpoint(path)
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
            if judged_alike(state, self.judged):
                self.curve = list(state["curve"])
            self._learned_from(state, path)
        except FileNotFoundError:
            raise InputError(
                f"begin_with is {str(path)!r}, which is no file, or not listed beside it; train that recipe first"
            ) from None
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
            scores = {name: float(value) for name, value in self.task.validate().items()}
        if not all(math.isfinite(value) for value in scores.values()):
            raise InputError(f"{self.recipe.name} is judged as {scores} at step {self.step}; is there validation data?")
        self.curve.append((*self.spent(), scores["score"]))
        if scores["score"] < self.best:
            self.best = scores["score"]
            self.save(BEST)
            self.save(CHECKPOINT)  # which knows of it: killed now, a worse one must not take its place
        self.log(validation=scores)
        return scores

    def last_score(self) -> float:
        """Score of the averages as they are: that of the curve's last point, where it was just validated."""
        if self.curve and tuple(self.curve[-1][:2]) == self.spent():
            return self.curve[-1][2]
        return self.validate()["score"]
