"""Building masks of the training cities -> the whole-number tables of the `context` codec.

The tables shipped come from the 305 training tiles of the ray-traced set (Munich, San Francisco, a Finnish suburb),
split 3c9efceb:

    masks = [...]  # bool [256, 256] each
    write(fit(masks), Path("radiosem/codecs/context.npz"))
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from radiosem.codecs import mask_model
from radiosem.types import BuildingMap

UNITS = 24
_STRIDE = 256 + mask_model.MARGIN_LEFT + mask_model.MARGIN_RIGHT


@dataclass(frozen=True)
class Fit:
    """How long and how fast to learn; `batch` pixels of each kind, busy and quiet, a step."""

    steps: int = 2500
    batch: int = 8192
    learning_rate: float = 4e-3
    weight_decay: float = 1e-4
    seed: int = 0


def symmetries(mask: BuildingMap) -> list[BuildingMap]:
    """The 8 views of a square."""
    turned = [np.rot90(mask, quarter) for quarter in range(4)]
    return turned + [view[:, ::-1] for view in turned]


def _pixels(masks: Iterable[BuildingMap]) -> tuple[Tensor, Tensor]:
    """Padded masks in one flat uint8 tensor, and the flat position of every pixel inside."""
    margin = ((mask_model.MARGIN_TOP, 0), (mask_model.MARGIN_LEFT, mask_model.MARGIN_RIGHT))
    padded = np.stack([np.pad(view, margin) for mask in masks for view in symmetries(mask)])
    inside = np.zeros(padded.shape, bool)
    inside[:, mask_model.MARGIN_TOP :, mask_model.MARGIN_LEFT : -mask_model.MARGIN_RIGHT] = True
    return torch.from_numpy(padded.astype(np.uint8).ravel()), torch.from_numpy(np.flatnonzero(inside))


def _split_busy(data: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Positions whose nearest 11 template pixels differ, and the others: edges cost the bits, so they are seen more."""
    near = [-1, -2, -3, *(-_STRIDE + c for c in range(-2, 3)), *(-2 * _STRIDE + c for c in range(-1, 2))]
    count = torch.zeros(len(positions), dtype=torch.uint8)
    for offset in near:
        count += data[positions + offset]
    busy = (count > 0) & (count < len(near))
    return positions[busy], positions[~busy]


def fit(masks: list[BuildingMap], how: Fit | None = None) -> dict[str, NDArray[np.int64]]:
    """Learn the network on 256 x 256 masks in their 8 symmetries and round it: the arrays of context.npz."""
    how = how or Fit()
    torch.manual_seed(how.seed)
    data, positions = _pixels(masks)
    kinds = _split_busy(data, positions)
    offsets = torch.tensor([col - d * _STRIDE for d, col in mask_model.TEMPLATE])
    network = nn.Sequential(nn.Linear(len(offsets), UNITS), nn.ReLU(), nn.Linear(UNITS, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=how.learning_rate, weight_decay=how.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.learning_rate, total_steps=how.steps, pct_start=0.1)
    for _ in range(how.steps):
        loss = torch.zeros(())
        for kind in kinds:
            chosen = kind[torch.randint(len(kind), (how.batch,))]
            logits = network(data[chosen[:, None] + offsets].float())[:, 0]
            mean = binary_cross_entropy_with_logits(logits, data[chosen].float())
            loss = loss + mean * (len(kind) / len(positions))
        optimizer.zero_grad()
        (10 * loss).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return quantise(network)


def quantise(network: nn.Sequential) -> dict[str, NDArray[np.int64]]:
    """Round the two layers to the codec's scales."""
    first, second = network[0], network[2]
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)

    def whole(values: Tensor, scale: int, kind: type[np.signedinteger]) -> NDArray[np.int64]:
        limits = np.iinfo(kind)
        return np.asarray(np.clip(np.rint(values.detach().numpy() * scale), limits.min, limits.max), kind)

    return {
        "first": whole(first.weight.T, mask_model.WEIGHT_SCALE, np.int8),
        "first_bias": whole(first.bias, mask_model.WEIGHT_SCALE, np.int16),
        "second": whole(second.weight[0], mask_model.OUTPUT_SCALE, np.int16),
        "second_bias": whole(second.bias[0], mask_model.WEIGHT_SCALE * mask_model.OUTPUT_SCALE, np.int32),
    }


def write(tables: dict[str, NDArray[np.int64]], path: Path) -> None:
    """Save the tables where the codec reads them (radiosem/codecs/context.npz)."""
    np.savez_compressed(path, allow_pickle=False, **tables)
