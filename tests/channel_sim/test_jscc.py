"""The learned link, over toy networks that send one pixel a dimension: only noisy symbols ever make a mask."""

import hashlib
import inspect
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from channel_sim.air import Air
from channel_sim.awgn import awgn
from channel_sim.jscc import JsccLink
from channel_sim.link import link_names, make_link
from radiosem.codecs import make_codec, receiver_codecs
from radiosem.errors import ChannelError, InputError, WeightsError
from radiosem.frame import Frame, pack, unpack
from radiosem.types import Grid, PathLoss, Semantics, Transmitter
from server_rx.pipeline import Pipeline

onnx = pytest.importorskip("onnx")
from onnx import NodeProto, TensorProto, helper  # noqa: E402

STRIDE, SYMBOLS = 4, 8
GRID = Grid(64, 48)
META = f"stride = {STRIDE}\nsymbols_a_cell = {SYMBOLS}\nes_n0_db = [-2.0, 20.0]"


def _model(takes: dict[str, list[str | int]], gives: str, nodes: list[NodeProto], mark: float) -> bytes:
    numbers = {"amplitude": math.sqrt(2), "half": 0.5, "zero": 0.0, "mark": mark}
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in takes.items()],
        [helper.make_tensor_value_info(gives, TensorProto.FLOAT, None)],
        [helper.make_tensor(name, TensorProto.FLOAT, [1, 1, 1, 1], [value]) for name, value in numbers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _toy_networks(mark: float = 0.0) -> dict[str, bytes]:
    """Encoder: 4 x 4 pixels as 16 dimensions of +-sqrt(1/2). Decoder: its inverse. A mark makes other files of them."""
    node = helper.make_node
    encoder = [
        node("SpaceToDepth", ["mask"], ["cells"], blocksize=STRIDE),
        node("Sub", ["cells", "half"], ["signed"]),
        node("Mul", ["signed", "amplitude"], ["symbols"]),
    ]
    decoder = [
        node("DepthToSpace", ["symbols"], ["image"], blocksize=STRIDE),
        node("Mul", ["es_n0_db", "zero"], ["nothing"]),
        node("Add", ["image", "nothing"], ["logits"]),
    ]
    air: dict[str, list[str | int]] = {"symbols": [1, 2 * SYMBOLS, "h", "w"], "es_n0_db": [1, 1]}
    return {
        "jscc-encoder": _model({"mask": [1, 1, "H", "W"]}, "symbols", encoder, mark),
        "jscc-decoder": _model(air, "logits", decoder, mark),
    }


def install(folder: Path, meta: str = META, mark: float = 0.0) -> None:
    lines = []
    for name, content in _toy_networks(mark).items():
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
    install(tmp_path)
    return tmp_path


@pytest.fixture
def link(weights_folder: Path) -> JsccLink:
    return JsccLink()


def causes(grid: Grid = GRID, seed: int = 0, cars: bool = False) -> Semantics:
    buildings = np.random.default_rng(seed).random(grid.shape) < 0.4
    parked = np.zeros(grid.shape, np.bool_)
    parked[3:5, 7:12] = True
    return Semantics(grid, (Transmitter(5, 6),), (PathLoss(50.0, 30.0),), buildings, parked if cars else None)


def framed(semantics: Semantics) -> Frame:
    return pack(semantics, make_codec("bitmap"))


def wrong_share(link: JsccLink, es_n0_db: float, rng: np.random.Generator) -> float:
    sent = causes(Grid(128, 128))
    received = link.decode(awgn(link.encode(framed(sent)), es_n0_db, rng), es_n0_db)
    assert received.strong is not None
    mask = unpack(received.strong, received.weak, receiver_codecs())[0].buildings
    return float(np.mean(mask != sent.buildings))


def test_the_link_is_offered_where_its_weights_are_and_nowhere_else(
    weights_folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert link_names()[-1] == "jscc"
    assert make_link("jscc").name == "jscc"
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path_factory.mktemp("empty")))
    assert "jscc" not in link_names()
    with pytest.raises(InputError, match=r"'jscc'; known links are qpsk-1/2"):
        make_link("jscc")


@pytest.mark.parametrize("grid", [GRID, Grid(45, 66, 2.0)])
@pytest.mark.parametrize("cars", [False, True])
def test_a_frame_survives_a_clean_link(link: JsccLink, grid: Grid, cars: bool) -> None:
    sent = framed(causes(grid, cars=cars))
    received = link.decode(link.encode(sent), math.inf)
    assert (received.strong, received.weak, received.bit_errors) == (sent.strong, sent.weak, 0)


