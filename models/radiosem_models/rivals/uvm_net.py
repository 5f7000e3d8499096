"""Buildings and transmitter -> map by a U-Net whose coarse levels see the whole image: UVM-Net (arXiv 2402.04139)."""

import itertools
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radiosem_models.rivals.rival import Rival

NEVER = -1e4  # exponent of what lies in the future


class RowScan(nn.Module):
    """A selective state-space model over the pixels of an image in reading order (arXiv 2405.21060, eq. 1-3).

        h_t = exp(-r dt_t) h_(t-1) + dt_t B_t x_t        y_t = C_t h_t + D x_t

    One decay a head, so the sum over the past is a matrix: within a row between its pixels, and between rows by the
    state that each leaves to the next. No loop, any size of image.

    channels  in and out, a multiple of `head`
    state     length of B_t and C_t
    head      channels that share a decay
    """

    def __init__(self, channels: int, state: int = 8, head: int = 16) -> None:
        super().__init__()
        self.heads = channels // head
        self.parts = (channels, self.heads, state, state)
        self.project = nn.Conv2d(channels, sum(self.parts), 1)
        self.log_rate = nn.Parameter(torch.linspace(0, 2, self.heads))
        # Softplus of -4.6 is 0.01: at first a head remembers some ten to a hundred pixels.
        self.dt_bias = nn.Parameter(torch.full((self.heads,), -4.6))
        self.skip = nn.Parameter(torch.ones(self.heads))

    def forward(self, image: Tensor) -> Tensor:
        """[B, C, H, W] -> the same, in float32: a decay over a whole image is not for less."""
        with torch.autocast(image.device.type, enabled=False):
            return self._scan(image.float())

    def _scan(self, image: Tensor) -> Tensor:
        batch, channels, rows, cols = image.shape
        x, dt, b, c = self.project(image).split(self.parts, 1)
        x = x.reshape(batch, self.heads, channels // self.heads, rows, cols)
        dt = F.softplus(dt + self.dt_bias[:, None, None])
        run = torch.cumsum(-self.log_rate.exp()[:, None, None] * dt, -1)  # log decay since the row began [B, h, H, W]

        past = torch.ones(cols, cols, device=image.device).tril()
        fade = torch.exp((run[..., :, None] - run[..., None, :]) * past + NEVER * (1 - past))
        pairs = torch.einsum("bnyt,bnys->byts", c, b)
        y = torch.einsum("bhyts,bhpys->bhpyt", fade * pairs[:, None] * dt[..., None, :], x)

        row_end = run[..., -1]
        left = x * (torch.exp(row_end[..., None] - run) * dt)[:, :, None]
        states = torch.einsum("bnys,bhpys->bhpny", b, left)
        total = torch.cumsum(row_end, -1)
        above = torch.ones(rows, rows, device=image.device).tril(-1)
        since = (total - row_end)[..., :, None] - total[..., None, :]
        carry = torch.exp(since * above + NEVER * (1 - above))
        entering = torch.einsum("bhyq,bhpnq->bhpny", carry, states)
        y = y + torch.einsum("bnyt,bhpny->bhpyt", c, entering) * torch.exp(run)[:, :, None]

        out: Tensor = y + self.skip[:, None, None, None] * x
        return out.reshape(batch, channels, rows, cols)


class BiSsmBlock(nn.Module):
    """x -> x + smooth(forward scan + backward scan of norm(x * gate(x))): convolutions look near, the scans far."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1), nn.ReLU(), nn.Conv2d(channels, channels, 3, 1, 1), nn.Sigmoid()
        )
        self.norm = nn.GroupNorm(1, channels)
        self.forwards, self.backwards = RowScan(channels), RowScan(channels)
        self.smooth = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same."""
        near = self.norm(x * self.gate(x))
        far = self.forwards(near) + self.backwards(near.flip((2, 3))).flip((2, 3))
        out: Tensor = x + self.smooth(far)
        return out


def _convs(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, 1, 1), nn.GroupNorm(8, c_out), nn.ReLU(),
        nn.Conv2d(c_out, c_out, 3, 1, 1), nn.GroupNorm(8, c_out), nn.ReLU(),
    )  # fmt: skip


class UvmNet(Rival):
    """U-shaped Vision Mamba (arXiv 2402.04139), trained as RadioUNet's first U-Net is, as in RadioDiff's Table II.

        x -> convs -> / 2 convs -> / 4 convs, Bi-SSM -> / 8 convs, Bi-SSM -> / 16 convs, Bi-SSM
              |          |            |                    |                   up
        y <- head <-- merge <------ merge <------------- merge <--------------+

    Differs: the paper's second scan runs over channels with weights as many as pixels, which fixes the size of the
    image; here both scans run over pixels, one backwards, and the two are added instead of one weighing the other. The
    scan is in plain torch, with one decay a head. Left open: the widths. Chosen small, for two cores.

    channels  names of the channels in
    widths    channels of the levels; from the third on, multiples of 16
    """

    sides_multiple_of: ClassVar[int] = 16

    def __init__(self, channels: tuple[str, ...], widths: tuple[int, ...] = (16, 32, 64, 96, 128)) -> None:
        super().__init__(channels)
        pairs = list(itertools.pairwise(widths))
        self.stem = _convs(len(channels), widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), _convs(a, b), BiSsmBlock(b) if i else nn.Identity())
            for i, (a, b) in enumerate(pairs)
        )
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.merge = nn.ModuleList(_convs(2 * a, a) for a, _ in pairs)
        self.head = nn.Conv2d(widths[0], 1, 3, 1, 1)

    def forward(self, channels: Tensor) -> Tensor:
        """[B, C, H, W] -> grey [B, 1, H, W]."""
        levels = [self.stem(channels)]
        for down in self.down:
            levels.append(down(levels[-1]))
        y = levels.pop()
        for i in reversed(range(len(levels))):
            y = F.interpolate(self.up[i](y), scale_factor=2.0, mode="nearest")
            y = self.merge[i](torch.cat([y, levels[i]], 1))
        grey: Tensor = self.head(y)
        return grey
