"""Complex symbols <-> the bytes of a Burst, and the options of gRPC servers and of those who call them."""

import numpy as np
from numpy.typing import NDArray

from channel_sim.digital import MAX_SYMBOLS
from radiosem.errors import ChannelError

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
GRPC_OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
)
_SYMBOL_BYTES = 8


def server_options(receive_bytes: int = MAX_MESSAGE_BYTES) -> tuple[tuple[str, int], ...]:
    """Options of a gRPC server that takes messages of at most so many bytes."""
    return (
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", receive_bytes),
        ("grpc.so_reuseport", 0),  # two processes on one port would share the calls between them without a word
        ("grpc.keepalive_time_ms", 60_000),  # a caller that lost its power must not hold a stream for ever
        ("grpc.keepalive_timeout_ms", 20_000),
    )


def symbols_to_bytes(symbols: NDArray[np.complex64]) -> bytes:
    """Symbols as little-endian complex64, I then Q."""
    return symbols.astype("<c8").tobytes()


def symbols_from_bytes(data: bytes) -> NDArray[np.complex64]:
    """Symbols of a Burst.

    returns  complex64 [n]
    raises   ChannelError when the bytes are no whole number of symbols, or more than 4 million of them
    """
    if len(data) > MAX_SYMBOLS * _SYMBOL_BYTES:
        raise ChannelError(f"burst has {len(data)} bytes of symbols; it may have {MAX_SYMBOLS * _SYMBOL_BYTES}")
    if len(data) % _SYMBOL_BYTES:
        raise ChannelError(f"burst has {len(data)} bytes of symbols; a symbol takes {_SYMBOL_BYTES}")
    return np.frombuffer(data, dtype="<c8").astype(np.complex64)
