"""Samples and building mask -> the path-loss law of every transmitter."""

from radiosem.errors import InputError
from radiosem.frame import PL0_RANGE_DB, SLOPE_RANGE_DB
from radiosem.pathloss import fit_path_loss
from radiosem.types import BuildingMap, Grid, PathLoss, Samples, Transmitter


def fit(
    samples: Samples, transmitters: tuple[Transmitter, ...], grid: Grid, buildings: BuildingMap
) -> tuple[tuple[PathLoss, ...], tuple[str, ...]]:
    """Fit one law a transmitter; where its readings cannot tell the slope the prior stands in, and a warning says so.

    buildings  bool [H, W]; readings indoors are left out
    returns    the laws, and the warnings
    raises     InputError naming the transmitter whose readings follow no law that a frame can carry
    """
    laws = tuple(
        fit_path_loss(samples, index, transmitter, grid, buildings) for index, transmitter in enumerate(transmitters)
    )
    for index, law in enumerate(laws):
        _check_law(law, index)
    warnings = tuple(
        f"transmitter {index} has {law.samples} usable samples, which do not tell its path-loss law; "
        "one typical of cities stands in"
        for index, law in enumerate(laws)
        if law.from_prior
    )
    return laws, warnings


def _check_law(law: PathLoss, index: int) -> None:
    for what, value, (low, high) in (
        ("at 1 m", law.pl0_db, PL0_RANGE_DB),
        ("more a decade of distance", law.slope_db, SLOPE_RANGE_DB),
    ):
        if not low <= value <= high:
            raise InputError(
                f"samples of transmitter {index} fit a path loss of {value:.1f} dB {what}; it must lie in "
                f"{low:g}..{high:g} dB: check their power_dbm, and whose samples they are"
            )
