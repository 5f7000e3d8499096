"""Buildings and transmitter -> map by a conditional GAN for images (pix2pix, arXiv 1611.07004): no physics at all."""

import itertools
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from radiosem_models.rivals.adversarial import Adversarial, fooled, told_apart

# Weights of the losses. The paper's second is 1, for images that should look true; a map should be true.
L1_WEIGHT, ADVERSARIAL_WEIGHT = 100.0, 0.01


class StridedUNet(nn.Module):
    """The paper's generator: 4 x 4 convolutions of stride 2 down, transposed ones up, every level joined.

    Left open by the size of our maps: its depth is that of `widths`, each of which halves.
    """

    def __init__(self, c_in: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(widths))
        self.stem = nn.Conv2d(c_in, widths[0], 4, 2, 1)
        self.down = nn.ModuleList(
            nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b)) for a, b in pairs
        )
        self.up = nn.ModuleList(
            nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(below, a, 4, 2, 1, bias=False), nn.BatchNorm2d(a))
            for a, below in zip(widths[:-1], (*(2 * b for b in widths[1:-1]), widths[-1]), strict=True)
        )
        self.head = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], 1, 4, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] -> [B, 1, H, W]; sides are multiples of 2 ** levels."""
        levels = [self.stem(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        y = levels.pop()
        for up in reversed(self.up):
            y = torch.cat([up(y), levels.pop()], 1)
        out: Tensor = self.head(y)
        return out


class PlainCGan(Adversarial):
    """pix2pix from a block to its map: L1 and a patch discriminator (arXiv 1611.07004; Table I of arXiv 2501.10654).

        channels -> strided U-Net -> grey;  grey, channels -> patch discriminator -> true or drawn

    Differs: half the paper's widths and six of its eight levels, 7 instead of 54 million parameters, so that two cores
    train it; the output is linear, where the paper's tanh would need grey in [-1, 1]; no dropout as noise; a hundredth
    of the paper's adversarial weight.

    channels  names of the channels in
    widths    channels of the U-Net's levels
    """

    sides_multiple_of: ClassVar[int] = 64

    def __init__(self, channels: tuple[str, ...], widths: tuple[int, ...] = (32, 64, 128, 256, 256, 256)) -> None:
        super().__init__(channels)
        self.unet = StridedUNet(len(channels), widths)

    def losses(
        self, channels: Tensor, truth: Tensor, weight: Tensor, phase: int, players: Mapping[str, nn.Module]
    ) -> dict[str, Tensor]:
        """Weighted L1 and the adversarial loss; the discriminator's."""
        fake = self(channels)
        judge = players["discriminator"]
        l1 = (weight * (fake - truth).abs()).mean()
        return {
            "network": L1_WEIGHT * l1 + ADVERSARIAL_WEIGHT * fooled(judge, fake, channels),
            "discriminator": told_apart(judge, fake, truth, channels),
        }
