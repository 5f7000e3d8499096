"""What the edge rehearses is what the receiver rebuilds."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from radiosem.inference import load_network
from radiosem.physics.features import CHANNELS, generator_features
from radiosem.rebuild import SIGHT, draw, rehearse
from radiosem.types import Grid, PathLoss, Transmitter

GRID = Grid(70, 90)
TX, OTHER = Transmitter(20, 40), Transmitter(60, 50)
LAW = PathLoss(47.0, 32.0)


class _Echo:
    """A generator that returns one of its channels."""

    device = "cpu"

    def __init__(self, channel: str) -> None:
        self._channel = CHANNELS.index(channel)

    def __call__(self, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        return [inputs["features"][:, self._channel : self._channel + 1]]


def _buildings() -> NDArray[np.bool_]:
    buildings = np.zeros(GRID.shape, np.bool_)
    buildings[30:50, 40:50] = True
    return buildings


def test_gain_is_what_the_network_draws_cut_to_the_block() -> None:
    channels = generator_features(_buildings(), None, TX, LAW, GRID)
    (gain_db,) = draw(_Echo("law"), [channels])
    assert gain_db.shape == GRID.shape
    assert gain_db[40, 80] == pytest.approx(-47 - 32 * np.log10(np.hypot(60, 8.5)), abs=0.5)


def test_blocks_are_drawn_together_as_they_are_alone() -> None:
    generator = load_network("generator", 1)
    stacks = [generator_features(_buildings(), None, one, LAW, GRID) for one in (TX, OTHER)]
    alone = [draw(generator, [channels])[0] for channels in stacks]
    for together, one in zip(draw(generator, stacks), alone, strict=True):
        np.testing.assert_allclose(together, one, atol=1e-3)


def test_each_transmitter_is_rehearsed_with_its_own_sight() -> None:
    first, second = rehearse(_Echo("law"), _buildings(), None, (TX, OTHER), (LAW, LAW), GRID)
    for rebuilt, transmitter in ((first, TX), (second, OTHER)):
        channels = generator_features(_buildings(), None, transmitter, LAW, GRID)
        assert np.array_equal(rebuilt.sight, channels[SIGHT])
        assert np.array_equal(rebuilt.buildings, _buildings())
    assert first.sight is not None
    assert first.sight[40, 80] == 0  # behind the house
    assert not np.array_equal(first.gain_db, second.gain_db)


def test_a_network_that_draws_nonsense_is_noticed() -> None:
    class Broken(_Echo):
        def __call__(self, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            return [np.full_like(inputs["features"][:, :1], np.nan)]

    with pytest.raises(FloatingPointError, match="not finite"):
        draw(Broken("law"), [generator_features(_buildings(), None, TX, LAW, GRID)])
