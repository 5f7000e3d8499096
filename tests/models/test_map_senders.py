"""The senders of whole maps: exact bits, what is decoded is what was trained, and every kind learns."""

import numpy as np
import pytest
import torch

from radiosem.errors import FrameError, InputError, WeightsError
from radiosem.mapcodecs import NAMES, make_map_codec, map_codec_names
from radiosem_models.map_senders import SENDERS, MapSenderTask

SHAPE = (64, 64)
COMMON = {"models": ["RT", "carsRT"], "width": 8, "batch": 4, "lr": 4e-3}
OPTIONS = {
    "ae": {"bits_a_symbol": 4, "symbols_a_cell": 3, "stride": 16},
    "vae": {"bits_a_symbol": 3, "symbols_a_cell": 5, "stride": 16, "beta": 2e-3},
    "vqvae": {"bits_a_symbol": 3, "symbols_a_cell": 1, "stride": 8, "dim": 4, "commitment": 0.25},
}
BITS = {"ae": 4 * 4 * 3 * 4, "vae": 4 * 4 * 5 * 3, "vqvae": 8 * 8 * 3}
EVERY_KIND = pytest.mark.parametrize("kind", sorted(SENDERS))


@pytest.fixture(scope="module", autouse=True)
def tasks(city):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return {kind: MapSenderTask({**COMMON, **OPTIONS[kind], "kind": kind}, city, 1) for kind in SENDERS}


@pytest.fixture(scope="module")
def weights(tasks, tmp_path_factory):
    """Every kind exported with the random weights it starts from."""
    folder = tmp_path_factory.mktemp("weights")
    for task in tasks.values():
        task.export(folder, {"recipe": "small", "images": 0, "seconds": 0})
    return folder


@pytest.fixture
def weights_folder(weights, monkeypatch):
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(weights))


def _map(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    rows, cols = np.indices(shape)
    return np.asarray(127 + 120 * np.sin(rows / 9) * np.cos(cols / 7), np.uint8)


@EVERY_KIND
def test_a_map_takes_exactly_the_bits_promised(weights_folder, kind):
    codec = make_map_codec(f"map-{kind}")
    data = codec.encode(_map())
    assert codec.bits(SHAPE) == BITS[kind]
    assert len(data) == -(-BITS[kind] // 8)
    decoded = codec.decode(data, SHAPE)
    assert (decoded.shape, decoded.dtype) == (SHAPE, np.float32)
    assert decoded.min() >= 0
    assert decoded.max() <= 1


@EVERY_KIND
def test_what_is_decoded_is_what_torch_decodes(weights_folder, tasks, kind):
    codec, sender = make_map_codec(f"map-{kind}"), tasks[kind].sender
    with torch.no_grad():
        grey = torch.from_numpy(_map().astype(np.float32) / 255)[None, None]
        symbols = sender.to_levels(grey).round()
        expected = sender.from_symbols(symbols)[0, 0].numpy()
    assert symbols.min() >= 0
    assert symbols.max() <= sender.levels - 1
    assert np.allclose(codec.decode(codec.encode(_map()), SHAPE), expected, atol=1e-3)


@EVERY_KIND
def test_any_shape_goes_and_only_its_own_bytes(weights_folder, kind):
    codec = make_map_codec(f"map-{kind}")
    data = codec.encode(_map((45, 70)))
    assert codec.decode(data, (45, 70)).shape == (45, 70)
    for wrong in (b"", data[:-1], data + b"\x00"):
        with pytest.raises(FrameError, match=r"45 x 70"):
            codec.decode(wrong, (45, 70))
    assert np.isfinite(codec.decode(b"\xff" * len(data), (45, 70))).all()


def test_names_are_those_whose_weights_are_there(weights_folder, tmp_path, monkeypatch):
    assert map_codec_names() == NAMES
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    assert map_codec_names() == ()
    with pytest.raises(WeightsError):
        make_map_codec("map-ae")


def test_what_is_no_map_or_no_codec_is_refused(weights_folder):
    with pytest.raises(InputError, match=r"'map-gan'.*map-ae, map-vae, map-vqvae"):
        make_map_codec("map-gan")
    with pytest.raises(InputError, match="float64"):
        make_map_codec("map-ae").encode(np.zeros(SHAPE))


def test_an_unknown_kind_is_refused(city):
    with pytest.raises(InputError, match="kind is 'gan'"):
        MapSenderTask({**COMMON, **OPTIONS["ae"], "kind": "gan"}, city, 1)


@EVERY_KIND
def test_every_kind_learns_through_its_rounding(city, kind):
    torch.manual_seed(0)
    task, rng = MapSenderTask({**COMMON, **OPTIONS[kind], "kind": kind}, city, 1), np.random.default_rng(0)
    before = task.validate()["score"]
    for _ in range(120):
        task.step(rng)
    assert task.validate()["score"] < 0.5 * before
