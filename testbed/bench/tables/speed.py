"""One reconstructor, alone in a process -> milliseconds a map at batch 1, and the memory it takes.

Run as `python -m testbed.bench.tables.speed MODEL DATA GAIN SPLIT THREADS`; prints one line of JSON.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import RadiosemError

Outcome = TypeVar("Outcome")
ROUNDS, WARM_UP = 20, 3
LIMIT_S = 900.0


def time_alone(model: str, data: Path, gain: str, split: str, threads: int) -> dict[str, Any]:
    """Time a reconstructor in a process of its own.

    threads  CPU threads of its network; 0 takes every core
    returns  medians: `features_ms` (mask to the channels it looks at, each map of another block than the one before, of
             which nothing is kept) and `network_ms` (channels to map), the better of `lean_ms` and `eager_ms`, as
             networks are deployed and with ONNX Runtime's own settings. `memory_mb`: how much the deployed one and its
             channels raised the process's largest resident set above `base_mb`, where it stood after imports
    raises   RadiosemError with what the process said, when it does not end well
    """
    arguments = [model, str(data), gain, split, str(threads)]
    command = [sys.executable, "-m", "testbed.bench.tables.speed", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise RadiosemError(f"{model} could not be timed: it took longer than {LIMIT_S:g} s") from None
    if done.returncode:
        raise RadiosemError(f"{model} could not be timed: {done.stderr.strip().splitlines()[-1:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def measure(model: str, data: Path, gain: str, split: str, threads: int) -> dict[str, Any]:
    """Time a reconstructor in this process, which has run nothing else; what `time_alone` returns."""
    import numba  # noqa: F401 - what every channel's loops load is no model's own

    from radiosem.physics.features import generator_features
    from radiosem.physics.pathloss import PRIOR
    from radiosem_models.data import Dataset
    from testbed.environment import peak_mb
    from testbed.scores.reconstructors import RECONSTRUCTORS

    dataset = Dataset(data)
    maps = [
        (dataset.block(key.block_id).buildings, dataset.cars(key), dataset.transmitter(key), dataset.grid(key.block_id))
        for key in {key.block_id: key for key in dataset.keys(split, (gain,))}.values()
    ][: WARM_UP + ROUNDS]
    ahead = itertools.cycle(maps)

    def channels() -> NDArray[np.float32]:
        buildings, cars, transmitter, grid = next(ahead)
        return generator_features(buildings, cars, transmitter, PRIOR, grid, rebuild.channels)

    base_mb = peak_mb()
    rebuild = RECONSTRUCTORS[model](threads)
    features_ms, features = _timed(channels)
    lean_ms, _ = _timed(lambda: rebuild(features))
    memory_mb = peak_mb() - base_mb
    rebuild = RECONSTRUCTORS[model](threads, lean=False)
    eager_ms, _ = _timed(lambda: rebuild(features))
    return {
        "features_ms": features_ms,
        "network_ms": min(lean_ms, eager_ms),
        "lean_ms": lean_ms,
        "eager_ms": eager_ms,
        "base_mb": base_mb,
        "memory_mb": memory_mb,
    }


def _timed(run: Callable[[], Outcome]) -> tuple[float, Outcome]:
    """Median milliseconds of a call, and what the last one returned."""
    took_ms = []
    for _ in range(WARM_UP + ROUNDS):
        began = time.perf_counter()
        outcome = run()
        took_ms.append(1e3 * (time.perf_counter() - began))
    return float(np.median(took_ms[WARM_UP:])), outcome


if __name__ == "__main__":
    model, data, gain, split, threads = sys.argv[1:]
    print(json.dumps(measure(model, Path(data), gain, split, int(threads))))
