"""Published ONNX files -> the networks of a training: it goes on, or another begins, where its checkpoint is not.

An export renames, reshapes and folds parameters. What became of each is told by a second export of the same networks
whose parameters are random numbers: an array of the file is the parameter whose numbers stand in its place there.
BatchNorm that was folded into a convolution is unfolded by a few training batches: it is given the means and deviations
that the convolution has on them, so that the network answers as the file does and learns from there.
"""

import copy
import hashlib
import itertools
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radiosem.errors import InputError, WeightsError
from radiosem_models.training.export import HALF_TOLERANCE, Exported, compare, convert
from radiosem_models.training.manifest import listed
from radiosem_models.training.task import Task

BATCHES = 16  # that a folded BatchNorm is unfolded by

Arrays = list[NDArray[np.float32]]


@dataclass(frozen=True)
class _Folded:
    """A BatchNorm that was folded into the convolution before it, and what then was added to each channel."""

    norm: nn.BatchNorm2d
    shift: Tensor


Entries = Mapping[str, Mapping[str, Any]]  # of a manifest, by the name that `Task.exported` gives the network


def published_by(recipe: str, task: Task, folder: Path) -> Entries | None:
    """What a folder lists of all that a recipe's task exports; None where one is missing or of another training."""
    of_recipe = [entry for entry in listed(folder) if entry["recipe"] == recipe and "images" in entry["meta"]]
    found = {entry["name"]: entry for entry in of_recipe}
    names = task.exported().keys()
    if not names <= found.keys() or len({found[name]["meta"]["images"] for name in names}) != 1:
        return None
    return {name: found[name] for name in names}


def published_as(file: Path, task: Task) -> Entries:
    """What the manifest beside a file says of it, for a task of one network.

    raises  InputError when the task exports more, FileNotFoundError when no such file is listed
    """
    names = list(task.exported())
    if len(names) != 1:
        raise InputError(f"begin_with is {str(file)!r}, one file of {' and '.join(names)}; it must be a checkpoint")
    for entry in listed(file.parent):
        if entry["file"] == file.name:
            return {names[0]: entry}
    raise FileNotFoundError(file)


def take_up(task: Task, entries: Entries, folder: Path, rng: np.random.Generator) -> None:
    """Give a task's networks the parameters of their published files. Discriminators and the like begin anew.

    entries  of all in `task.exported()`
    raises   InputError when a file is of another network; WeightsError when it is not what the manifest lists, or the
             network does not answer as it does
    """
    files = {name: _whole(folder, entry) for name, entry in entries.items()}
    _set_progress(task, entries)
    folded = [one for name, exported in task.exported().items() for one in _fill(exported, files[name])]
    if folded:
        _unfold(task, entries, folded, rng)
    for name, exported in task.exported().items():
        compare(files[name], exported, HALF_TOLERANCE)


def _set_progress(task: Task, entries: Entries) -> None:
    """Where a task counts images, which tell the phase of its training, the count of its files."""
    progress = task.modules().get("progress")
    if progress is not None:
        counted = progress.get_buffer("images")
        counted.fill_(next(iter(entries.values()))["meta"]["images"])


def _whole(folder: Path, entry: Mapping[str, Any]) -> Path:
    path: Path = folder / entry["file"]
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
        raise WeightsError(f"weights file {path} is not what the manifest lists; restore it")
    return path


