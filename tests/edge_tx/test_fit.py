"""One law a transmitter, and a warning where the samples could not tell it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_tx.fit import PIVOT_DECADES, fit
from edge_tx.sense import sense
from radiosem.errors import InputError
from radiosem.frame import PL0_RANGE_DB
from radiosem.physics.depth import distance_m
from radiosem.physics.pathloss import PRIOR, fit_path_loss
from radiosem.types import Grid, Samples, Transmitter
from radiosem_proto.v1 import radiosem_pb2 as pb

GRID = Grid(64, 64)


def readings(transmitter: Transmitter) -> Samples:
    """Loss 40 + 30 log10 d at 20 cells from 3 to 31 m east of the transmitter, noise-free."""
    col = transmitter.col + np.linspace(3, 31, 20).astype(np.int64)
    row = np.full_like(col, transmitter.row)
    distance = distance_m(GRID, transmitter)[row, col]
    return Samples(np.zeros_like(col), col, row, transmitter.power_dbm - 40 - 30 * np.log10(distance))


def test_law_follows_the_samples() -> None:
    transmitter = Transmitter(32, 32)
    (law,), warnings = fit(readings(transmitter), (transmitter,), GRID, np.zeros(GRID.shape, bool))
    assert not law.from_prior
    assert warnings == ()
    at_30_m_db = law.pl0_db + law.slope_db * np.log10(30)
    assert abs(at_30_m_db - (40 + 30 * np.log10(30))) < 2


def test_a_law_just_beyond_what_a_frame_carries_keeps_its_loss_where_it_is_known() -> None:
    transmitter = Transmitter(32, 32)
    canyon = readings(transmitter)
    canyon = replace(canyon, power_dbm=canyon.power_dbm - 22 + 40 * np.log10(canyon.col - 32))
    (law,), warnings = fit(canyon, (transmitter,), GRID, np.zeros(GRID.shape, bool))
    assert law.slope_db == 0
    assert warnings == ()
    fitted = fit_path_loss(canyon, 0, transmitter, GRID)
    assert fitted.slope_db < 0
    assert abs(law.pl0_db - (fitted.pl0_db + PIVOT_DECADES * fitted.slope_db)) < 1e-9


def test_transmitter_without_samples_gets_the_prior_and_a_warning(
    observation: pb.Observation, buildings: NDArray[np.bool_]
) -> None:
    laws, warnings = fit(sense(observation).samples, (Transmitter(32, 32), Transmitter(2, 2)), GRID, buildings)
    assert (laws[1].from_prior, laws[1].samples) == (True, 0)
    assert (round(laws[1].pl0_db, 6), round(laws[1].slope_db, 6)) == (PRIOR.pl0_db, PRIOR.slope_db)
    assert warnings[-1] == (
        "transmitter 1 has 0 usable samples, which do not tell its path-loss law; "
        "it was drawn towards one typical of cities"
    )


def test_a_law_at_the_end_of_what_a_frame_carries_is_told() -> None:
    transmitter = Transmitter(32, 32)
    samples = readings(transmitter)
    steep = replace(samples, power_dbm=samples.power_dbm + 70 - 60 * np.log10(samples.col - 32))
    (law,), warnings = fit(steep, (transmitter,), GRID, np.zeros(GRID.shape, bool))
    assert law.pl0_db == PL0_RANGE_DB[0]
    assert "fit a law at the end of what a frame carries, -16 dB" in warnings[0]


def test_samples_that_follow_no_law_are_refused(observation: pb.Observation, buildings: NDArray[np.bool_]) -> None:
    samples = sense(observation).samples
    silent = replace(samples, power_dbm=np.full(20, -240.0))
    with pytest.raises(InputError, match=r"samples of transmitter 0 fit a path loss of .* it must lie in"):
        fit(silent, (Transmitter(32, 32),), GRID, buildings)