def test_its_payload_is_all_but_the_mask(link: JsccLink) -> None:
    plain, with_cars = (framed(causes(cars=cars)) for cars in (False, True))
    cars_bytes = len(with_cars.weak) - len(plain.weak)
    assert cars_bytes > 4
    assert link.payload_bits(plain) == 8 * (4 + len(plain.strong))
    assert link.payload_bits(with_cars) == 8 * (4 + len(with_cars.strong) + cars_bytes)
    assert make_link("qpsk-1/2").payload_bits(with_cars) == 8 * (len(with_cars.strong) + len(with_cars.weak))


def test_symbols_have_unit_energy_and_their_number_depends_on_the_grid_alone(link: JsccLink) -> None:
    one, other = (link.encode(framed(causes(seed=seed))) for seed in (0, 1))
    assert one.dtype == np.complex64
    assert one.size == other.size
    assert np.mean(np.abs(one) ** 2) == pytest.approx(1.0, abs=1e-4)
    digital = make_link("qpsk-1/2").encode(Frame(bytes(4) + framed(causes()).strong, b"")).size
    assert one.size == digital + math.prod(link.symbol_shape(GRID.shape)) == digital + SYMBOLS * 16 * 12


def test_noise_makes_wrong_pixels_more_of_them_the_more_noise(link: JsccLink, rng: np.random.Generator) -> None:
    shares = [wrong_share(link, es_n0_db, rng) for es_n0_db in (20.0, 8.0, 3.0, -2.0)]
    assert shares[0] == 0.0
    assert shares == sorted(shares)
    # One pixel a real dimension: the error rate of BPSK at Es/N0 a complex symbol, Q(sqrt(Es / N0)).
    assert shares[2] == pytest.approx(0.5 * math.erfc(math.sqrt(10**0.3 / 2)), rel=0.15)


def test_the_mask_is_what_the_symbols_say_and_nothing_else(link: JsccLink, rng: np.random.Generator) -> None:
    one, other = causes(seed=0), causes(seed=1)
    symbols, exchanged = link.encode(framed(one)), link.encode(framed(other))
    count = math.prod(link.symbol_shape(GRID.shape))
    mixed = np.concatenate([symbols[:-count], exchanged[-count:]])
    received = link.decode(mixed, 20.0)
    assert received.strong == framed(one).strong
    found, _ = unpack(received.strong, received.weak, receiver_codecs())
    assert found.buildings is not None
    assert np.array_equal(found.buildings, other.buildings)
    noise = rng.standard_normal((count, 2), dtype=np.float32).view(np.complex64).ravel()
    received = link.decode(np.concatenate([symbols[:-count], noise]), 20.0)
    found, _ = unpack(received.strong, received.weak, receiver_codecs())
    assert not found.degraded
    assert 0.4 < np.mean(found.buildings != one.buildings) < 0.6
    assert list(inspect.signature(JsccLink.decode).parameters) == ["self", "symbols", "es_n0_db"]


def test_the_receiver_takes_its_bursts_as_any_other(weights_folder: Path) -> None:
    pipeline = Pipeline(lambda **inputs: [], receiver_codecs())
    burst = Air(20.0, "jscc").send(framed(causes()), "block", 1)
    received = pipeline.receive(burst)
    assert received.codec.startswith("bitmap:")
    assert received.reception.payload_bits == make_link("jscc").payload_bits(framed(causes()))
    assert not received.semantics.degraded
    assert np.mean(received.semantics.buildings != causes().buildings) < 0.01


def test_a_lost_strong_part_is_a_lost_burst(link: JsccLink, rng: np.random.Generator) -> None:
    symbols = link.encode(framed(causes()))
    start = make_link("qpsk-1/2").encode(Frame(b"", b"")).size
    end = symbols.size - math.prod(link.symbol_shape(GRID.shape))
    noise: NDArray[np.complex64] = rng.standard_normal((end - start, 2), dtype=np.float32).view(np.complex64).ravel()
    symbols[start:end] = noise
    received = link.decode(symbols, 10.0)
    assert (received.strong, received.weak) == (None, None)


