"""An ONNX file becomes a function that says clearly what it takes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from radiosem.errors import InputError, WeightsError
from radiosem.inference import Network, cuda_present, load_network


@pytest.fixture(scope="module")
def sum_model() -> bytes:
    """total = a + b for a float32 [1, 2, W] and b float32 [1, 2, W]."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["total"])],
        "sum",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, "W"]) for name in "ab"],
        [helper.make_tensor_value_info("total", TensorProto.FLOAT, [1, 2, "W"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"codebook": "7"})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def ones() -> np.ndarray:
    return np.ones((1, 2, 5), np.float32)


def test_outputs_come_in_the_order_of_the_file(sum_model: bytes, ones: np.ndarray) -> None:
    outputs = Network(sum_model, threads=1)(a=ones, b=2 * ones)
    assert len(outputs) == 1
    np.testing.assert_array_equal(outputs[0], 3 * ones)


@pytest.mark.parametrize(("lean", "spinning"), [(True, "0"), (False, None)])
def test_only_a_lean_network_gives_up_its_arena_and_spinning(
    sum_model: bytes, ones: np.ndarray, monkeypatch: pytest.MonkeyPatch, lean: bool, spinning: str | None
) -> None:
    made = []

    class Watched(ort.SessionOptions):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr("onnxruntime.SessionOptions", Watched)
    np.testing.assert_array_equal(Network(sum_model, threads=1, lean=lean)(a=ones, b=ones)[0], 2 * ones)
    (options,) = made
    assert options.enable_cpu_mem_arena is not lean
    if spinning:
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == spinning
    else:
        with pytest.raises(RuntimeError):
            options.get_session_config_entry("session.intra_op.allow_spinning")


def test_device_is_the_gpu_where_there_is_one(sum_model: bytes) -> None:
    assert Network(sum_model).device == ("cuda" if cuda_present() else "cpu")


def test_a_gpu_build_without_a_driver_runs_on_the_cpu(sum_model: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr("ctypes.CDLL", no_driver)
    monkeypatch.setattr(
        "onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    assert not cuda_present()
    assert Network(sum_model).device == "cpu"


def test_shapes_and_metadata_of_the_file_can_be_asked_for(sum_model: bytes) -> None:
    network = Network(sum_model)
    assert network.input_shapes == {"a": (1, 2, None), "b": (1, 2, None)}
    assert network.metadata["codebook"] == "7"


def test_wrong_names_are_refused(sum_model: bytes, ones: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"\['a', 'c'\].*takes \['a', 'b'\]"):
        Network(sum_model)(a=ones, c=ones)


def test_wrong_dtype_is_refused(sum_model: bytes, ones: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"input b has dtype float64.*float32"):
        Network(sum_model)(a=ones, b=ones.astype(np.float64))


@pytest.mark.parametrize("shape", [(2, 5), (1, 3, 5), (1, 2, 5, 1)])
def test_wrong_shape_is_refused(sum_model: bytes, ones: np.ndarray, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"input b has shape .* it must be \(1, 2, any\)"):
        Network(sum_model)(a=ones, b=np.ones(shape, np.float32))


def test_sizes_that_do_not_fit_together_are_refused(sum_model: bytes, ones: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"cannot work on inputs of these shapes: a \(1, 2, 5\), b \(1, 2, 4\)"):
        Network(sum_model)(a=ones, b=ones[:, :, :4])


def test_bytes_that_are_no_network_are_refused() -> None:
    with pytest.raises(WeightsError, match="not a network"):
        Network(b"\x00\x01 no network")


def test_negative_threads_are_refused(sum_model: bytes) -> None:
    with pytest.raises(InputError, match="threads is -1"):
        Network(sum_model, threads=-1)


@pytest.fixture
def folder(tmp_path: Path, sum_model: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder that lists the sum as `sum`."""
    (tmp_path / "sum.onnx").write_bytes(sum_model)
    digest = hashlib.sha256(sum_model).hexdigest()
    (tmp_path / "MANIFEST.toml").write_text(
        f'[[weights]]\nname = "sum"\nfile = "sum.onnx"\nsha256 = "{digest}"\nbytes = {len(sum_model)}\n'
        'licence = "MIT"\nrecipe = "none"\ndata = "none"\n'
    )
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    return tmp_path


def test_network_is_found_by_its_name_in_the_manifest(folder: Path, ones: np.ndarray) -> None:
    np.testing.assert_array_equal(load_network("sum", threads=1)(a=ones, b=ones)[0], 2 * ones)


def test_altered_network_is_not_loaded(folder: Path, sum_model: bytes) -> None:
    (folder / "sum.onnx").write_bytes(sum_model[:-1] + b"\x00")
    with pytest.raises(WeightsError, match="altered"):
        load_network("sum")


def test_loading_and_running_is_silent(folder: Path) -> None:
    code = (
        "import numpy as np; from radiosem.inference import load_network; "
        "one = np.ones((1, 2, 3), np.float32); load_network('sum')(a=one, b=one)"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
