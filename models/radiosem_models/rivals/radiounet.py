"""Buildings and transmitter -> map by two U-Nets, the second correcting the first: RadioUNet (arXiv 1911.09002)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from radiosem_models.rivals.rival import Cascade


@dataclass(frozen=True)
class Widths:
    """Channels of one U-Net of RadioUNet, in the order of the paper's table of layers.

    full          at full resolution, on the way down
    down          after each of the eight convolutions on the way down, six of which halve
    up            after each of the eight steps back up
    last          at full resolution, on the way up
    """

    full: int
    down: tuple[int, ...]
    up: tuple[int, ...]
    last: int


FIRST = Widths(6, (40, 50, 60, 100, 100, 150, 300, 500), (300, 150, 100, 100, 60, 50, 40, 20), 20)
SECOND = Widths(20, (30, 40, 50, 60, 70, 90, 110, 150), (110, 90, 70, 60, 50, 40, 30, 20), 20)
HALVES = (True, True, False, True, False, True, True, True)  # which steps down change the resolution
KERNEL_DOWN = (5, 5, 5, 5, 3, 5, 5, 5)
KERNEL_UP = (4, 4, 4, 3, 6, 5, 6, 6)


def _down(c_in: int, c_out: int, kernel: int, halve: bool) -> nn.Sequential:
    pool = [nn.MaxPool2d(2)] if halve else []
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, 1, kernel // 2), nn.ReLU(), *pool)


def _up(c_in: int, c_out: int, kernel: int, double: bool) -> nn.Sequential:
    if not double:
        return _down(c_in, c_out, kernel, False)
    return nn.Sequential(nn.ConvTranspose2d(c_in, c_out, kernel, 2, kernel // 2 - 1), nn.ReLU())


class PoolingUNet(nn.Module):
    """One U-Net of RadioUNet: convolutions with ReLU, max pooling, transposed convolutions; the input joins at the end.

        x -> full -> down 1 -> ... -> down 8
              |         |               up 1
        y <- last <-- up 8 <-- ...  <---+        every step up is joined with what went down at its level

    The output passes a ReLU too, as in the paper: no grey below 0. Chosen: its bias begins above 0, for a ReLU that is
    0 everywhere from the start never learns.
    """

    def __init__(self, c_in: int, widths: Widths) -> None:
        super().__init__()
        self.full = _down(c_in, widths.full, 3, False)
        steps = (widths.full, *widths.down)
        self.down = nn.ModuleList(
            _down(a, b, k, half) for a, b, k, half in zip(steps, widths.down, KERNEL_DOWN, HALVES, strict=False)
        )
        joined = (0, *reversed(widths.down[:-1]))
        below = (widths.down[-1], *widths.up)
        self.up = nn.ModuleList(
            _up(a + skip, b, k, double)
            for a, skip, b, k, double in zip(below, joined, widths.up, KERNEL_UP, reversed(HALVES), strict=False)
        )
        self.last = _down(widths.up[-1] + widths.full + c_in, widths.last, 5, False)
        self.head = _down(widths.last + c_in, 1, 5, False)
        nn.init.constant_(self.head[0].bias, 0.1)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] -> [B, 1, H, W]; sides are multiples of 64."""
        full = self.full(x)
        levels = [full]
        for step in self.down:
            levels.append(step(levels[-1]))
        y = levels.pop()
        for i, step in enumerate(self.up):
            y = step(y if i == 0 else torch.cat([y, levels.pop()], 1))
        y = self.last(torch.cat([y, full, x], 1))
        grey: Tensor = self.head(torch.cat([y, x], 1))
        return grey


class RadioUNet(Cascade):
    """RadioUNet_C, trained on maps alone (arXiv 1911.09002): two U-Nets, see `Cascade`.

    With buildings and transmitter, 13.27 million parameters as published. Differs: a third channel, cars, also where
    there are none, and the loop's learning rate instead of steps.

    channels  names of the channels in
    """

    sides_multiple_of: ClassVar[int] = 64

    def __init__(self, channels: tuple[str, ...]) -> None:
        super().__init__(channels)
        self.first = PoolingUNet(len(channels), FIRST)
        self.second = PoolingUNet(len(channels) + 1, SECOND)