def test_lost_cars_leave_the_mask(link: JsccLink, rng: np.random.Generator) -> None:
    sent = framed(causes(cars=True))
    symbols = link.encode(sent)
    count = math.prod(link.symbol_shape(GRID.shape))
    symbols[-count - 200 : -count] = rng.standard_normal((200, 2), dtype=np.float32).view(np.complex64).ravel()
    received = link.decode(symbols, 20.0)
    found, _ = unpack(received.strong or b"", received.weak, receiver_codecs())
    assert found.cars is None
    assert np.array_equal(found.buildings, causes().buildings)


def test_a_frame_of_another_codec_is_refused_with_what_would_be_right(link: JsccLink) -> None:
    with pytest.raises(InputError, match=r"codec context; pack the frame with the codec bitmap"):
        link.encode(pack(causes(), make_codec("context")))


@pytest.mark.parametrize("frame", [Frame(b"", b""), Frame(b"\x10" * 30, b"abc")])
def test_what_is_no_frame_is_refused(link: JsccLink, frame: Frame) -> None:
    with pytest.raises(InputError, match="codec bitmap"):
        link.encode(frame)


def test_a_burst_of_other_networks_is_refused_by_their_ids(weights_folder: Path) -> None:
    symbols, sender = JsccLink().encode(framed(causes())), JsccLink().networks_id.hex()
    install(weights_folder, mark=1.0)
    receiver = JsccLink()
    with pytest.raises(ChannelError, match=f"networks {sender}; this receiver holds {receiver.networks_id.hex()}"):
        receiver.decode(symbols, 20.0)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s: s[:0], "burst has 0 symbols"),
        (lambda s: s[:300], "before the mask"),
        (lambda s: s[:-1], "64 x 48 pixels take 1536 over jscc"),
        (lambda s: np.append(s, s[:1]), "has 1537 symbols of a mask"),
        (lambda s: np.append(s[:-1], np.complex64(np.nan)), "not finite"),
        (lambda s: np.append(s[:-1], np.complex64(np.inf)), "not finite"),
        (lambda s: np.append(s[:-1], np.complex64(1e30)), "beyond 100"),
        (lambda s: np.zeros_like(s), "signal field"),
        (lambda s: s.astype(np.complex128), "complex128"),
    ],
)
def test_a_spoilt_burst_is_refused_with_the_reason(link: JsccLink, spoil, says) -> None:
    with pytest.raises(ChannelError, match=says):
        link.decode(spoil(link.encode(framed(causes()))), 20.0)


def test_a_digital_burst_is_no_burst_of_this_link(link: JsccLink) -> None:
    frame = pack(causes(), make_codec("context"))
    with pytest.raises(ChannelError, match="drawn by jscc networks"):
        link.decode(make_link("qpsk-1/2").encode(frame), 20.0)
    named = Frame(link.networks_id + frame.strong, frame.weak)
    with pytest.raises(ChannelError, match="codec context"):
        link.decode(make_link("qpsk-1/2").encode(named), 20.0)


@pytest.mark.parametrize("es_n0_db", [-400.0, -2.0, 400.0, math.inf])
def test_clean_symbols_decode_whatever_es_n0_is_claimed(link: JsccLink, es_n0_db: float) -> None:
    sent = framed(causes())
    assert link.decode(link.encode(sent), es_n0_db).weak == sent.weak


def test_es_n0_that_is_no_number_is_refused(link: JsccLink) -> None:
    with pytest.raises(ChannelError, match="es_n0_db"):
        link.decode(link.encode(framed(causes())), math.nan)


@pytest.mark.parametrize("network", ["jscc-encoder", "jscc-decoder"])
def test_an_altered_network_is_refused_at_once(weights_folder: Path, network: str) -> None:
    path = weights_folder / f"{network}.onnx"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(WeightsError, match="altered"):
        JsccLink()


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ("symbols_a_cell = 8\nes_n0_db = [-2.0, 20.0]", "stride is None"),
        ("stride = 4\nes_n0_db = [-2.0, 20.0]", "symbols_a_cell is None"),
        ("stride = 4\nsymbols_a_cell = 8\nes_n0_db = [20.0, -2.0]", "es_n0_db is"),
    ],
)
def test_a_manifest_that_does_not_fit_is_named(weights_folder: Path, meta: str, says: str) -> None:
    install(weights_folder, meta)
    with pytest.raises(WeightsError, match=says):
        JsccLink()
