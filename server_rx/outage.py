"""Radio map and threshold -> outage map: by comparison, or by the network that has seen where rebuilt maps err."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from radiosem.inference import STRIDE, Runs, pad_sides
from radiosem.scale import RAYTRACED
from radiosem.types import RadioMap

OutageMap = NDArray[np.bool_]  # [H, W], True where outdoors is in outage; False inside buildings
_ROUNDING_DB = 0.01  # of sums over transmitters


def floor_dbm(powers_dbm: Iterable[float]) -> float:
    """Received power where the gain of every transmitter is at the floor of the grey scale, or below: -150 dB.

    There the power is at most this, not known, and counts as outage whatever the threshold.

    powers_dbm  radiated power of each transmitter, dBm
    """
    return float(10 * np.log10(sum(10 ** ((power_dbm + RAYTRACED.floor_db) / 10) for power_dbm in powers_dbm)))


def threshold_outage(map_dbm: RadioMap, threshold_dbm: float, floor_dbm: float) -> OutageMap:
    """Outdoor pixels whose received power is below the threshold, or too low to be known.

    map_dbm                   float32 [H, W] dBm, NaN inside buildings
    threshold_dbm, floor_dbm  dBm; see `floor_dbm`
    returns                   bool [H, W]
    """
    # A comparison with NaN is False, so buildings are never outage.
    return np.asarray((map_dbm < threshold_dbm) | (map_dbm <= floor_dbm + _ROUNDING_DB))


def classify_outage(
    network: Runs, map_dbm: RadioMap, threshold_dbm: float, floor_dbm: float, power_dbm: float
) -> OutageMap:
    """Outdoor pixels that the outage classifier puts below the threshold (arXiv 2501.10654, sec. III), or unknown.

    network                   inputs map_grey [1, 1, H, W], threshold_grey [1, 1]; output logits [1, 1, H, W],
                              positive = outage
    map_dbm                   float32 [H, W] dBm, NaN inside buildings
    threshold_dbm, floor_dbm  dBm; see `floor_dbm`
    power_dbm                 power that grey values are gains of: the strongest transmitter's, dBm
    returns                   bool [H, W]
    """
    rows, cols = map_dbm.shape
    indoors = np.isnan(map_dbm)
    grey = np.where(indoors, np.float32(0), RAYTRACED.grey(map_dbm - np.float32(power_dbm)))
    (logits,) = network(
        map_grey=pad_sides(grey, STRIDE)[None, None],
        threshold_grey=RAYTRACED.grey(np.full((1, 1), threshold_dbm - power_dbm)),
    )
    unknown = map_dbm <= floor_dbm + _ROUNDING_DB
    return np.asarray(((logits[0, 0, :rows, :cols] > 0) | unknown) & ~indoors)


def outage_share(map_dbm: RadioMap, threshold_dbm: float, floor_dbm: float) -> float:
    """Share of the outdoor pixels in outage by `threshold_outage`, 0..1; 0 when everything is building."""
    outdoors = int(np.count_nonzero(~np.isnan(map_dbm)))
    return float(np.count_nonzero(threshold_outage(map_dbm, threshold_dbm, floor_dbm))) / max(outdoors, 1)
