"""A frame carries the semantics of a map, and whatever arrives instead is refused, degraded or read, never a crash."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from radiosem.codecs import MaskCodec, make_codec
from radiosem.errors import DamagedFrameError, FrameError, InputError, UnknownCodecError
from radiosem.frame import LAW_STEP_DB, pack, unpack
from radiosem.masks.on_grid import free_transmitters
from radiosem.readings.choose import choose_readings
from radiosem.types import Grid, PathLoss, Place, Readings, Samples, Semantics, Transmitter

CODECS: Mapping[bytes, MaskCodec] = {codec.codec_id: codec for codec in map(make_codec, ("context", "jpeg"))}
CONTEXT, JPEG = CODECS.values()


def _house(rows: int, cols: int, at: int) -> NDArray[np.bool_]:
    mask = np.zeros((rows, cols), bool)
    mask[at : at + 12, at : at + 9] = True
    return mask


ONE = Semantics(
    Grid(64, 48, 0.5), (Transmitter(3, 60),), (PathLoss(47.125, 31.5),), _house(64, 48, 8), cars=_house(64, 48, 30)
)
FRAME = pack(ONE, CONTEXT)
MASK_BYTES = len(CONTEXT.encode(_house(64, 48, 8))) + 4

heights = st.integers(0, 511).map(lambda steps: steps / 2)
powers = st.integers(-128, 127).map(lambda steps: steps / 2)
frequencies = st.integers(1, 65535).map(lambda mhz: mhz * 1e6)
laws = st.builds(PathLoss, st.integers(0, 1023).map(lambda n: n / 8 - 16), st.integers(0, 1023).map(lambda n: n / 8))


@st.composite
def semantics(draw: st.DrawFn) -> Semantics:
    """Values on the steps a frame carries."""
    rows, cols = draw(st.integers(32, 40)), draw(st.integers(32, 40))
    grid = Grid(rows, cols, draw(st.integers(100, 25500)) / 1000)
    places = st.builds(
        Transmitter, st.integers(0, cols - 1), st.integers(0, rows - 1), heights, powers, frequencies
    ) | st.builds(Transmitter, st.integers(0, cols - 1), st.integers(0, rows - 1))
    transmitters = tuple(draw(st.lists(places, min_size=1, max_size=16)))
    chosen = tuple(draw(laws) for _ in transmitters)
    cars = draw(st.none() | st.just(_house(rows, cols, 15)))
    centimetres = st.integers(-2_000_000_000, 2_000_000_000).map(lambda cm: cm / 100)
    place = draw(st.none() | st.builds(Place, st.integers(1024, 32767), centimetres, centimetres))
    return Semantics(grid, transmitters, chosen, _house(rows, cols, draw(st.integers(0, 20))), cars, place=place)


def _same(a: NDArray[np.bool_] | None, b: NDArray[np.bool_] | None) -> bool:
    return (a is None and b is None) or (a is not None and b is not None and np.array_equal(a, b))


@given(semantics())
@settings(max_examples=12, deadline=None)
def test_values_on_the_steps_of_the_frame_come_back_exactly(sent: Semantics) -> None:
    frame = pack(sent, CONTEXT)
    received, name = unpack(frame.strong, frame.weak, CODECS)
    assert name == "context"
    assert (received.grid, received.place) == (sent.grid, sent.place)
    assert received.transmitters == sent.transmitters
    assert received.path_losses == sent.path_losses
    assert sent.buildings is not None
    assert _same(received.buildings, free_transmitters(sent.buildings, sent.transmitters)[0])
    assert _same(received.cars, sent.cars)


@given(
    st.floats(0, 255.5), st.floats(-64, 63.5), st.floats(1e6, 65.535e9), st.floats(-16, 111.875), st.floats(0, 127.875)
)
@settings(max_examples=25, deadline=None)
def test_other_values_come_back_within_half_a_step(
    height_m: float, power_dbm: float, frequency_hz: float, pl0_db: float, slope_db: float
) -> None:
    sent = replace(
        ONE,
        transmitters=(Transmitter(3, 60, height_m, power_dbm, frequency_hz),),
        path_losses=(PathLoss(pl0_db, slope_db),),
        cars=None,
    )
    frame = pack(sent, JPEG)
    received, _ = unpack(frame.strong, None, CODECS)
    got, law = received.transmitters[0], received.path_losses[0]
    assert got.height_m == pytest.approx(height_m, abs=0.25)
    assert got.power_dbm == pytest.approx(power_dbm, abs=0.25)
    assert got.frequency_hz == pytest.approx(frequency_hz, abs=0.5e6)
    assert law.pl0_db == pytest.approx(pl0_db, abs=LAW_STEP_DB / 2)
    assert law.slope_db == pytest.approx(slope_db, abs=LAW_STEP_DB / 2)


def test_pixels_counted_by_numpy_are_carried_like_any_other() -> None:
    row, col = np.argwhere(np.arange(64 * 48).reshape(64, 48) == 60 * 48 + 3)[0]
    assert pack(replace(ONE, transmitters=(Transmitter(col, row),)), CONTEXT) == FRAME


def test_cars_of_a_lossy_mask_stay_lossless() -> None:
    frame = pack(ONE, JPEG)
    received, name = unpack(frame.strong, frame.weak, CODECS)
    assert name == "jpeg"
    assert _same(received.cars, ONE.cars)


def test_header_of_one_default_transmitter_takes_at_most_16_bytes_and_of_16_such_under_100() -> None:
    mask = _house(256, 256, 90)
    one = Semantics(Grid(), (Transmitter(7, 200),), (PathLoss(47, 30),), mask)
    many = replace(one, transmitters=one.transmitters * 16, path_losses=one.path_losses * 16)
    assert len(pack(one, CONTEXT).strong) <= 16
    assert len(pack(many, CONTEXT).strong) < 100


def test_frames_are_pinned() -> None:
    two = replace(
        ONE, transmitters=(*ONE.transmitters, Transmitter(9, 9, 5, 30, 3.5e9)), path_losses=ONE.path_losses * 2
    )
    frames = [FRAME, pack(two, CONTEXT), pack(replace(ONE, cars=None), JPEG)]
    digests = [hashlib.sha256(frame.strong + b"|" + frame.weak).hexdigest()[:16] for frame in frames]
    assert digests == ["e49d55ce62d10192", "79e14ce5a9c6586d", "191774a8e94d5a21"]


@pytest.mark.parametrize("bit", range(8 * len(FRAME.strong)))
def test_a_flipped_bit_in_the_strong_part_refuses_the_frame(bit: int) -> None:
    with pytest.raises(FrameError):
        unpack(_flip(FRAME.strong, bit), FRAME.weak, CODECS)


def test_a_flipped_bit_in_the_mask_section_degrades_and_keeps_the_rest() -> None:
    frame = pack(replace(ONE, cars=None), CONTEXT)
    for bit in range(8 * len(frame.weak)):
        received, _ = unpack(frame.strong, _flip(frame.weak, bit), CODECS)
        assert received.degraded
        assert received.grid == ONE.grid
        assert received.transmitters == ONE.transmitters
        assert received.path_losses == ONE.path_losses


def test_cars_outlive_a_lost_mask() -> None:
    received, _ = unpack(FRAME.strong, _flip(FRAME.weak, 0), CODECS)
    assert received.degraded
    assert _same(received.cars, ONE.cars)


def test_a_flipped_bit_in_the_cars_section_loses_the_cars_alone() -> None:
    for bit in range(8 * MASK_BYTES, 8 * len(FRAME.weak), 61):
        received, _ = unpack(FRAME.strong, _flip(FRAME.weak, bit), CODECS)
        assert received.cars is None
        assert _same(received.buildings, ONE.buildings)


@pytest.mark.parametrize("kept", range(len(FRAME.strong)))
def test_a_truncated_strong_part_refuses_the_frame(kept: int) -> None:
    with pytest.raises(FrameError):
        unpack(FRAME.strong[:kept], FRAME.weak, CODECS)


def test_a_truncated_or_missing_weak_part_loses_what_is_not_there() -> None:
    for weak in (None, b"", FRAME.weak[: MASK_BYTES - 1]):
        received, _ = unpack(FRAME.strong, weak, CODECS)
        assert (received.buildings, received.cars) == (None, None)
    received, _ = unpack(FRAME.strong, FRAME.weak[:-1], CODECS)
    assert _same(received.buildings, ONE.buildings)
    assert received.cars is None


def test_the_mask_of_another_frame_is_not_taken() -> None:
    other = pack(replace(ONE, path_losses=(PathLoss(50, 30),)), CONTEXT)
    received, _ = unpack(FRAME.strong, other.weak, CODECS)
    assert received.degraded


@given(st.binary(max_size=80), st.none() | st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_a_frame_error(strong: bytes, weak: bytes | None) -> None:
    with pytest.raises(FrameError):
        unpack(strong, weak, CODECS)


@given(st.binary(max_size=60), st.booleans())
@settings(max_examples=150, deadline=None)
def test_nonsense_under_a_right_checksum_is_a_frame_error_or_semantics(content: bytes, known: bool) -> None:
    # version 3, readings alone, default grid, a codec the receiver holds: the parser gets as far as the bytes let it
    start = 0b0011_011 << 32 | int.from_bytes(CONTEXT.codec_id, "big")
    header = (start << 1).to_bytes(5, "big") + content if known else b"\x30" + content
    try:
        received, _ = unpack(header + google_crc32c.value(header).to_bytes(4, "big"), None, CODECS)
    except FrameError:
        return
    assert received.degraded


def test_readings_come_back_and_are_lost_alone() -> None:
    cells = np.array([[0, 3], [1, 4], [7, 5]])
    readings = Readings(
        np.zeros(3, np.int64), cells[:, 0], cells[:, 1], np.array([-100.0, -60, -148]), np.array([True, True, False])
    )
    frame = pack(replace(ONE, readings=readings), CONTEXT)
    received = unpack(frame.strong, frame.weak, CODECS)[0].readings
    assert received is not None
    for name in ("transmitter", "row", "col", "gain_db", "heard"):
        assert np.array_equal(getattr(received, name), getattr(readings, name))
    assert len(frame.weak) - len(FRAME.weak) < 14  # 4 of them the checksum
    without, _ = unpack(frame.strong, _flip(frame.weak, 8 * len(frame.weak) - 1), CODECS)
    assert without.readings is None
    assert without.readings_lost
    assert _same(without.buildings, ONE.buildings)
    assert _same(without.cars, ONE.cars)


def test_readings_outlive_a_lost_mask() -> None:
    readings = Readings(*(np.array([n]) for n in (0, 2, 3)), np.array([-100.0]), np.array([True]))
    frame = pack(replace(ONE, cars=None, readings=readings), CONTEXT)
    received, _ = unpack(frame.strong, _flip(frame.weak, 0), CODECS)
    assert received.degraded
    assert received.readings is not None
    assert not received.readings_lost


@pytest.mark.parametrize("cell_size_m", [0.24246, 0.30772, 0.3201, 0.4704, 2.66666])
def test_readings_come_back_on_any_size_of_cell(cell_size_m: float) -> None:
    grid, rng = Grid(512, 512, cell_size_m), np.random.default_rng(0)
    col, row = rng.integers(0, 512, (2, 300))
    senders = (Transmitter(100, 100, 10.26, 20.2, 3.5004e9),)
    read = Samples(np.zeros(300, np.int64), col, row, rng.uniform(-120, -40, 300))
    readings = choose_readings(read, senders, grid, 128)
    assert readings is not None
    sent = Semantics(grid, senders, (PathLoss(47.06, 31.57),), np.zeros(grid.shape, bool), readings=readings)
    frame = pack(sent, CONTEXT)
    received, _ = unpack(frame.strong, frame.weak, CODECS)
    assert received.grid == grid
    assert received.readings is not None
    assert np.array_equal(received.readings.gain_db, readings.gain_db)
    assert np.array_equal(received.readings.row, readings.row)


@given(st.binary(max_size=100))
@settings(max_examples=60, deadline=None)
def test_nonsense_readings_under_right_checksums_are_a_frame_error_or_readings(section: bytes) -> None:
    readings = Readings(*(np.array([n]) for n in (0, 2, 3)), np.array([-100.0]), np.array([True]))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("radiosem.frame.encode_readings", lambda *given: section)
        frame = pack(replace(ONE, cars=None, readings=readings), CONTEXT)
    try:
        received, _ = unpack(frame.strong, frame.weak, CODECS)
    except FrameError:
        return
    assert received.readings is not None


@given(st.sampled_from([CONTEXT, JPEG]), st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_a_nonsense_mask_under_right_checksums_is_a_frame_error_or_a_mask(codec: MaskCodec, section: bytes) -> None:
    class Liar:
        name, codec_id, lossless = codec.name, codec.codec_id, codec.lossless

        def encode(self, mask: NDArray[np.bool_]) -> bytes:
            return section

        def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.bool_]:
            raise AssertionError

    frame = pack(replace(ONE, cars=None), Liar())
    try:
        received, _ = unpack(frame.strong, frame.weak, CODECS)
    except FrameError:
        return
    assert received.buildings is not None
    assert received.buildings.shape == ONE.grid.shape


def test_a_mask_section_that_its_codec_cannot_read_refuses_the_frame() -> None:
    class Broken:
        name, codec_id, lossless = "broken", b"oops", True

        def encode(self, mask: NDArray[np.bool_]) -> bytes:
            return b"not a mask"

        def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.bool_]:
            raise FrameError("mask section is broken")

    frame = pack(replace(ONE, cars=None), Broken())
    with pytest.raises(FrameError, match="broken"):
        unpack(frame.strong, frame.weak, {b"oops": Broken()})


def test_another_version_is_refused_by_name() -> None:
    header = bytes([7 << 4 | FRAME.strong[0] & 15]) + FRAME.strong[1:-4]
    with pytest.raises(FrameError, match="version is 7") as caught:
        unpack(header + google_crc32c.value(header).to_bytes(4, "big"), FRAME.weak, CODECS)
    assert not isinstance(caught.value, DamagedFrameError)  # the same would be refused again
    with pytest.raises(DamagedFrameError, match="fails its checksum"):
        unpack(header + FRAME.strong[-4:], FRAME.weak, CODECS)


def test_an_unknown_codec_is_refused_by_name_with_those_held() -> None:
    with pytest.raises(UnknownCodecError, match=f"{CONTEXT.codec_id.hex()}.*holds jpeg {JPEG.codec_id.hex()}"):
        unpack(FRAME.strong, FRAME.weak, {JPEG.codec_id: JPEG})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"path_losses": (PathLoss(112, 30),)}, r"path_losses\[0\] pl0_db is 112"),
        ({"path_losses": (PathLoss(40, -0.5),)}, "slope_db is -0.5"),
        ({"path_losses": (PathLoss(float("nan"), 30),)}, "pl0_db is nan"),
        ({"path_losses": ()}, "0 laws for 1 transmitters"),
        ({"transmitters": (), "path_losses": ()}, "transmitters has 0 entries"),
        ({"transmitters": ONE.transmitters * 17, "path_losses": ONE.path_losses * 17}, "17 entries"),
        ({"transmitters": (Transmitter(48, 0),)}, "col 48"),
        ({"buildings": None}, "buildings is None"),
        ({"buildings": np.zeros((48, 64), bool)}, "buildings is bool"),
        ({"cars": np.zeros((64, 48))}, "cars is float64"),
    ],
)
def test_what_a_frame_cannot_carry_is_an_input_error(change: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        pack(replace(ONE, **change), CONTEXT)  # type: ignore[arg-type]


def _flip(data: bytes, bit: int) -> bytes:
    return data[: bit // 8] + bytes([data[bit // 8] ^ 0x80 >> bit % 8]) + data[bit // 8 + 1 :]
