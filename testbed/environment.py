"""What figures were measured on: the machine, the packages that matter to them, and the memory that was taken."""

import contextlib
import importlib.metadata
import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

PACKAGES = (
    *("radiosem", "numpy", "scipy", "numba", "opencv-python", "constriction"),
    *("onnxruntime-gpu", "onnxruntime", "grpcio", "fastapi"),
)


def machine() -> dict[str, Any]:
    """What the times were taken on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return {"cpu": model, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.release()}"}


def versions() -> dict[str, str]:
    """Python and the packages that matter to the figures."""
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def surroundings(threads: int, workers: int) -> dict[str, Any]:
    """Machine and versions, with the processes and the threads each was given."""
    return {"machine": {**machine(), "workers": workers, "threads_a_worker": threads}, "versions": versions()}


def peak_mb() -> float:
    """Largest resident memory of this process so far, MB."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux counts what started a process into the usage of its resources
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