def _fill(exported: Exported, path: Path) -> list[_Folded]:
    """Copy what a file holds into its network; returns what is still to be unfolded."""
    twin = copy.deepcopy(exported.network).eval()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in _floats(twin).values():
            tensor.copy_(torch.rand(tensor.shape, generator=draw) / 2 + 0.25)
    with tempfile.TemporaryDirectory() as scratch:
        convert(Exported(twin, exported.inputs, exported.outputs), Path(scratch) / path.name)
        drawn = _arrays(Path(scratch) / path.name)
    held = _arrays(path)
    if [a.shape for a in drawn] != [a.shape for a in held]:
        raise InputError(f"{path} is of another network than the recipe names; give the recipe a new file name")

    folded: list[_Folded] = []
    ours = _floats(exported.network)
    for key, tensor in _floats(twin).items():
        place = _place(drawn, tensor)
        if place is not None:
            _copy(held[place], ours[key])
    for (convolution, norm), (of_twin, norm_of_twin) in zip(_pairs(exported.network), _pairs(twin), strict=True):
        mean, deviation = _statistics(norm_of_twin)
        scale = norm_of_twin.weight / deviation
        weight = _place(drawn, of_twin.weight * scale[:, None, None, None], 1e-4)
        shift = _place(drawn, norm_of_twin.bias - mean * scale, 1e-4)
        if weight is None or shift is None:
            continue
        _copy(held[weight], convolution.weight)
        folded.append(_Folded(norm, torch.from_numpy(held[shift])))
    return folded


def _floats(network: nn.Module) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in network.state_dict().items() if tensor.is_floating_point()}


def _arrays(path: Path) -> Arrays:
    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    arrays = onnx.load(str(path)).graph.initializer
    return [onnx.numpy_helper.to_array(a).astype(np.float32) for a in arrays if a.data_type in kinds]


def _place(arrays: Arrays, tensor: Tensor, tolerance: float = 0.0) -> int | None:
    """Where an array of these numbers stands, in whatever shape; None when there is none."""
    numbers = tensor.detach().numpy().ravel()
    for place, array in enumerate(arrays):
        if array.size == numbers.size and np.allclose(array.ravel(), numbers, tolerance, tolerance):
            return place
    return None


def _copy(array: NDArray[np.float32], tensor: Tensor) -> None:
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(array).reshape(tensor.shape))


def _pairs(network: nn.Module) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Every convolution without a bias and the BatchNorm behind it."""
    for module in network.modules():
        children = list(module.children()) if isinstance(module, nn.Sequential) else []
        for first, second in itertools.pairwise(children):
            if isinstance(first, nn.Conv2d) and first.bias is None and isinstance(second, nn.BatchNorm2d):
                yield first, second


def _unfold(task: Task, entries: Entries, folded: list[_Folded], rng: np.random.Generator) -> None:
    """Set every folded BatchNorm so that it shifts as its file does, and has the statistics of training batches.

    The batches are taken by steps of no length, in which these BatchNorms only shift; all else that such steps move,
    optimisers, statistics of others and the count of images, is put back.
    """
    hooks, momenta = [], [one.norm.momentum for one in folded]
    unfolded = {id(buffer) for one in folded for buffer in one.norm.buffers()}
    networks = [exported.network for exported in task.exported().values()]
    kept = [(b, b.clone()) for network in networks for b in network.buffers() if id(b) not in unfolded]
    for one in folded:
        one.norm.reset_running_stats()
        one.norm.momentum = None  # a plain mean over all batches
        shift = one.shift[:, None, None]
        hooks.append(one.norm.register_forward_hook(lambda norm, x, out, shift=shift: x[0] + shift))
    optimizers = task.optimizers().values()
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["lr"] = 0.0
    for _ in range(BATCHES):
        task.step(rng)
        _set_progress(task, entries)
    for optimizer, before in zip(optimizers, rates, strict=True):
        optimizer.state.clear()
        for group, rate in zip(optimizer.param_groups, before, strict=True):
            group["lr"] = rate
    for buffer, value in kept:
        buffer.copy_(value)
    for one, hook, momentum in zip(folded, hooks, momenta, strict=True):
        hook.remove()
        norm, one.norm.momentum = one.norm, momentum
        with torch.no_grad():
            mean, deviation = _statistics(norm)
            norm.weight.copy_(deviation)
            norm.bias.copy_(one.shift + mean)


def _statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Running mean and standard deviation of every channel."""
    return norm.get_buffer("running_mean"), (norm.get_buffer("running_var") + norm.eps).sqrt()
