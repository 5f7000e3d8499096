"""ONNX file -> a function on arrays, on the GPU where there is one and on the CPU elsewhere."""

import ctypes
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from radiosem.errors import InputError, WeightsError
from radiosem.weights import verified_path

STRIDE = 32  # the networks of both ends halve their input at most five times
_SILENT = 4  # fatal only: on a machine without a GPU the GPU build of ONNX Runtime warns about it again and again
_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}

ort.set_default_logger_severity(_SILENT)


class Runs(Protocol):
    """A network that is ready: float arrays by name in, a list of arrays out."""

    device: str

    def __call__(self, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Run once."""


def cuda_present() -> bool:
    """True when ONNX Runtime was built for CUDA and the driver sees a device.

    The driver is asked directly: the CUDA provider is listed wherever its package is installed.
    """
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return False
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


class Network:
    """A network in an ONNX file, ready to run; calls from several threads are safe.

    model    path of the file, or its bytes
    threads  CPU threads an operator may use; 0 takes every core
    lean     leave memory and cores to others between calls; otherwise ONNX Runtime's own settings, which keep both
    raises   WeightsError when the model cannot be loaded
    """

    def __init__(self, model: Path | bytes, threads: int = 0, lean: bool = True) -> None:
        if threads < 0:
            raise InputError(f"threads is {threads}; it must be 0 (every core) or more")
        self.name = model.name if isinstance(model, Path) else "network"
        options = ort.SessionOptions()
        options.log_severity_level = _SILENT
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        if lean:
            options.enable_cpu_mem_arena = False  # an arena keeps the peak of every shape it has seen
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # both ends may share two cores
        providers: list[Any] = ["CPUExecutionProvider"]
        if cuda_present():
            providers.insert(0, ("CUDAExecutionProvider", {"use_tf32": 0}))
        try:
            self._session = ort.InferenceSession(
                str(model) if isinstance(model, Path) else model, options, providers=providers
            )
        except Exception as error:  # ONNX Runtime has no common root for its errors
            raise WeightsError(f"{self.name} is not a network ONNX Runtime can load: {error}") from error
        self.device = "cuda" if self._session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"
        self._inputs = {spec.name: spec for spec in self._session.get_inputs()}

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Shape of every input; None where any size goes."""
        return {name: _fixed(spec.shape) for name, spec in self._inputs.items()}

    @property
    def metadata(self) -> dict[str, str]:
        """The file's own key-value metadata."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Outputs in the order of the file, for inputs by name.

        raises  InputError naming the input that is missing, unknown, or of the wrong dtype or shape
        """
        if inputs.keys() != self._inputs.keys():
            raise InputError(f"{self.name} got the inputs {sorted(inputs)}; it takes {sorted(self._inputs)}")
        for name, array in inputs.items():
            self._check(name, array)
        try:
            outputs: list[NDArray[Any]] = self._session.run(None, inputs)
        except Exception as error:  # as above; names, dtypes and ranks were right, so it is the sizes
            shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
            raise InputError(f"{self.name} cannot work on inputs of these shapes: {shapes} ({error})") from error
        return outputs

    def _check(self, name: str, array: NDArray[Any]) -> None:
        spec = self._inputs[name]
        dtype = _DTYPES.get(spec.type)
        if not isinstance(array, np.ndarray) or array.dtype != dtype:
            found = getattr(array, "dtype", type(array).__name__)
            wanted = dtype.__name__ if dtype else spec.type
            raise InputError(f"{self.name}: input {name} has dtype {found}; it must be an array of {wanted}")
        shape = _fixed(spec.shape)
        if len(shape) != array.ndim or any(
            want not in (None, have) for want, have in zip(shape, array.shape, strict=True)
        ):
            wanted = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
            raise InputError(f"{self.name}: input {name} has shape {array.shape}; it must be {wanted}")


def load_network(name: str, threads: int = 0, lean: bool = True) -> Network:
    """The manifest's network of that name, its SHA-256 verified, on CUDA if there is one and else on the CPU.

    raises  WeightsError when the file is missing, altered or not a network
    """
    return Network(verified_path(name), threads, lean)


def pad_sides(stack: NDArray[np.float32], multiple: int) -> NDArray[np.float32]:
    """[..., H, W] -> the next multiples, the south and east edges repeated; the caller crops what the network draws."""
    south, east = (-side % multiple for side in stack.shape[-2:])
    if south == east == 0:
        return stack  # np.pad would copy it
    return np.pad(stack, [(0, 0)] * (stack.ndim - 2) + [(0, south), (0, east)], mode="edge")


def _fixed(shape: list[Any]) -> tuple[int | None, ...]:
    """ONNX dimensions: a number where fixed, None where named or free."""
    return tuple(size if isinstance(size, int) else None for size in shape)
