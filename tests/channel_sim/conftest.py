"""Frames and random numbers that the tests of the air share."""

import numpy as np
import pytest

from radiosem.frame import Frame


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20250117)


@pytest.fixture
def frame(rng: np.random.Generator) -> Frame:
    """A frame of the usual size: 6.6 kbit, most of it mask."""
    return Frame(rng.bytes(25), rng.bytes(800))
