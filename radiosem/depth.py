"""Buildings, transmitters and path-loss laws -> radio depth map, by one walk along every sight line."""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.types import RECEIVER_HEIGHT_M, BuildingMap, DepthMap, Grid, PathLoss, Transmitter


@dataclass(frozen=True)
class SightLines:
    """What the straight line from a transmitter to every pixel meets, each float32 [H, W].

    free_share   share of its pixels that are free of buildings, both ends counted (eq. 4), in [0, 1]
    clear_near   pixels from the transmitter to the first building on the line (the whole line if none)
    clear_far    pixels from the last building on the line to the target (the whole line if none)
    """

    free_share: NDArray[np.float32]
    clear_near: NDArray[np.float32]
    clear_far: NDArray[np.float32]


@numba.njit(parallel=True, cache=True, boundscheck=False)
def _walk(buildings, col0, row0, share, near, far):  # type: ignore[no-untyped-def]
    rows, cols = buildings.shape
    for row in numba.prange(rows):
        for col in range(cols):
            dc, dr = col - col0, row - row0
            n = max(abs(dc), abs(dr))
            # Fixed point, 32 fractional bits, starting half a pixel in, so that a shift rounds.
            half = np.int64(1) << 31
            step_c, step_r = np.int64(0), np.int64(0)
            if n > 0:
                step_c = (np.int64(dc) << 32) // n
                step_r = (np.int64(dr) << 32) // n
            c, r = (np.int64(col0) << 32) + half, (np.int64(row0) << 32) + half
            blocked, first, last = 0, -1, -1
            for i in range(n + 1):
                if buildings[r >> 32, c >> 32]:
                    blocked += 1
                    if first < 0:
                        first = i
                    last = i
                c += step_c
                r += step_r
            share[row, col] = 1.0 - blocked / (n + 1)
            near[row, col] = n if first < 0 else first
            far[row, col] = n if first < 0 else n - last


def sight_lines(buildings: BuildingMap, transmitter: Transmitter) -> SightLines:
    """Walk the pixel line from the transmitter to every pixel.

    The line has max(|dcol|, |drow|) + 1 pixels, one a step along its longer axis, the other axis rounded to the
    nearest pixel centre (ties towards the higher index).

    buildings    bool [H, W], row 0 = north
    transmitter  inside the grid
    """
    out = [np.empty(buildings.shape, np.float32) for _ in range(3)]
    _walk(np.ascontiguousarray(buildings, np.uint8), transmitter.col, transmitter.row, *out)
    return SightLines(*out)


def distance_m(grid: Grid, transmitter: Transmitter) -> NDArray[np.float32]:
    """3D distance in metres from the antenna to the receiver height over every pixel, at least 1 m. float32 [H, W]."""
    row, col = np.ogrid[: grid.rows, : grid.cols]
    flat2 = ((row - transmitter.row) ** 2 + (col - transmitter.col) ** 2) * grid.cell_size_m**2
    return np.maximum(np.sqrt(flat2 + (transmitter.height_m - RECEIVER_HEIGHT_M) ** 2), 1.0).astype(np.float32)


def path_loss_db(grid: Grid, transmitter: Transmitter, law: PathLoss) -> NDArray[np.float32]:
    """Loss of the log-distance law over every pixel, dB, positive. float32 [H, W] (arXiv 2501.10654, eq. 2)."""
    return np.asarray(law.pl0_db + law.slope_db * np.log10(distance_m(grid, transmitter)), np.float32)


def depth_map(
    buildings: BuildingMap,
    transmitters: tuple[Transmitter, ...],
    path_losses: tuple[PathLoss, ...],
    cell_size_m: float = 1.0,
    weigh: str = "loss",
    floor_db: float = -150.0,
) -> DepthMap:
    """Propagation law weighted by the free share of each sight line, summed over transmitters (arXiv 2501.10654, eq. 3-4).

    buildings     bool [H, W], row 0 = north
    transmitters  T of them, inside the grid
    path_losses   T of them, dB at 1 m and dB per decade of metres
    weigh         "loss": path loss as the paper prints it; "power": path gain above `floor_db`, which is what obstacles weaken
    returns       float32 [H, W], scaled to a maximum of 1
    raises        InputError naming the transmitter that lies outside the grid, or the unknown `weigh`
    """
    if len(transmitters) != len(path_losses):
        raise InputError(f"path_losses has {len(path_losses)} laws for {len(transmitters)} transmitters; give one each")
    if weigh not in ("loss", "power"):
        raise InputError(f'weigh is {weigh!r}; it must be "loss" or "power"')
    grid = Grid(*buildings.shape, cell_size_m)
    total = np.zeros(grid.shape, np.float32)
    for index, (transmitter, law) in enumerate(zip(transmitters, path_losses, strict=True)):
        transmitter.check_inside(grid, index)
        loss_db = path_loss_db(grid, transmitter, law)
        weight = loss_db if weigh == "loss" else np.maximum(-loss_db - floor_db, 0)
        total += weight * sight_lines(buildings, transmitter).free_share
    return total / max(float(total.max()), 1e-9)
