"""Synthetic blocks for the codecs."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Block = Callable[..., NDArray[np.bool_]]


@pytest.fixture(scope="session")
def block() -> Block:
    """Makes a block of turned rectangular houses: `block(rows, cols, seed)` -> bool [rows, cols]."""

    def make(rows: int = 96, cols: int = 80, seed: int = 0, houses: int = 12) -> NDArray[np.bool_]:
        rng = np.random.default_rng(seed)
        row, col = np.indices((rows, cols))
        mask = np.zeros((rows, cols), bool)
        for _ in range(houses):
            turn, down, right = rng.uniform(0, np.pi), row - rng.uniform(0, rows), col - rng.uniform(0, cols)
            across = abs(right * np.cos(turn) + down * np.sin(turn))
            along = abs(down * np.cos(turn) - right * np.sin(turn))
            mask |= (across < rng.uniform(3, 9)) & (along < rng.uniform(4, 14))
        return mask

    return make
