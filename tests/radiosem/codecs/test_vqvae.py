"""The VQ-VAE code sends indices of the manifest's networks; here a toy pair that draws squares of 4 x 4 pixels."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from radiosem.codecs import make_codec, receiver_codecs
from radiosem.codecs.vqvae import VqVaeCodec
from radiosem.errors import FrameError, WeightsError

onnx = pytest.importorskip("onnx")
from onnx import NodeProto, TensorProto, helper  # noqa: E402

Input = tuple[str, int, list[str | int]]
STRIDE, CODEBOOK = 4, 16


def _model(name: str, takes: Input, gives: tuple[str, int], nodes: list[NodeProto]) -> bytes:
    numbers = [("fifteen", [15.0], []), ("half", [7.5], []), ("scales", [1.0, 1.0, 4.0, 4.0], [4])]
    constants = [helper.make_tensor(key, TensorProto.FLOAT, shape, values) for key, values, shape in numbers]
    constants.append(helper.make_tensor("axis", TensorProto.INT64, [1], [1]))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(takes[0], takes[1], takes[2])],
        [helper.make_tensor_value_info(gives[0], gives[1], None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _toy_networks() -> dict[str, bytes]:
    """Encoder: mean of 4 x 4 pixels in 16 steps. Decoder: its inverse."""
    node = helper.make_node
    encoder = [
        node("AveragePool", ["mask"], ["mean"], kernel_shape=[4, 4], strides=[4, 4]),
        node("Mul", ["mean", "fifteen"], ["steps"]),
        node("Round", ["steps"], ["whole"]),
        node("Squeeze", ["whole", "axis"], ["flat"]),
        node("Cast", ["flat"], ["indices"], to=TensorProto.INT64),
    ]
    decoder = [
        node("Cast", ["indices"], ["steps"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["steps", "axis"], ["image"]),
        node("Sub", ["image", "half"], ["small"]),
        node("Resize", ["small", "", "scales"], ["logits"], mode="nearest"),
    ]
    mask: Input = ("mask", TensorProto.FLOAT, [1, 1, "H", "W"])
    indices: Input = ("indices", TensorProto.INT64, [1, "h", "w"])
    return {
        "vqvae-encoder": _model("encoder", mask, ("indices", TensorProto.INT64), encoder),
        "vqvae-decoder": _model("decoder", indices, ("logits", TensorProto.FLOAT), decoder),
    }


def _install(folder: Path, meta: str) -> None:
    lines = []
    for name, content in _toy_networks().items():
        (folder / f"{name}.onnx").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        lines.append(
            f'[[weights]]\nname = "{name}"\nfile = "{name}.onnx"\nsha256 = "{digest}"\nbytes = {len(content)}\n'
            f'licence = "MIT"\nrecipe = "toy"\ndata = "none"\n[weights.meta]\n{meta}\n'
        )
    (folder / "MANIFEST.toml").write_text("\n".join(lines))


@pytest.fixture
def weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    _install(tmp_path, f"codebook_size = {CODEBOOK}\nstride = {STRIDE}")
    return tmp_path


def _squares(rows: int, cols: int) -> NDArray[np.bool_]:
    """What the toy networks carry without loss, also where the stride does not divide the side."""
    coarse = np.random.default_rng(1).random((-(-rows // 4), -(-cols // 4))) < 0.3
    return coarse.repeat(4, 0).repeat(4, 1)[:rows, :cols]


@pytest.mark.parametrize("shape", [(64, 64), (45, 66)])
def test_indices_come_back_and_odd_sides_are_cropped(weights_folder: Path, shape: tuple[int, int]) -> None:
    codec, mask = make_codec("vqvae"), _squares(*shape)
    assert np.array_equal(codec.decode(codec.encode(mask), shape), mask)


def test_without_counts_an_index_costs_its_width(weights_folder: Path) -> None:
    assert len(make_codec("vqvae").encode(_squares(64, 64))) <= 16 * 16 * 4 / 8 + 4


def test_counts_shorten_the_code_and_change_the_id(weights_folder: Path) -> None:
    plain, mask = VqVaeCodec(), _squares(64, 64)
    counts = [700] + [0] * 14 + [300]
    _install(weights_folder, f"codebook_size = {CODEBOOK}\nstride = {STRIDE}\nindex_counts = {counts}")
    counted = VqVaeCodec()
    assert len(counted.encode(mask)) < 0.4 * len(plain.encode(mask))
    assert counted.codec_id != plain.codec_id
    assert np.array_equal(counted.decode(counted.encode(mask), (64, 64)), mask)


def test_receiver_holds_it(weights_folder: Path) -> None:
    assert VqVaeCodec().codec_id in receiver_codecs()


@pytest.mark.parametrize("network", ["vqvae-encoder", "vqvae-decoder"])
def test_altered_network_is_refused_at_once(weights_folder: Path, network: str) -> None:
    path = weights_folder / f"{network}.onnx"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(WeightsError, match="altered"):
        receiver_codecs()


@pytest.mark.parametrize(
    ("meta", "match"),
    [
        ("stride = 4", "codebook_size is None"),
        ("codebook_size = 16\nstride = 4\nindex_counts = [1, 2]", "index_counts must be 16"),
    ],
)
def test_manifest_that_does_not_fit_is_named(weights_folder: Path, meta: str, match: str) -> None:
    _install(weights_folder, meta)
    with pytest.raises(WeightsError, match=match):
        VqVaeCodec()


@pytest.mark.parametrize("data", [b"", b"abc", bytes(range(200)), b"\xff" * 400])
def test_hostile_bytes_are_a_mask_or_a_frame_error(weights_folder: Path, data: bytes) -> None:
    try:
        mask = VqVaeCodec().decode(data, (64, 64))
    except FrameError:
        return
    assert mask.shape == (64, 64)
    assert mask.dtype == bool
