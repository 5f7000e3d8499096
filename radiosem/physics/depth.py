"""Buildings, transmitters and path-loss laws -> radio depth map, by what stands on the sight line to every pixel.

A sight line is the pixel line from transmitter to target. With n steps along its longer axis and an offset of m along
the other, its pixel i of 0..n lies i along the longer axis and floor(i * m / n + 1/2) along the other: the exact ratio,
rounded to the nearest pixel centre, ties towards the higher index.

The grid falls into four sectors around the transmitter, one a direction of the longer axis. In a flat array, `major`
and `minor` are the index steps along the two axes, `reach` the pixels to the border along the first, `low` and `high`
the pixels to the borders on either side along the second.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from radiosem.compiled import compiled
from radiosem.errors import InputError
from radiosem.scale import RAYTRACED
from radiosem.types import (
    RECEIVER_HEIGHT_M,
    SPEED_OF_LIGHT_M_S,
    BuildingMap,
    DepthMap,
    Grid,
    PathLoss,
    Transmitter,
)

# Fixed point with 32 fractional bits. On sides of at most 1024 pixels the rounding of a slope adds up to less than
# 2**-21, while a ratio with a denominator of at most 2048 that is no integer is 2**-11 away from the nearest.
# So a floor is exact when slopes are rounded up, and so is a ceiling taken as the floor of one more, less MARGIN.
ONE, HALF, MARGIN = 1 << 32, 1 << 31, 1 << 16


@compiled
def _share_sector(buildings, origin, major, minor, reach, low, high, share):  # type: ignore[no-untyped-def]
    """Free share of every line of a sector, at a cost of one step per edge of a building instead of one per pixel.

    The lines with n steps see column i (the pixels i steps away) stretched by n / i. So pixel v of it lies on the lines
    from m = ceil((v - 1/2) n / i) on, up to where pixel v + 1 begins, and the blocked pixels of all lines with n steps
    are a running sum over m of the changes between neighbours in all columns up to n.
    """
    width = low + high + 1
    slopes = np.empty(reach * width, np.int64)  # of the edges found so far, (v - 1/2) / i
    changes = np.empty(reach * width, np.int64)  # +1 where a building begins, -1 where it ends
    edges = 0
    before_first = np.int64(buildings[origin])
    starts = np.empty(width + 1, np.int64)
    for n in range(1, reach + 1):
        here = origin + n * major
        first, last = -min(n, low), min(n, high)
        before_first += buildings[here + first * minor]
        for v in range(first + 1, last + 1):
            change = np.int64(buildings[here + v * minor]) - np.int64(buildings[here + (v - 1) * minor])
            if change != 0:
                slopes[edges] = ((2 * v - 1) * ONE) // (2 * n) + 1
                changes[edges] = change
                edges += 1

        starts[:] = 0
        for edge in range(edges):
            m = (n * slopes[edge] + ONE - MARGIN) >> 32
            starts[min(max(m + low, 0), width)] += changes[edge]
        blocked = before_first
        for m in range(first, last + 1):
            blocked += starts[m + low]
            share[here + m * minor] = 1.0 - blocked / (n + 1)


@compiled
def _clear_sector(buildings, origin, major, minor, reach, low, high, near, far):  # type: ignore[no-untyped-def]
    """Walk the lines to the border once, and leave on every pixel what the line nearest to its centre met so far."""
    for m in range(-reach, reach + 1):
        slope = (m * ONE) // max(reach, 1) + 1
        first = 0 if buildings[origin] else reach + 1
        last = 0
        for i in range(1, reach + 1):
            v = (i * slope + HALF) >> 32
            if not -low <= v <= high:
                break
            here = origin + i * major + v * minor
            inside = buildings[here] != 0
            first = min(first, i) if inside else first
            last = i if inside else last
            # Written without branches, which would be guessed wrong at every other step.
            nearest = abs(i * slope - v * ONE) * 2 * reach <= i * ONE + MARGIN * reach
            near[here] = min(first, i) if nearest else near[here]
            far[here] = i - last if nearest else far[here]


def _sectors(grid: Grid, transmitter: Transmitter) -> Iterator[tuple[int, int, int, int, int, int]]:
    """(origin, major, minor, reach, low, high) of the sectors to the east, west, south and north."""
    transmitter.check_inside(grid)
    west, east = transmitter.col, grid.cols - 1 - transmitter.col
    north, south = transmitter.row, grid.rows - 1 - transmitter.row
    origin = transmitter.row * grid.cols + transmitter.col
    yield origin, 1, grid.cols, east, north, south
    yield origin, -1, grid.cols, west, north, south
    yield origin, grid.cols, 1, south, west, east
    yield origin, -grid.cols, 1, north, west, east


def free_share(buildings: BuildingMap, transmitter: Transmitter) -> NDArray[np.float32]:
    """Share of the pixels on the line from the transmitter that are free of buildings (arXiv 2501.10654, eq. 4).

    buildings    bool [H, W], row 0 = north
    transmitter  inside the grid
    returns      float32 [H, W] in [0, 1], both ends of the line counted
    raises       InputError when the transmitter is outside, or a side is not 32..1024 pixels
    """
    flat = _flat(buildings)
    share = np.empty(buildings.shape, np.float32)
    for sector in _sectors(Grid(*buildings.shape), transmitter):
        _share_sector(flat, *sector, share.ravel())
    share[transmitter.row, transmitter.col] = not buildings[transmitter.row, transmitter.col]
    return share


def clear_ends(buildings: BuildingMap, transmitter: Transmitter) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far the line from the transmitter to every pixel is free at either end, float32 [H, W] each, in pixels.

    Of the lines to the border, it is the one that passes nearest to the pixel's centre.

    buildings    bool [H, W], row 0 = north
    transmitter  inside the grid
    returns      from the transmitter to the first building, and from the last building to the pixel; the whole line
                 where it meets none
    raises       InputError as `free_share`
    """
    flat = _flat(buildings)
    near, far = np.zeros((2, *buildings.shape), np.float32)
    for sector in _sectors(Grid(*buildings.shape), transmitter):
        _clear_sector(flat, *sector, near.ravel(), far.ravel())
    return near, far


