"""The links: round trips, protection classes, hostile symbols, and what a sender has to load."""

import math
import os
import subprocess
import sys
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from channel_sim.awgn import awgn
from channel_sim.coding import Protection, protect, recover, scrambler
from channel_sim.digital import MAX_SYMBOLS, SIGNAL, LdpcLink, _crc24
from channel_sim.ldpc import decoder
from channel_sim.link import DEFAULT_LINK, link_names, make_link
from channel_sim.modulation import QPSK
from radiosem.errors import ChannelError, InputError
from radiosem.frame import Frame

# The learned link takes real frames alone: test_jscc.py.
DIGITAL = tuple(name for name in link_names() if name != "jscc")
EVERY_LINK = pytest.mark.parametrize("name", DIGITAL)


@given(
    name=st.sampled_from(DIGITAL),
    strong=st.integers(0, 300),
    weak=st.integers(0, 2500),
    fill=st.sampled_from(["random", "zeros", "ones"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_a_frame_survives_a_clean_link(name, strong, weak, fill, seed):
    rng = np.random.default_rng(seed)
    make = {"random": rng.bytes, "zeros": bytes, "ones": lambda size: b"\xff" * size}[fill]
    sent = Frame(make(strong), make(weak))
    link = make_link(name)
    symbols = link.encode(sent)
    received = link.decode(symbols, math.inf)
    assert (received.strong, received.weak, received.bit_errors) == (sent.strong, sent.weak, 0)


@EVERY_LINK
def test_symbols_have_unit_energy_even_for_constant_payloads(name):
    symbols = make_link(name).encode(Frame(bytes(40), bytes(4000)))
    assert symbols.dtype == np.complex64
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1.0, abs=0.05)
    assert abs(symbols.mean()) < 0.05


@pytest.mark.parametrize(
    ("name", "es_n0_db"),
    [
        ("qpsk-1/2", 2.0),
        ("qpsk-3/4", 6.0),
        ("16qam-1/2", 8.0),
        ("16qam-3/4", 12.5),
        ("64qam-1/2", 12.5),
        ("64qam-2/3", 16.0),
        ("64qam-5/6", 20.0),
    ],
)
def test_every_link_delivers_at_its_working_point(name, es_n0_db, frame, rng):
    link = make_link(name)
    for _ in range(5):
        received = link.decode(awgn(link.encode(frame), es_n0_db, rng), es_n0_db)
        assert (received.strong, received.weak) == (frame.strong, frame.weak)
        assert 0 < received.bit_errors < 0.25 * received.coded_bits


def test_bit_errors_are_the_wrong_hard_decisions(frame, rng):
    link = make_link("qpsk-1/2")
    clean = link.encode(frame)
    noisy = awgn(clean, 4.0, rng)
    received = link.decode(noisy, 4.0)
    body = clean.size - received.coded_bits // 2
    wrong = (noisy.view(np.float32) < 0) != (clean.view(np.float32) < 0)
    assert received.bit_errors == np.count_nonzero(wrong[2 * body :])


def test_the_strong_part_outlives_the_weak_part(frame, rng):
    link = make_link("qpsk-1/2")
    for _ in range(10):
        received = link.decode(awgn(link.encode(frame), 0.0, rng), 0.0)
        assert received.strong == frame.strong
        assert received.weak is None


def test_far_below_the_threshold_nothing_wrong_is_delivered(frame, rng):
    link = make_link("qpsk-1/2")
    for _ in range(20):
        try:
            received = link.decode(awgn(link.encode(frame), -6.0, rng), -6.0)
        except ChannelError:
            continue
        assert received.strong in (None, frame.strong)
        assert received.weak is None


def test_losing_the_end_of_the_burst_costs_the_weak_part_only(frame, rng):
    link = make_link("qpsk-1/2")
    symbols = awgn(link.encode(frame), 10.0, rng)
    symbols[-3000:] = 0
    received = link.decode(symbols, 10.0)
    assert received.strong == frame.strong
    assert received.weak is not None
    assert not received.weak_whole
    kept = len(frame.weak) - 3000 * 2 // 2 // 8 - 1944 // 8  # what no block of those symbols touches
    assert kept > 0
    assert received.weak[:kept] == frame.weak[:kept]
    assert received.weak != frame.weak


def test_noise_alone_is_given_up_after_a_few_blocks(monkeypatch, rng):
    tried = []
    decode = decoder.decode
    monkeypatch.setattr(decoder, "decode", lambda code, beliefs: tried.append(1) or decode(code, beliefs))
    llrs = rng.standard_normal(40_000).astype(np.float32)
    part = recover(llrs, 2_500, Protection("1/2"))
    assert (part.data, part.whole, len(tried)) == (None, False, 4)


def test_short_payloads_do_not_pay_for_whole_blocks():
    link = LdpcLink(QPSK, "1/2")
    empty = link.symbol_count(0, 0)
    assert link.symbol_count(0, 1) - empty == (8 + 324) // 2
    # Asymptotically a bit of the weak part takes 1/R / 2 symbols, one of the strong part four bits: 2 symbols.
    assert (link.symbol_count(0, 4050) - empty) == 8 * 4050
    assert (link.symbol_count(405, 0) - empty) == 2 * 8 * 405


def test_the_scrambler_is_the_one_of_the_standard():
    # IEEE Std 802.11, 17.3.5.5: the sequence of the all-ones state begins so.
    assert "".join(map(str, scrambler()[:32])) == "00001110111100101100100100000010"


@EVERY_LINK
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_hostile_symbols_end_in_a_channel_error_or_lost_parts(name, data):
    link = make_link(name)
    numbers = st.complex_numbers(width=64, allow_nan=True, allow_infinity=True)
    symbols = data.draw(hnp.arrays(np.complex64, st.integers(0, 600), elements=numbers, fill=numbers))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            received = link.decode(symbols, data.draw(st.floats()))
        except ChannelError:
            return
    assert received.strong is None or received.weak is None


@EVERY_LINK
@pytest.mark.parametrize("amplitude", [1e-30, 1.0, 1e30])
def test_a_true_signal_field_before_noise_delivers_no_part(name, amplitude, frame, rng):
    link = make_link(name)
    symbols = link.encode(frame)
    signal = link.encode(Frame(b"", b"")).size
    noise = rng.standard_normal((symbols.size - signal, 2), dtype=np.float32).view(np.complex64).ravel()
    symbols[signal:] = noise * np.float32(amplitude)
    received = link.decode(symbols, 10.0)
    assert (received.strong, received.weak, received.coded_bits) == (None, None, 0)


def test_a_burst_that_promises_the_longest_parts_is_refused_without_room_for_them(frame):
    link = LdpcLink(QPSK, "1/2")
    longest = b"\xff" * 5
    field = QPSK.modulate(protect(longest + _crc24(longest), SIGNAL, QPSK.bits_per_symbol))
    tracemalloc.start()
    with pytest.raises(ChannelError, match="promises"):
        link.decode(np.concatenate([field, field]), 20.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_burst_of_another_link_is_refused(frame):
    with pytest.raises(ChannelError, match="promises"):
        make_link("qpsk-1/2").decode(make_link("16qam-1/2").encode(frame), 30.0)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s: s[:0], "burst has 0 symbols"),
        (lambda s: s[:100], "burst has 100 symbols"),
        (lambda s: s[:-1], "promises"),
        (lambda s: np.append(s, s[:1]), "promises"),
        (lambda s: np.where(np.arange(s.size) == 7, np.nan, s).astype(np.complex64), "not finite"),
        (lambda s: np.where(np.arange(s.size) == 7, np.inf, s).astype(np.complex64), "not finite"),
        (lambda s: np.zeros_like(s), "signal field"),
        (lambda s: s[::-1], "signal field"),
        (lambda s: s.astype(np.complex128), "complex128"),
        (lambda s: s.reshape(1, -1), "one row"),
        (lambda s: np.zeros(MAX_SYMBOLS + 1, np.complex64), "4000001 symbols"),
    ],
)
def test_a_spoilt_burst_is_refused_with_the_reason(spoil, says, frame):
    link = make_link("16qam-1/2")
    with pytest.raises(ChannelError, match=says):
        link.decode(spoil(link.encode(frame)), 20.0)


