"""Whatever bytes arrive as an image: usable pixels, or a clear error, for bounded time and memory."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge_tx.images import decode_image, decode_mask
from radiosem.errors import InputError


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG by hand, so that its header can claim anything."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def test_png_comes_out_as_it_went_in() -> None:
    pixels = noise(40, 50, 3)
    np.testing.assert_array_equal(decode_image(file_of(Image.fromarray(pixels))), pixels)


def test_jpeg_comes_out_nearly_as_it_went_in() -> None:
    pixels = np.full((48, 64, 3), (200, 60, 50), np.uint8)
    decoded = decode_image(file_of(Image.fromarray(pixels), "JPEG", quality=95))
    assert decoded.shape == pixels.shape
    assert np.abs(decoded.astype(int) - pixels).max() < 8


def test_grey_becomes_three_equal_channels() -> None:
    grey = noise(40, 50)
    np.testing.assert_array_equal(decode_image(file_of(Image.fromarray(grey))), np.stack([grey] * 3, -1))


def test_opaque_rgba_loses_only_its_alpha() -> None:
    pixels = noise(40, 50, 3)
    rgba = np.dstack([pixels, np.full((40, 50), 255, np.uint8)])
    np.testing.assert_array_equal(decode_image(file_of(Image.fromarray(rgba))), pixels)


def test_transparent_pixels_show_mid_grey() -> None:
    rgba = np.dstack([noise(40, 50, 3), np.zeros((40, 50), np.uint8)])
    np.testing.assert_array_equal(decode_image(file_of(Image.fromarray(rgba))), np.full((40, 50, 3), 128))


def test_palette_image_shows_its_colours() -> None:
    image = Image.new("P", (40, 40), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    np.testing.assert_array_equal(decode_image(file_of(image)), np.full((40, 40, 3), (10, 20, 30)))


def test_of_sixteen_bits_the_upper_eight_count() -> None:
    deep = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50) * 32
    decoded = decode_image(file_of(Image.fromarray(deep)))
    np.testing.assert_array_equal(decoded[..., 0], deep >> 8)


def test_exif_orientation_is_applied() -> None:
    image = Image.fromarray(np.vstack([np.zeros((40, 64, 3)), np.full((40, 64, 3), 255)]).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    decoded = decode_image(file_of(image, "JPEG", exif=exif))
    assert decoded[:30].min() > 200
    assert decoded[50:].max() < 50


def test_file_over_the_limit_is_refused() -> None:
    data = file_of(Image.fromarray(noise(64, 64, 3)))
    with pytest.raises(InputError, match=f"image has {len(data)} bytes; at most 1000 are taken"):
        decode_image(data, max_bytes=1000)


def test_image_of_too_many_pixels_is_refused() -> None:
    with pytest.raises(InputError, match="claims 64 x 64 = 4096 pixels; at most 4000"):
        decode_image(file_of(Image.new("RGB", (64, 64))), max_pixels=4000)


@pytest.mark.parametrize("side", [14_400, 30_000])
def test_decompression_bomb_is_refused_without_being_decoded(side: int) -> None:
    row = bytes(1 + 3 * side)
    bomb = png(side, side, 8, 2, row * 50)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"claims .*pixels; at most 12000000"):
        decode_image(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(bomb) < 25_000
    assert peak < 2_000_000


def test_jpeg_of_endless_scans_is_refused() -> None:
    data = file_of(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    bomb = data[:-2] + data[start:-2] * 100 + data[-2:]
    with pytest.raises(InputError, match="scans; at most 64"):
        decode_image(bomb)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "image is empty"),
        (b"not an image at all", "must be a PNG or JPEG"),
        (b"GIF89a" + bytes(100), "must be a PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "must be a PNG or JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "damaged PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "damaged JPEG"),
    ],
)
def test_what_is_no_image_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as refusal:
        decode_image(data)
    assert "object at 0x" not in str(refusal.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_truncated_image_is_refused(kind: str) -> None:
    data = file_of(Image.fromarray(noise(64, 64, 3)), kind)
    with pytest.raises(InputError, match=f"damaged {kind}"):
        decode_image(data[: len(data) * 2 // 3])


def test_tiny_image_is_refused() -> None:
    with pytest.raises(InputError, match="64 x 8 pixels; each side must be at least 32"):
        decode_image(file_of(Image.new("RGB", (64, 8))))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["PNG", "JPEG"]), st.integers(0, 10_000), st.integers(1, 255), st.integers(0, 200))
def test_altered_file_gives_pixels_or_an_input_error(kind: str, where: int, flip: int, cut: int) -> None:
    data = bytearray(file_of(Image.fromarray(noise(33, 35, 3)), kind))
    data[where % len(data)] ^= flip
    try:
        decoded = decode_image(bytes(data[: len(data) - cut]))
    except InputError:
        return
    assert decoded.dtype == np.uint8
    assert decoded.ndim == 3


def test_mask_is_what_is_over_127() -> None:
    grey = np.array([[0, 127], [128, 255]], np.uint8).repeat(16, 0).repeat(16, 1)
    np.testing.assert_array_equal(decode_mask(file_of(Image.fromarray(grey)), (32, 32)), grey > 127)


def test_transparent_pixels_of_a_mask_are_not_set() -> None:
    drawn = np.zeros((32, 40, 4), np.uint8)
    drawn[4:8, 10:20] = 255
    np.testing.assert_array_equal(decode_mask(file_of(Image.fromarray(drawn)), (32, 40)), drawn[..., 3] > 0)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (file_of(Image.new("L", (32, 33))), "cars_png is 32 x 33 pixels; it must be 32 x 32"),
        (file_of(Image.new("L", (32, 32)), "JPEG"), "cars_png .* must be a PNG file"),
        (b"cars", "must be a PNG file"),
    ],
)
def test_mask_that_does_not_fit_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        decode_mask(data, (32, 32))
