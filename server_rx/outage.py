"""Radio map and threshold -> outage map: by comparison, or by the network that has seen where rebuilt maps err."""

import numpy as np
from numpy.typing import NDArray

from radiosem.inference import STRIDE, Runs, pad_sides
from radiosem.scale import RAYTRACED
from radiosem.types import RadioMap

OutageMap = NDArray[np.bool_]  # [H, W], True where outdoors is in outage; False inside buildings
METHODS = ("threshold", "classifier")


def threshold_outage(map_dbm: RadioMap, threshold_dbm: float) -> OutageMap:
    """Outdoor pixels whose received power is below the threshold.

    map_dbm        float32 [H, W] dBm, NaN inside buildings
    threshold_dbm  dBm
    returns        bool [H, W]
    """
    return np.asarray(map_dbm < threshold_dbm)  # a comparison with NaN is False, so buildings are never outage


def classify_outage(network: Runs, map_dbm: RadioMap, threshold_dbm: float, power_dbm: float) -> OutageMap:
    """Outdoor pixels that the outage classifier puts below the threshold (arXiv 2501.10654, sec. III).

    network        inputs map_grey [1, 1, H, W], threshold_grey [1, 1]; output logits [1, 1, H, W], positive = outage
    map_dbm        float32 [H, W] dBm, NaN inside buildings
    threshold_dbm  dBm
    power_dbm      power that grey values are gains of: the strongest transmitter's, dBm
    returns        bool [H, W]
    """
    rows, cols = map_dbm.shape
    indoors = np.isnan(map_dbm)
    grey = np.where(indoors, np.float32(0), RAYTRACED.grey(map_dbm - np.float32(power_dbm)))
    (logits,) = network(
        map_grey=pad_sides(grey, STRIDE)[None, None],
        threshold_grey=RAYTRACED.grey(np.full((1, 1), threshold_dbm - power_dbm)),
    )
    return np.asarray((logits[0, 0, :rows, :cols] > 0) & ~indoors)


def outage_share(map_dbm: RadioMap, threshold_dbm: float) -> float:
    """Share of the outdoor pixels below the threshold, 0..1; 0 when everything is building."""
    outdoors = int(np.count_nonzero(~np.isnan(map_dbm)))
    return float(np.count_nonzero(threshold_outage(map_dbm, threshold_dbm))) / max(outdoors, 1)
