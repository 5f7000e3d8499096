"""The few layers that all our networks are made of."""

import itertools
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def channels_last(module: AnyModule) -> AnyModule:
    """Lay the weights out as the CPU's convolutions want them."""
    return cast(AnyModule, module.to(memory_format=torch.channels_last))  # type: ignore[call-overload]


class ConvBlock(nn.Sequential):
    """3 x 3 convolution -> GroupNorm -> SiLU, [B, c_in, H, W] -> [B, c_out, H / stride, W / stride].

    batch_norm  BatchNorm instead: it folds into the convolution, and judges a small image as it does a large one
    kernel      side of the convolution
    """

    def __init__(self, c_in: int, c_out: int, stride: int = 1, *, batch_norm: bool = False, kernel: int = 3) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, stride, (kernel - stride + 1) // 2, bias=False),
            nn.BatchNorm2d(c_out) if batch_norm else nn.GroupNorm(8, c_out),
            nn.SiLU(inplace=True),
        )


class ResBlock(nn.Module):
    """x -> x + norm(conv(ConvBlock(x))), [B, c, H, W] -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.GroupNorm(8, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Refine x."""
        return F.silu(x + self.second(self.first(x)))


class UNet(nn.Module):
    """U-Net behind a pixel-unshuffle stem (arXiv 1505.04597; stem as in arXiv 1609.05158, inverted).

        x -> unshuffle -> stem -+-> down -> block -+-> down -> block ... -> block
                                |                  |                         up
        y <- shuffle <- head <- merge <--- up <--- merge <--- up <---  ...  <-+

    Full resolution is seen only by the shuffles and the finest level has no block, so that two CPU cores train on it.

    c_in, c_out  channels in and out
    widths       channels at each level, the first at 1 / factor of the input's resolution
    factor       of the unshuffle
    """

    def __init__(self, c_in: int, c_out: int, widths: tuple[int, ...], factor: int = 2) -> None:
        super().__init__()
        self.factor = factor
        self.stem = ConvBlock(c_in * factor**2, widths[0])
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(nn.Sequential(ConvBlock(a, b, 2), ResBlock(b)) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.merge = nn.ModuleList(ConvBlock(2 * a, a) for a, _ in pairs)
        self.head = nn.Conv2d(widths[0], c_out * factor**2, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] -> [B, c_out, H, W]; sides are multiples of factor * 2 ** (levels - 1)."""
        x = self.stem(F.pixel_unshuffle(x, self.factor))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for i in reversed(range(len(skips))):
            x = F.interpolate(self.up[i](x), scale_factor=2.0, mode="nearest")
            x = self.merge[i](torch.cat([x, skips[i]], 1))
        return F.pixel_shuffle(self.head(x), self.factor)


class PatchUNet(nn.Module):
    """U-Net (arXiv 1505.04597) on patches of pixels, with additive skips: made for one core at the edge.

        x ── stem ── level 0 ─────────── + ── refine ── head ── shuffle ── y
                      │ down             │ up
                     level 1 ─────── + ── refine
                      │ down         │ up
                     level 2 ────────┘

    The stem is one convolution of twice the patch's side. A level is a residual 3 x 3 block, `down` a strided one,
    `up` a 1 x 1 convolution and nearest neighbours. Skips are added, not concatenated, which halves the decoder's work,
    and the normalisation folds into the convolutions.

    c_in, c_out  channels in and out
    widths       channels of the levels; the sides of x are multiples of patch * 2 ** (levels - 1)
    patch        side in pixels
    """

    def __init__(self, c_in: int, c_out: int, widths: tuple[int, ...], patch: int = 4) -> None:
        super().__init__()
        self.patch = patch

        def block(a: int, b: int, stride: int = 1, kernel: int = 3) -> ConvBlock:
            return ConvBlock(a, b, stride, batch_norm=True, kernel=kernel)

        self.stem = block(c_in, widths[0], patch, 2 * patch)
        self.levels = nn.ModuleList(block(w, w) for w in widths)
        self.down = nn.ModuleList(block(a, b, 2) for a, b in itertools.pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in itertools.pairwise(widths))
        self.refine = nn.ModuleList(block(w, w) for w in widths[:-1])
        self.head = nn.Conv2d(widths[0], c_out * patch**2, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] -> [B, c_out, H, W]."""
        x = self.stem(x)
        skips = []
        for level, down in zip(self.levels, self.down, strict=False):
            skips.append(x + level(x))
            x = down(skips[-1])
        x = x + self.levels[-1](x)
        for i in reversed(range(len(skips))):
            x = skips[i] + F.interpolate(self.up[i](x), scale_factor=2.0, mode="nearest")
            x = x + self.refine[i](x)
        return F.pixel_shuffle(self.head(x), self.patch)
