"""The plain bitmap: one bit a pixel, nothing lost, nothing else taken for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radiosem.codecs import make_codec
from radiosem.errors import FrameError, InputError

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(mask=hnp.arrays(np.bool_, SHAPES))
def test_a_mask_comes_back_at_one_bit_a_pixel(mask):
    codec = make_codec("bitmap")
    data = codec.encode(mask)
    assert len(data) == -(-mask.size // 8)
    decoded = codec.decode(data, mask.shape)
    assert decoded.dtype == np.bool_
    assert np.array_equal(decoded, mask)


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "has 0 bytes"), (bytes(3), "has 3 bytes"), (b"\x00\x01", "after the last pixel")]
)
def test_bytes_of_another_length_or_tail_are_refused(data, says):
    with pytest.raises(FrameError, match=says):
        make_codec("bitmap").decode(data, (3, 5))


def test_what_is_no_mask_is_refused():
    with pytest.raises(InputError, match="uint8"):
        make_codec("bitmap").encode(np.zeros((4, 4), np.uint8))
