"""Samples and building mask -> the path-loss law of every transmitter."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from radiosem.errors import InputError
from radiosem.frame import PL0_RANGE_DB, SLOPE_RANGE_DB
from radiosem.physics.pathloss import fit_path_loss
from radiosem.types import BuildingMap, Grid, PathLoss, Samples, Transmitter

MARGIN_DB = 30.0
PIVOT_DECADES = 1.1  # 13 m


def fit(
    samples: Samples,
    transmitters: tuple[Transmitter, ...],
    grid: Grid,
    buildings: BuildingMap,
    floor_dbm: float | None = None,
) -> tuple[tuple[PathLoss, ...], tuple[str, ...]]:
    """Fit one law a transmitter; where its readings cannot tell the slope the prior stands in, and a warning says so.

    buildings  bool [H, W]; readings indoors are left out
    floor_dbm  readings at or below say only that there was nothing to hear, and are left out; None keeps all
    returns    the laws, and the warnings
    raises     InputError naming the transmitter whose readings follow no law that a frame can carry
    """
    laws = tuple(
        _carried(fit_path_loss(samples, index, transmitter, grid, buildings, floor_dbm), index)
        for index, transmitter in enumerate(transmitters)
    )
    return laws, tuple(warning for index, law in enumerate(laws) for warning in _doubts(law, index))


def _doubts(law: PathLoss, index: int) -> Iterator[str]:
    if law.from_prior:
        yield (
            f"transmitter {index} has {law.samples} usable samples, which do not tell its path-loss law; "
            "it was drawn towards one typical of cities"
        )
    if law.pl0_db in PL0_RANGE_DB or law.slope_db == SLOPE_RANGE_DB[1]:  # a slope of 0 is that of some canyons
        yield (
            f"samples of transmitter {index} fit a law at the end of what a frame carries, {law.pl0_db:g} dB and "
            f"{law.slope_db:g} dB a decade; check their power_dbm, their floor, and the transmitter's power_dbm"
        )


def _carried(law: PathLoss, index: int) -> PathLoss:
    """The law, or the nearest that a frame carries where it lies just outside, as in some street canyons."""
    for what, value, (low, high) in (
        ("at 1 m", law.pl0_db, PL0_RANGE_DB),
        ("more a decade of distance", law.slope_db, SLOPE_RANGE_DB),
    ):
        if not low - MARGIN_DB <= value <= high + MARGIN_DB:
            raise InputError(
                f"samples of transmitter {index} fit a path loss of {value:.1f} dB {what}; it must lie in "
                f"{low:g}..{high:g} dB: check their power_dbm, and whose samples they are"
            )
    # Turned about the distance where laws are known best and where loss at 1 m and slope trade against each other.
    pivot_db = law.pl0_db + law.slope_db * PIVOT_DECADES
    pl0_db = float(np.clip(pivot_db - np.clip(law.slope_db, *SLOPE_RANGE_DB) * PIVOT_DECADES, *PL0_RANGE_DB))
    slope_db = float(np.clip((pivot_db - pl0_db) / PIVOT_DECADES, *SLOPE_RANGE_DB))
    return replace(law, pl0_db=pl0_db, slope_db=slope_db)
