"""The simulated air: a burst carries noisy symbols and nothing of the clean bits."""

import math

import numpy as np
import pytest

from channel_sim.air import Air
from channel_sim.digital import MAX_SYMBOLS
from channel_sim.link import make_link
from channel_sim.wire import MAX_MESSAGE_BYTES, symbols_from_bytes, symbols_to_bytes
from radiosem.errors import ChannelError, InputError
from radiosem.frame import Frame


def test_the_burst_differs_from_the_clean_symbols_everywhere(frame):
    burst = Air(10.0, "16qam-1/2").send(frame, "one", seed=3)
    clean = make_link("16qam-1/2").encode(frame)
    assert (symbols_from_bytes(burst.symbols) != clean).all()


def test_the_clean_bits_are_nowhere_in_the_burst(frame):
    message = Air(10.0).send(frame, "one", seed=3).SerializeToString()
    for part in (frame.strong, frame.weak):
        assert not any(part[start : start + 8] in message for start in range(0, len(part) - 7))


def test_the_burst_says_how_to_decode_it(frame):
    burst = Air(7.5, "64qam-1/2").send(frame, "block-7", seed=1)
    assert (burst.observation_id, burst.es_n0_db, burst.link) == ("block-7", 7.5, "64qam-1/2")
    received = make_link("qpsk-1/2").decode(symbols_from_bytes(Air(7.5).send(frame, "x", 2).symbols), 7.5)
    assert received.weak == frame.weak


def test_a_seed_repeats_the_noise_and_another_does_not(frame):
    air = Air(10.0)
    first = air.send(frame, "one", seed=5)
    assert air.send(frame, "one", seed=5) == first
    assert air.send(frame, "one", seed=6) != first
    assert air.send(frame, "one") != air.send(frame, "one")


def test_an_infinite_es_n0_sends_clean_symbols(frame):
    burst = Air(math.inf).send(frame, "one")
    np.testing.assert_array_equal(symbols_from_bytes(burst.symbols), make_link().encode(frame))
    assert burst.es_n0_db == math.inf


@pytest.mark.parametrize(("es_n0_db", "link"), [(math.nan, "qpsk-1/2"), (-50.0, "qpsk-1/2"), (10.0, "qpsk")])
def test_an_unusable_air_is_refused_when_made(es_n0_db, link):
    with pytest.raises(InputError):
        Air(es_n0_db, link)


def test_symbols_cross_the_wire_unchanged(rng):
    symbols = rng.standard_normal((50, 2), dtype=np.float32).view(np.complex64).ravel()
    assert symbols_to_bytes(symbols)[:4] == np.float32(symbols[0].real).astype("<f4").tobytes()
    np.testing.assert_array_equal(symbols_from_bytes(symbols_to_bytes(symbols)), symbols)


@pytest.mark.parametrize(("size", "says"), [(7, "a symbol takes 8"), (8 * MAX_SYMBOLS + 8, "it may have 32000000")])
def test_bytes_that_are_no_burst_are_refused(size, says):
    with pytest.raises(ChannelError, match=says):
        symbols_from_bytes(bytes(size))


def test_the_longest_burst_fits_a_message():
    assert 8 * MAX_SYMBOLS + 4096 < MAX_MESSAGE_BYTES


def test_an_empty_frame_still_makes_a_burst():
    assert make_link().decode(symbols_from_bytes(Air(10.0).send(Frame(b"", b""), "e", 1).symbols), 10.0).weak == b""
