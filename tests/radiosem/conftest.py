"""Small grey maps to score, and their scale."""

import numpy as np

from radiosem.scale import Scale

SIDE = 32
SCALE = Scale("test", floor_db=-150.0, top_db=-50.0)  # one grey is 100 dB
NO_BUILDINGS = np.zeros((SIDE, SIDE), bool)


def flat(value: float) -> np.ndarray:
    return np.full((SIDE, SIDE), value)


def corner(rows: int, cols: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:rows, :cols] = True
    return mask


def noise(seed: int, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    return np.random.default_rng(seed).random(shape)
