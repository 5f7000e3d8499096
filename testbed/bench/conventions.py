"""What the figures of a report mean: their conventions, and what an interval takes for independent."""

from radiosem.scores.pooling import FEWEST_BLOCKS
from radiosem.types import DEFAULT_THRESHOLD_DBM
from testbed.scores.clipped import CLIP

CONVENTIONS = {
    "mse": "grey in 0..1 on the data set's own scale, all pixels but those of samples, buildings 0 in the truth and "
    "where the received mask has them",
    "over maps": "squared errors and pixels are summed over maps and divided once: rmse, rmse_db and its parts are the "
    "root of that, psnr its dB, nmse the squared error over the squared truth; ssim and outage are means over maps",
    "mse_clipped": f"the same after both greys are cut at {CLIP} and the rest is stretched to 0..1",
    "mse_outdoor, rmse_db": "of these the outdoor pixels of the true mask whose truth is above the floor, the "
    "prediction held to the floor",
    "outage": f"received power below {DEFAULT_THRESHOLD_DBM:g} dBm; truth at or below the floor is outage",
    "interval": f"95 % percentile bootstrap of the same statistic over spatial blocks: maps whose ground overlaps are "
    f"drawn together; below {FEWEST_BLOCKS} blocks the lowest and highest of a block instead",
}


def independence(regions_known: bool) -> str:
    """What an interval takes for a spatial block."""
    if regions_known:
        return "tiles that share ground are one block"
    return "regions unknown: tiles taken as independent, even if they share ground"
