"""Buildings and a path-loss law -> map by two U-Nets, one after the other: Geo2SigMap (arXiv 2312.14303)."""

import itertools
from typing import ClassVar

import torch
from torch import Tensor, nn

from radiosem_models.rivals.rival import Cascade


class _TwoConvs(nn.Sequential):
    """Two 3 x 3 convolutions, each with BatchNorm and ReLU."""

    def __init__(self, c_in: int, c_out: int) -> None:
        layers: list[nn.Module] = []
        for c in (c_in, c_out):
            layers += [nn.Conv2d(c, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]
        super().__init__(*layers)


class ClassicUNet(nn.Module):
    """The U-Net of arXiv 1505.04597 with padding and BatchNorm, at full resolution.

    residual  index of an input channel that the output is a correction to; None for none
    """

    def __init__(self, c_in: int, widths: tuple[int, ...], residual: int | None = None) -> None:
        super().__init__()
        self.residual = residual
        pairs = list(itertools.pairwise(widths))
        self.stem = _TwoConvs(c_in, widths[0])
        self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), _TwoConvs(a, b)) for a, b in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairs)
        self.merge = nn.ModuleList(_TwoConvs(2 * a, a) for a, _ in pairs)
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] -> [B, 1, H, W]; sides are multiples of 2 ** (levels - 1)."""
        levels = [self.stem(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        y = levels.pop()
        for i in reversed(range(len(levels))):
            y = self.merge[i](torch.cat([levels[i], self.up[i](y)], 1))
        out: Tensor = self.head(y)
        return out if self.residual is None else out + x[:, self.residual : self.residual + 1]


class Geo2SigMap(Cascade):
    """Geo2SigMap's cascade (arXiv 2312.14303), see `Cascade`: an isotropic U-Net that corrects a law, then a second.

    Differs: no building heights from LiDAR or other databases, and no signal measurements, for nobody else here has
    them; antennas are isotropic, so the second U-Net, which there adds their direction, is left to refine; a quarter of
    the paper's widths, 2 x 1.9 instead of 2 x 31 million parameters, so that two cores train them. The law is the one
    fitted elsewhere. Without it among the channels the first U-Net draws from nothing.

    channels  names of the channels in
    widths    channels of the levels of each U-Net
    """

    sides_multiple_of: ClassVar[int] = 16

    def __init__(self, channels: tuple[str, ...], widths: tuple[int, ...] = (16, 32, 64, 128, 256)) -> None:
        super().__init__(channels)
        law = channels.index("law") if "law" in channels else None
        self.first = ClassicUNet(len(channels), widths, law)
        self.second = ClassicUNet(len(channels) + 1, widths)
