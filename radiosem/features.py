"""Buildings, cars, a transmitter and its path-loss law -> the input channels of every reconstruction network."""

import numpy as np
from numpy.typing import NDArray

from radiosem.depth import SightLines, distance_m, path_loss_db, sight_lines
from radiosem.scale import RAYTRACED
from radiosem.types import BuildingMap, CarMap, Grid, PathLoss, Transmitter

SPEED_OF_LIGHT_M_S = 299_792_458.0

CHANNELS = (
    "buildings",  # 1 inside
    "cars",  # 1 on cars
    "transmitter",  # 1 at its pixel (arXiv 2501.10654, sec. II-A)
    "depth map",  # the law's gain as grey, times the free share (eq. 3-4 on received power)
    "law",  # the law's gain as grey
    "free share",  # of the sight line (eq. 4)
    "sight",  # 1 where the sight line is free
    "free space",  # Friis gain as grey where the sight line is free, else 0
    "distance",  # log10 of the 3D distance in metres, over 3
    "clear near",  # metres from the transmitter to the first building on the line, over 256
    "clear far",  # metres from the last building on the line to the pixel, over 256
)


def generator_features(
    buildings: BuildingMap,
    cars: CarMap | None,
    transmitter: Transmitter,
    law: PathLoss,
    grid: Grid,
    lines: SightLines | None = None,
) -> NDArray[np.float32]:
    """Stack the channels named in `CHANNELS`, grey in the `raytraced` scale (-150 to -47.86 dB).

    buildings, cars  bool [H, W], row 0 = north; cars None where there are none
    lines            the transmitter's sight lines, where already walked
    returns          float32 [11, H, W]
    raises           InputError naming a transmitter outside the grid
    """
    transmitter.check_inside(grid)
    lines = lines or sight_lines(buildings, transmitter)
    distance = distance_m(grid, transmitter)
    friis_db = 20 * np.log10(SPEED_OF_LIGHT_M_S / transmitter.frequency_hz / (4 * np.pi * distance))
    law_grey = RAYTRACED.grey(-path_loss_db(grid, transmitter, law))
    sight = lines.free_share >= 1
    out = np.zeros((len(CHANNELS), *grid.shape), np.float32)
    out[0] = buildings
    if cars is not None:
        out[1] = cars
    out[2, transmitter.row, transmitter.col] = 1
    out[3] = law_grey * lines.free_share
    out[4] = law_grey
    out[5] = lines.free_share
    out[6] = sight
    out[7] = RAYTRACED.grey(friis_db) * sight
    out[8] = np.log10(distance) / 3
    out[9] = lines.clear_near * (grid.cell_size_m / 256)
    out[10] = lines.clear_far * (grid.cell_size_m / 256)
    return out
