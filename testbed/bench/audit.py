"""What a reader needs to check a figure: data, scaling, conventions, machine, versions, weights, time and memory."""

import resource
import sys
from typing import Any

from radiosem import weights
from radiosem.metrics import DEFAULT_THRESHOLD_DBM
from testbed.bench.clipped import CLIP
from testbed.demo import machine, versions

CONVENTIONS = {
    "mse": "grey in 0..1 on the data set's own scale, all pixels but those of samples, buildings 0 in the truth and "
    "where the received mask has them; a mean over maps",
    "mse_clipped": f"the same after both greys are cut at {CLIP} and the rest is stretched to 0..1",
    "mse_outdoor, rmse_db": "of these the outdoor pixels of the true mask whose truth is above the floor, the "
    "prediction held to the floor",
    "outage": f"received power below {DEFAULT_THRESHOLD_DBM:g} dBm; truth at or below the floor is outage",
    "interval": "95 % percentile bootstrap over spatial blocks: maps whose ground overlaps are drawn together",
}


def peak_mb() -> float:
    """Largest resident memory of this process so far, MB."""
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def weights_used(prefixes: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of every listed network whose name begins with one of the prefixes."""
    return {name: entry.sha256 for name, entry in sorted(weights.entries().items()) if name.startswith(prefixes)}


def environment(threads: int, workers: int) -> dict[str, Any]:
    """Machine and versions, with the processes and the threads each was given."""
    return {"machine": {**machine(), "workers": workers, "threads_a_worker": threads}, "versions": versions()}