def test_es_n0_that_is_no_number_is_refused(frame):
    link = make_link("qpsk-1/2")
    with pytest.raises(ChannelError, match="es_n0_db"):
        link.decode(link.encode(frame), math.nan)


@pytest.mark.parametrize("es_n0_db", [-math.inf, -400.0, 0.0, 400.0, math.inf])
def test_clean_symbols_decode_whatever_es_n0_is_claimed(es_n0_db, frame):
    link = make_link("64qam-5/6")
    assert link.decode(link.encode(frame), es_n0_db).weak == frame.weak


@pytest.mark.parametrize(
    ("oversized", "says"),
    [
        (Frame(bytes(65536), b""), "strong part has 65536 bytes"),
        (Frame(b"", bytes(600_000)), "takes .* symbols"),
        (Frame(b"", bytes(1 << 24)), "weak part has 16777216 bytes"),
    ],
    ids=["strong", "symbols", "weak"],
)
def test_a_frame_too_long_for_a_burst_is_refused_with_its_size(oversized, says):
    with pytest.raises(InputError, match=says):
        make_link("qpsk-1/2").encode(oversized)


def test_an_unknown_link_is_refused_with_those_known():
    with pytest.raises(InputError, match=r"'bpsk'.*qpsk-1/2"):
        make_link("bpsk")


def test_the_default_link_comes_first():
    assert make_link().name == DEFAULT_LINK == link_names()[0]
    assert all(make_link(name).name == name for name in link_names())


def test_a_sender_loads_neither_numba_nor_torch():
    script = (
        "import sys\n"
        "from channel_sim.air import Air\n"
        "from radiosem.frame import Frame\n"
        "Air(10.0).send(Frame(b'abc', b'defg'), 'one', 1)\n"
        "sys.exit(any(name in sys.modules for name in ('numba', 'torch')))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0
