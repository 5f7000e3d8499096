"""Grey values <-> path gain in dB, for every data set the project reads. Nowhere else are grey values known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]  # [H, W] in [0, 1]


@dataclass(frozen=True)
class Scale:
    """A linear grey scale of path gain: grey 0 is `floor_db`, grey 1 is `top_db` (both dB, negative).

    An 8-bit 0 outdoors is censored: at most the floor, not known.
    """

    name: str
    floor_db: float
    top_db: float

    @property
    def span_db(self) -> float:
        """dB from grey 0 to grey 1."""
        return self.top_db - self.floor_db

    def gain_db(self, grey: NDArray[Any]) -> NDArray[np.float32]:
        """Grey in [0, 1] -> path gain in dB."""
        return np.asarray(self.floor_db + grey * self.span_db, np.float32)

    def grey(self, gain_db: NDArray[Any], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Path gain in dB -> grey, clipped to [0, 1]; written to `out` where it is given."""
        grey = np.asarray(np.subtract(np.asarray(gain_db, np.float32), np.float32(self.floor_db), out=out))
        grey /= np.float32(self.span_db)
        return np.clip(grey, 0, 1, out=grey)


RAYTRACED = Scale("raytraced", -150.0, -47.86)
# Free space at 1 m and 5.9 GHz down to the truncation of the data set (arXiv 2212.11777).
RADIOMAPSEER = Scale("radiomapseer", -147.0, -47.84)
SCALES = {scale.name: scale for scale in (RAYTRACED, RADIOMAPSEER)}