def _flat(buildings: BuildingMap) -> NDArray[np.uint8]:
    return np.array(buildings, np.bool_, order="C").view(np.uint8).ravel()


def distance_m(grid: Grid, transmitter: Transmitter) -> NDArray[np.float32]:
    """3D distance in metres from the antenna to the receiver height over every pixel, at least 1 m. float32 [H, W]."""
    row, col = np.ogrid[: grid.rows, : grid.cols]
    south_m = (row - transmitter.row).astype(np.float32) * grid.cell_size_m
    east_m = (col - transmitter.col).astype(np.float32) * grid.cell_size_m
    up_m = transmitter.height_m - RECEIVER_HEIGHT_M
    return np.asarray(np.maximum(np.sqrt(south_m**2 + east_m**2 + up_m**2), 1), np.float32)


def free_space_gain(distance: NDArray[np.float32] | float, frequency_hz: float) -> NDArray[np.float32]:
    """Linear power gain between isotropic antennas so many metres apart (Friis)."""
    return np.asarray((np.float32(SPEED_OF_LIGHT_M_S / frequency_hz / (4 * math.pi)) / distance) ** 2, np.float32)


def path_loss_db(grid: Grid, transmitter: Transmitter, law: PathLoss) -> NDArray[np.float32]:
    """Loss of the log-distance law over every pixel, dB, positive. float32 [H, W] (arXiv 2501.10654, eq. 2)."""
    per_neper_db = law.slope_db / math.log(10)  # numpy's log is three times as fast as its log10
    return np.asarray(law.pl0_db + per_neper_db * np.log(distance_m(grid, transmitter)), np.float32)


def in_sight(buildings: BuildingMap, transmitters: Sequence[Transmitter]) -> NDArray[np.bool_]:
    """Where the straight line to some transmitter is free, bool [H, W]."""
    return np.asarray(np.logical_or.reduce([free_share(buildings, one) >= 1 for one in transmitters]))


def depth_map(
    buildings: BuildingMap,
    transmitters: tuple[Transmitter, ...],
    path_losses: tuple[PathLoss, ...],
    cell_size_m: float = 1.0,
    weigh: str = "loss",
) -> DepthMap:
    """Law weighted by the free share of each sight line, summed over transmitters (arXiv 2501.10654, eq. 3-4).

    buildings     bool [H, W], row 0 = north
    transmitters  T of them, inside the grid
    path_losses   T of them, dB at 1 m and dB per decade of metres
    weigh         "loss": path loss as the paper prints it; "power": path gain above the floor of `raytraced`, which
                  obstacles weaken
    returns       float32 [H, W] in [0, 1], scaled to a maximum of 1
    raises        InputError naming the transmitter that lies outside the grid, or the unknown `weigh`
    """
    if len(transmitters) != len(path_losses):
        raise InputError(f"path_losses has {len(path_losses)} laws for {len(transmitters)} transmitters; give one each")
    if weigh not in ("loss", "power"):
        raise InputError(f'weigh is {weigh!r}; it must be "loss" or "power"')
    rows, cols = buildings.shape
    grid = Grid(rows, cols, cell_size_m)
    total = np.zeros(grid.shape, np.float32)
    for index, (transmitter, law) in enumerate(zip(transmitters, path_losses, strict=True)):
        transmitter.check_inside(grid, index)
        loss_db = path_loss_db(grid, transmitter, law)
        # A fitted law may promise a gain close by, which is no weight of an obstacle.
        weight = np.maximum(loss_db if weigh == "loss" else -loss_db - RAYTRACED.floor_db, 0)
        total += weight * free_share(buildings, transmitter)
    return total / max(float(total.max()), 1e-9)
