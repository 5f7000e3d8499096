"""Buildings and transmitter -> map through a narrow code: the autoencoder of Table I in arXiv 2501.10654."""

import itertools
from typing import ClassVar

from torch import Tensor, nn

from radiosem_models.rivals.rival import Rival


class AutoEncoder(Rival):
    """Convolutional autoencoder without skips (as in arXiv 2005.05964, which completes maps with one).

        channels -> conv / 2 -> conv / 2 -> conv / 2 -> conv / 2 -> code [code, H / 16, W / 16]
        grey <- convT x 2 <- convT x 2 <- convT x 2 <- convT x 2 <----+

    Left open by the paper: everything but the name. Chosen: 4 x 4 kernels of stride 2, LeakyReLU, a linear output, MSE.

    channels  names of the channels in
    widths    channels after each halving
    code      channels of the code
    """

    sides_multiple_of: ClassVar[int] = 16

    def __init__(self, channels: tuple[str, ...], widths: tuple[int, ...] = (32, 64, 128, 256), code: int = 64) -> None:
        super().__init__(channels)
        down: list[nn.Module] = []
        for a, b in itertools.pairwise((len(channels), *widths)):
            down += [nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        up: list[nn.Module] = [nn.Conv2d(code, widths[-1], 3, 1, 1), nn.LeakyReLU(0.2, inplace=True)]
        for a, b in itertools.pairwise((*reversed(widths), widths[0])):
            up += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        self.encoder = nn.Sequential(*down, nn.Conv2d(widths[-1], code, 3, 1, 1))
        self.decoder = nn.Sequential(*up, nn.Conv2d(widths[0], 1, 3, 1, 1))

    def forward(self, channels: Tensor) -> Tensor:
        """[B, C, H, W] -> grey [B, 1, H, W]."""
        grey: Tensor = self.decoder(self.encoder(channels))
        return grey
