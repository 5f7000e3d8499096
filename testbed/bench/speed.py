"""One reconstructor, alone in a process -> milliseconds a map at batch 1, and peak memory.

Run as `python -m testbed.bench.speed MODEL DATA GAIN SPLIT THREADS`; prints one line of JSON.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from radiosem.errors import RadiosemError

ROUNDS, WARM_UP = 20, 3
LIMIT_S = 900.0


def time_alone(model: str, data: Path, gain: str, split: str, threads: int) -> dict[str, Any]:
    """Time a reconstructor in a process of its own.

    threads  CPU threads of its network; 0 takes every core
    returns  `features_ms` (mask to the channels it looks at), `network_ms` (channels to map), medians; `peak_mb`, and
             `base_mb` before the network was loaded
    raises   RadiosemError with what the process said, when it does not end well
    """
    arguments = [model, str(data), gain, split, str(threads)]
    command = [sys.executable, "-m", "testbed.bench.speed", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise RadiosemError(f"{model} could not be timed: it took longer than {LIMIT_S:g} s") from None
    if done.returncode:
        raise RadiosemError(f"{model} could not be timed: {done.stderr.strip().splitlines()[-1:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def measure(model: str, data: Path, gain: str, split: str, threads: int) -> dict[str, Any]:
    """Time a reconstructor in this process; what `time_alone` returns."""
    from radiosem.features import generator_features
    from radiosem.pathloss import PRIOR
    from radiosem.types import Grid
    from radiosem_models.data import Dataset
    from testbed.bench.audit import peak_mb
    from testbed.bench.reconstructors import load_reconstructor

    dataset = Dataset(data)
    key = dataset.keys(split, (gain,))[0]
    buildings = dataset.block(key.block_id).buildings
    cars, transmitter = dataset.cars(key), dataset.transmitter(key)
    grid = Grid(buildings.shape[0], buildings.shape[1])
    generator_features(buildings, cars, transmitter, PRIOR, grid)
    base_mb = peak_mb()
    rebuild = load_reconstructor(model, threads)
    features_ms, network_ms = [], []
    for _ in range(WARM_UP + ROUNDS):
        began = time.perf_counter()
        features = generator_features(buildings, cars, transmitter, PRIOR, grid, rebuild.channels)
        drawn = time.perf_counter()
        rebuild(features)
        network_ms.append(1e3 * (time.perf_counter() - drawn))
        features_ms.append(1e3 * (drawn - began))
    return {
        "features_ms": float(np.median(features_ms[WARM_UP:])),
        "network_ms": float(np.median(network_ms[WARM_UP:])),
        "base_mb": base_mb,
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    model, data, gain, split, threads = sys.argv[1:]
    print(json.dumps(measure(model, Path(data), gain, split, int(threads))))
