"""Samples and building mask -> the path-loss law of every transmitter."""

from radiosem.pathloss import fit_path_loss
from radiosem.types import BuildingMap, Grid, PathLoss, Samples, Transmitter


def fit(
    samples: Samples, transmitters: tuple[Transmitter, ...], grid: Grid, buildings: BuildingMap
) -> tuple[tuple[PathLoss, ...], tuple[str, ...]]:
    """Fit one law a transmitter; where its readings cannot tell the slope the prior stands in, and a warning says so.

    buildings  bool [H, W]; readings indoors are left out
    returns    the laws, and the warnings
    """
    laws = tuple(
        fit_path_loss(samples, index, transmitter, grid, buildings) for index, transmitter in enumerate(transmitters)
    )
    warnings = tuple(
        f"transmitter {index} has {law.samples} usable samples, which do not tell its path-loss law; "
        "one typical of cities stands in"
        for index, law in enumerate(laws)
        if law.from_prior
    )
    return laws, warnings
