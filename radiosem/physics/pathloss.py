"""Power samples -> the log-distance path-loss law of each transmitter, by ridge regression towards a learned prior."""

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.physics.depth import distance_m
from radiosem.types import BuildingMap, Grid, PathLoss, Samples, Transmitter

# Least squares on every outdoor, uncensored pixel within the fit's radius, over the 1,214 static maps of the training
# cities (Munich, San Francisco, a suburb): mean law, spread of the laws between maps, and spread of the pixels about
# their own law. `radiosem_models.prior` recomputes them.
PRIOR = PathLoss(pl0_db=31.6, slope_db=34.9, pl0_se_db=17.2, slope_se_db=15.4, from_prior=True)
PRIOR_CORRELATION = -0.985
SHADOWING_DB = 8.6

ENOUGH_SAMPLES = 20


def fit_path_loss(
    samples: Samples,
    index: int,
    transmitter: Transmitter,
    grid: Grid,
    buildings: BuildingMap | None = None,
    floor_dbm: float | None = None,
) -> PathLoss:
    """Fit loss = pl0 + slope * log10(d) to the nearest readings of one transmitter (arXiv 2501.10654, eq. 2).

    Used are readings that are outdoors and above the floor, within a radius that grows until 20 are inside. The
    estimate is the mean of the Gaussian posterior with prior `PRIOR`, in closed form, its standard errors the
    posterior's. `from_prior` tells that the readings were too few, or too equidistant: alone they would tell the slope
    no better than the prior does.

    samples      readings of every transmitter; those of others are ignored
    index        which transmitter
    buildings    bool [H, W], to leave indoor readings out; None keeps them
    floor_dbm    readings at or below are censored and left out; None keeps all
    raises       InputError on a reading outside the grid or not finite
    """
    check_samples(samples, grid)
    mine = samples.transmitter == index
    if buildings is not None:
        mine &= ~buildings[samples.row, samples.col]
    if floor_dbm is not None:
        mine &= samples.power_dbm > floor_dbm
    distance = distance_m(grid, transmitter)[samples.row[mine], samples.col[mine]]
    nearest = np.argsort(distance, kind="stable")[:ENOUGH_SAMPLES]
    loss_db = transmitter.power_dbm - samples.power_dbm[mine][nearest]
    return _posterior(np.log10(distance[nearest].astype(np.float64)), loss_db)


def _posterior(decades: NDArray[np.float64], loss_db: NDArray[np.float64]) -> PathLoss:
    mean = np.array([PRIOR.pl0_db, PRIOR.slope_db])
    spread = np.array([PRIOR.pl0_se_db, PRIOR.slope_se_db])
    correlation = np.array([[1, PRIOR_CORRELATION], [PRIOR_CORRELATION, 1]])
    precision = np.linalg.inv(correlation * np.outer(spread, spread))
    design = np.column_stack([np.ones_like(decades), decades])
    posterior = np.linalg.inv(precision + design.T @ design / SHADOWING_DB**2)
    law = posterior @ (precision @ mean + design.T @ loss_db / SHADOWING_DB**2)
    errors = np.sqrt(np.diag(posterior))
    # Not by the posterior's slope: one reading narrows it too, because the prior ties the slope to the loss at 1 m.
    leverage = float(((decades - decades.mean()) ** 2).sum()) if len(decades) else 0.0
    untold = leverage * PRIOR.slope_se_db**2 <= SHADOWING_DB**2
    return PathLoss(float(law[0]), float(law[1]), float(errors[0]), float(errors[1]), len(decades), untold)


def check_samples(samples: Samples, grid: Grid) -> None:
    """Raise InputError naming the first reading that lies outside the grid or is not finite."""
    outside = (samples.col < 0) | (samples.col >= grid.cols) | (samples.row < 0) | (samples.row >= grid.rows)
    if outside.any():
        i = int(np.argmax(outside))
        raise InputError(
            f"sample {i} at col {samples.col[i]}, row {samples.row[i]} is outside the grid; "
            f"col must lie in 0..{grid.cols - 1} and row in 0..{grid.rows - 1}"
        )
    broken = ~np.isfinite(samples.power_dbm)
    if broken.any():
        i = int(np.argmax(broken))
        raise InputError(f"sample {i} has power_dbm {samples.power_dbm[i]}; it must be a finite number of dBm")
