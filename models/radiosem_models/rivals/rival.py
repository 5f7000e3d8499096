"""What the task asks of a rival: channels -> a map as grey, and the loss its paper trains with."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from radiosem.physics.features import CHANNELS

_PLAIN = ("buildings", "transmitter", "cars")

# Name in a recipe -> the channels a rival is given; every set begins with the plain ones.
INPUTS: dict[str, tuple[str, ...]] = {
    "plain": _PLAIN,
    "law": (*_PLAIN, "law"),
    "depth": (*_PLAIN, "depth map"),
    "physics": (*_PLAIN, *(name for name in CHANNELS if name not in _PLAIN)),
}


def weighted_mse(grey: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean over all pixels of the squared difference, each times its weight."""
    return (weight * (grey - truth) ** 2).mean()


class Rival(nn.Module):
    """A network and its paper's training. Called on channels [B, C, H, W] it returns grey [B, 1, H, W], not clamped.

    channels           names of those it is given, in order
    phases             how many the training has
    phase              which one runs, or was the last; the task sets it
    sides_multiple_of  what H and W must divide by
    """

    phases: ClassVar[int] = 1
    sides_multiple_of: ClassVar[int] = 1

    def __init__(self, channels: tuple[str, ...]) -> None:
        super().__init__()
        self.channels, self.phase = channels, self.phases - 1

    def learner(self, phase: int) -> nn.Module:
        """The part that learns in a phase."""
        return self

    def players(self) -> dict[str, nn.Module]:
        """Networks that learn beside this one and are not exported: discriminators and the like."""
        return {}

    def losses(
        self, channels: Tensor, truth: Tensor, weight: Tensor, phase: int, players: Mapping[str, nn.Module]
    ) -> dict[str, Tensor]:
        """Loss by name of who learns from it: "network", and every player.

        channels, truth, weight  [B, C, H, W], [B, 1, H, W], [B, 1, H, W]
        phase                    0 .. phases - 1
        players                  those of `players`, on their way
        """
        return {"network": weighted_mse(self(channels), truth, weight)}


class Cascade(Rival):
    """Two networks, the second of which draws the map again beside what the first drew; subclasses set both.

        channels -+-> first -> grey -+
                  +------------------+-> second -> grey

    They learn one after the other by MSE: in phase 0 the first alone, which then draws alone; in phase 1 the second,
    the first frozen.
    """

    phases: ClassVar[int] = 2
    first: nn.Module
    second: nn.Module

    def forward(self, channels: Tensor) -> Tensor:
        """[B, C, H, W] -> grey [B, 1, H, W]."""
        grey: Tensor = self.first(channels)
        return grey if self.phase == 0 else self.second(torch.cat([channels, grey], 1))

    def learner(self, phase: int) -> nn.Module:
        """The first network, then the second."""
        return (self.first, self.second)[phase]

    def losses(
        self, channels: Tensor, truth: Tensor, weight: Tensor, phase: int, players: Mapping[str, nn.Module]
    ) -> dict[str, Tensor]:
        """MSE of the network whose turn it is."""
        if phase == 0:
            return {"network": weighted_mse(self.first(channels), truth, weight)}
        self.first.eval()  # frozen, its running means too
        with torch.no_grad():
            drawn = self.first(channels)
        return {"network": weighted_mse(self.second(torch.cat([channels, drawn], 1)), truth, weight)}
