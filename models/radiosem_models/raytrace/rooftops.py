"""Roof heights -> what reaches every cell over the roofs (ITU-R P.526)."""

import numpy as np
from numpy.typing import NDArray

from radiosem.compiled import jit


def rooftop_gain(
    heights: NDArray[np.float64],
    outdoor: NDArray[np.bool_],
    transmitter: tuple[float, float, float],
    rx_height_m: float,
    wavelength_m: float,
) -> NDArray[np.float64]:
    """Linear gain over the roofs: Friis less three cascaded knife edges (ITU-R P.526-15, section 4.5.2).

    heights      float64 [n, n] in metres, cells of one metre
    outdoor      bool [n, n]; indoors the gain is 0
    transmitter  column and row in cells (a whole number is a cell's centre), height in metres
    returns      float64 [n, n]
    """
    gain = np.zeros_like(heights, np.float64)
    _fill_gain(heights.astype(np.float64), outdoor, *map(float, transmitter), rx_height_m, wavelength_m, gain)
    return gain


@jit
def knife_edge_db(nu):  # type: ignore[no-untyped-def]
    """Loss of one knife edge in dB, for its Fresnel parameter nu (ITU-R P.526-15, equation 31)."""
    return 0.0 if nu <= -0.78 else 6.9 + 20 * np.log10(np.sqrt((nu - 0.1) ** 2 + 1) + nu - 0.1)


@jit
def worst_edge(profile, a, b, za, zb, step, wavelength):  # type: ignore[no-untyped-def]
    """The obstacle between samples a and b with the largest Fresnel parameter: (its index, nu); (-1, -10) if none."""
    best, worst = -1, -10.0
    for i in range(a + 1, b):
        d1, d2 = (i - a) * step, (b - i) * step
        nu = (profile[i] - (za * d2 + zb * d1) / (d1 + d2)) * np.sqrt(2 * (d1 + d2) / (wavelength * d1 * d2))
        if nu > worst:
            best, worst = i, nu
    return best, worst


@jit
def cascade_db(profile, count, d, tx_z, rx_z, wavelength):  # type: ignore[no-untyped-def]
    """Loss in dB over the worst edge and the worst on either side of it, over d metres of profile[0..count]."""
    step = max(d, 1.0) / count
    p, nu = worst_edge(profile, 0, count, tx_z, rx_z, step, wavelength)
    if nu <= -0.78:
        return 0.0
    loss = knife_edge_db(nu)
    _, left = worst_edge(profile, 0, p, tx_z, profile[p], step, wavelength)
    _, right = worst_edge(profile, p, count, profile[p], rx_z, step, wavelength)
    extra = knife_edge_db(left) + knife_edge_db(right) + 10.0 + 0.04 * d / 1000
    return loss + (1 - np.exp(-loss / 6)) * extra


@jit
def _fill_gain(heights, outdoor, tx_col, tx_row, tx_z, rx_z, wavelength, gain):  # type: ignore[no-untyped-def]
    n = heights.shape[0]
    profile = np.empty(2 * n + 2)
    for row in range(n):
        for col in range(n):
            if not outdoor[row, col]:
                continue
            d = np.sqrt((row - tx_row) ** 2 + (col - tx_col) ** 2)
            count = max(int(np.ceil(d)), 2)
            for i in range(count + 1):
                t = i / count
                profile[i] = heights[int(tx_row + (row - tx_row) * t + 0.5), int(tx_col + (col - tx_col) * t + 0.5)]
            slant = np.sqrt(d**2 + (tx_z - rx_z) ** 2)
            loss_db = cascade_db(profile, count, d, tx_z, rx_z, wavelength)
            gain[row, col] = (wavelength / (4 * np.pi * max(slant, 0.5))) ** 2 * 10 ** (-loss_db / 10)
