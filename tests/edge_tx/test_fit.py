"""One law a transmitter, and a warning where the samples could not tell it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from radiosem_proto.v1 import radiosem_pb2 as pb

from edge_tx.fit import fit
from edge_tx.sense import sense
from radiosem.errors import InputError
from radiosem.pathloss import PRIOR
from radiosem.types import Grid, Transmitter

GRID = Grid(64, 64)


def test_law_follows_the_samples(observation: pb.Observation, buildings: NDArray[np.bool_]) -> None:
    (law,), warnings = fit(sense(observation).samples, (Transmitter(32, 32),), GRID, buildings)
    assert not law.from_prior
    assert warnings == ()
    at_30_m_db = law.pl0_db + law.slope_db * np.log10(30)
    assert abs(at_30_m_db - (40 + 30 * np.log10(30))) < 2


def test_transmitter_without_samples_gets_the_prior_and_a_warning(
    observation: pb.Observation, buildings: NDArray[np.bool_]
) -> None:
    laws, warnings = fit(sense(observation).samples, (Transmitter(32, 32), Transmitter(2, 2)), GRID, buildings)
    assert (laws[1].from_prior, laws[1].samples) == (True, 0)
    assert (round(laws[1].pl0_db, 6), round(laws[1].slope_db, 6)) == (PRIOR.pl0_db, PRIOR.slope_db)
    assert warnings == (
        "transmitter 1 has 0 usable samples, which do not tell its path-loss law; one typical of cities stands in",
    )


def test_samples_that_follow_no_law_are_refused(observation: pb.Observation, buildings: NDArray[np.bool_]) -> None:
    samples = sense(observation).samples
    silent = replace(samples, power_dbm=np.full(40, -240.0))
    with pytest.raises(InputError, match=r"samples of transmitter 0 fit a path loss of .* it must lie in"):
        fit(silent, (Transmitter(32, 32),), GRID, buildings)
