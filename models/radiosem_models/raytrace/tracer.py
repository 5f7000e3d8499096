"""Sionna RT and the LLVM it compiles with: loaded late, and missed with a word on how to install them."""

import functools
import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any

from radiosem.errors import RadiosemError

LLVM = "libLLVM.so.19.1"
LLVM_FOLDERS = ("/usr/lib/*-linux-gnu", "/usr/lib/llvm-19/lib", "/usr/lib64", "/usr/lib", "/usr/local/lib")
SIMULATOR = "sionna-rt 2.2.0"


@functools.cache
def ray_tracer() -> tuple[Any, Any, Any]:
    """The modules sionna.rt, mitsuba and drjit.

    raises  RadiosemError that says what to install when sionna-rt, or on a machine without CUDA LLVM 19, is missing
    """
    if importlib.util.find_spec("sionna") is None or importlib.util.find_spec("mitsuba") is None:
        raise RadiosemError(
            "ray tracing needs sionna-rt, which is not installed here; `make install EXTRA=raytrace` brings it"
        )
    found = find_llvm()
    if found is not None:
        os.environ["DRJIT_LIBLLVM_PATH"] = str(found)
    drjit = importlib.import_module("drjit")
    if found is None and not drjit.has_backend(drjit.JitBackend.CUDA):
        raise RadiosemError(missing_llvm())
    return importlib.import_module("sionna.rt"), importlib.import_module("mitsuba"), drjit


def find_llvm() -> Path | None:
    """The library DRJIT_LIBLLVM_PATH names, else LLVM 19 where distributions put it; older ones abort."""
    named = os.environ.get("DRJIT_LIBLLVM_PATH")
    if named:
        return Path(named) if Path(named).is_file() else None
    for folder in LLVM_FOLDERS:
        for path in Path("/").glob(f"{folder[1:]}/{LLVM}"):
            return path
    return None


def missing_llvm() -> str:
    """What to tell a user whose machine has neither CUDA nor LLVM 19."""
    named = os.environ.get("DRJIT_LIBLLVM_PATH")
    where = f"DRJIT_LIBLLVM_PATH is {named!r}, which is not a file" if named else f"{LLVM} is not found"
    return (
        f"ray tracing on the CPU needs LLVM 19, and {where}; apt-get install -y libllvm19 brings it, and "
        "DRJIT_LIBLLVM_PATH names the library where it lies elsewhere"
    )
