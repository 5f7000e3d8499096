"""The senders of whole maps: few bits, what is decoded is what was trained, and every kind learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radiosem.codecs.maps import make_map_codec, map_codec_names
from radiosem.codecs.symbols import SymbolCoder
from radiosem.errors import FrameError, InputError, WeightsError
from radiosem.weights import WeightsEntry, entry
from radiosem_models.map_senders import SENDERS, MapSenderTask

SHAPE = (64, 64)
COMMON = {"models": ["RT", "carsRT"], "width": 8, "batch": 4, "lr": 4e-3}
OPTIONS = {
    "ae": {"bits_a_symbol": 4, "symbols_a_cell": 3, "stride": 16},
    "vae": {"bits_a_symbol": 3, "symbols_a_cell": 5, "stride": 16, "beta": 2e-3},
    "vqvae": {"bits_a_symbol": 3, "symbols_a_cell": 1, "stride": 8, "dim": 4, "commitment": 0.25},
}
SYMBOLS = {"ae": (3, 4, 4), "vae": (5, 4, 4), "vqvae": (1, 8, 8)}  # of SHAPE
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


@pytest.fixture(scope="module")
def coder():
    """Two channels of four symbols, some of which training never had."""
    return SymbolCoder(np.array([[1.0, 900, 1, 50], [30, 30, 30, 1]]))


@pytest.fixture
def weights_folder(weights, monkeypatch):
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(weights))


def _map(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    rows, cols = np.indices(shape)
    return np.asarray(127 + 120 * np.sin(rows / 9) * np.cos(cols / 7), np.uint8)


@EVERY_KIND
def test_symbols_come_back_as_they_were_sent(weights_folder, kind):
    codec = make_map_codec(f"map-{kind}")
    symbols, drawn = codec.symbols(_map()), []
    assert symbols.shape == codec.symbol_shape(SHAPE) == SYMBOLS[kind]
    decoder = codec._decoder
    codec._decoder = lambda symbols: drawn.append(symbols) or decoder(symbols=symbols)
    decoded = codec.decode(codec.encode(_map()), SHAPE)
    assert np.array_equal(drawn[0][0], symbols)
    assert (decoded.shape, decoded.dtype) == (SHAPE, np.float32)
    assert decoded.min() >= 0
    assert decoded.max() <= 1


@EVERY_KIND
def test_frequencies_are_those_of_the_training_maps_and_save_bits_there(weights_folder, tasks, kind):
    codec, task = make_map_codec(f"map-{kind}"), tasks[kind]
    maps = [task.dataset.grey(key) for key in task.dataset.keys("train", ("RT",))]
    counts = np.zeros((codec.symbols_a_cell, 1 << codec.bits_a_symbol), int)
    for grey in maps:
        for counted, channel in zip(counts, codec.symbols(grey).reshape(len(counts), -1), strict=True):
            counted += np.bincount(channel, minlength=counts.shape[1])
    listed = entry(f"map-{kind}-decoder").meta["symbol_counts"]
    assert np.abs(np.array(listed) - counts).sum() <= 0.01 * counts.sum()  # ONNX may round a level the other way
    coded = sum(len(codec.encode(grey)) for grey in maps)
    assert 8 * coded < counts.sum() * codec.bits_a_symbol


def test_two_recipes_of_one_kind_have_files_of_their_own(city):
    finer = MapSenderTask({**COMMON, **OPTIONS["ae"], "kind": "ae", "id": "ae-fine"}, city, 1)
    assert {*finer.exported()} == {"map-ae-fine-encoder", "map-ae-fine-decoder"}


def _listed_with(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """The manifest with other things in its meta tables; None takes a key away."""

    def listed(name: str) -> WeightsEntry:
        meta = {key: value for key, value in {**entry(name).meta, **changes}.items() if value is not None}
        return replace(entry(name), meta=meta)

    monkeypatch.setattr("radiosem.weights.entry", listed)


@pytest.mark.parametrize("wrong", [[[1, 2]], [[1, 2], [3]], "many", [[-1.0] * 16] * 3, [[float("nan")] * 16] * 3])
def test_counts_that_are_none_are_named(weights_folder, monkeypatch, wrong):
    _listed_with(monkeypatch, symbol_counts=wrong)
    with pytest.raises(WeightsError, match="map-ae-decoder: symbol_counts must be 3 x 16 counts, none negative"):
        make_map_codec("map-ae")


def test_without_counts_every_symbol_is_as_likely(weights_folder, monkeypatch):
    _listed_with(monkeypatch, symbol_counts=None)
    assert len(make_map_codec("map-ae").encode(_map())) == pytest.approx(4 * 4 * 3 * 4 / 8, abs=4)


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
def test_any_shape_goes_and_only_bytes_that_end_with_its_last_symbol(weights_folder, kind):
    codec = make_map_codec(f"map-{kind}")
    data = codec.encode(_map((45, 70)))
    assert codec.decode(data, (45, 70)).shape == (45, 70)
    for wrong in (data[:-1], data + b"\x00", data + b"\x01" * 8):
        with pytest.raises(FrameError):
            codec.decode(wrong, (45, 70))


@given(data=st.binary(max_size=80))
def test_any_bytes_are_a_map_or_refused(coder, data):
    try:
        symbols = coder.decode(data, 20)
    except FrameError:
        return
    assert symbols.shape == (2, 20)
    assert (symbols >= 0).all()
    assert (symbols < 4).all()


@given(symbols=hnp.arrays(np.int64, (2, 20), elements=st.integers(0, 3)))
def test_the_symbol_coder_is_lossless_also_where_training_never_had_a_symbol(coder, symbols):
    assert np.array_equal(coder.decode(coder.encode(symbols), 20), symbols)


def test_names_are_those_whose_weights_are_there(weights_folder, tmp_path, monkeypatch):
    assert map_codec_names() == tuple(f"map-{kind}" for kind in ("ae", "vae", "vqvae"))
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    assert map_codec_names() == ()
    with pytest.raises(WeightsError):
        make_map_codec("map-ae")


def test_what_is_no_map_or_no_codec_is_refused(weights_folder):
    with pytest.raises(InputError, match=r"'map-gan'.*map-ae, map-vae, map-vqvae, map-ae-fine"):
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
