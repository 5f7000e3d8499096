"""Causes -> the map that the generator draws: at the receiver, and at an edge that rehearses the receiver's part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiosem.inference import STRIDE, Runs, pad_sides
from radiosem.physics.features import CHANNELS, generator_features
from radiosem.scale import RAYTRACED
from radiosem.types import BuildingMap, CarMap, Grid, PathLoss, Transmitter

SIGHT = CHANNELS.index("sight")


@dataclass(frozen=True)
class Rebuilt:
    """What the causes alone tell of one transmitter's gain.

    gain_db    float32 [H, W] path gain, at least -150 dB
    buildings  bool [H, W] that it was rebuilt with; None where the mask was lost
    sight      float32 [H, W], 1 where the transmitter is in sight, else 0; None where the mask was lost
    """

    gain_db: NDArray[np.float32]
    buildings: BuildingMap | None = None
    sight: NDArray[np.float32] | None = None


def draw(generator: Runs, stacks: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Channels of blocks of one shape -> path gain in dB, float32 [H, W] each.

    generator  features [N, C, H, W] -> grey [N, 1, H, W] in the `raytraced` scale, sides multiples of `STRIDE`
    stacks     float32 [C, H, W] each, see `generator_features`
    raises     FloatingPointError when the network's output is not finite
    """
    rows, cols = stacks[0].shape[-2:]
    (grey,) = generator(features=np.stack([pad_sides(channels, STRIDE) for channels in stacks]))
    if not np.isfinite(grey).all():  # stored, it would spoil every list that names this map
        raise FloatingPointError("the generator's output is not finite")
    return [RAYTRACED.gain_db(np.clip(one[:rows, :cols], 0, 1)) for one in grey[:, 0]]


def rehearse(
    generator: Runs,
    buildings: BuildingMap,
    cars: CarMap | None,
    transmitters: tuple[Transmitter, ...],
    laws: tuple[PathLoss, ...],
    grid: Grid,
) -> tuple[Rebuilt, ...]:
    """What the receiver will rebuild of each transmitter, not yet mended, from a mask that arrives as it is sent."""
    rebuilt = []
    for transmitter, law in zip(transmitters, laws, strict=True):  # one at a time: an edge has little memory
        channels = generator_features(buildings, cars, transmitter, law, grid)
        rebuilt.append(Rebuilt(draw(generator, [channels])[0], buildings, channels[SIGHT].copy()))
    return tuple(rebuilt)
