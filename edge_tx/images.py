"""Bytes of a PNG or JPEG from anyone -> uint8 pixels, without ever spending more than the caller allows."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from radiosem.errors import InputError

MAX_BYTES = 16 * 2**20
MAX_PIXELS = 12_000_000  # a 256 m block at 7.5 cm a pixel
MIN_SIDE = 32
STRIP_ROWS = 256
START_OF_SCAN = b"\xff\xda"
MAX_JPEG_SCANS = 64  # a progressive JPEG may ask for millions of passes over the image; encoders write about ten
MAGIC = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
NO_DATA_GREY = 128  # what shows through transparent pixels of an image: neither roof nor shadow


def decode_image(data: bytes, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode an aerial image, as a viewer would show it.

    Grey becomes RGB with three equal channels; transparent pixels let mid-grey through; of 16 bits a channel the upper
    8 count; an EXIF orientation is applied.

    data        PNG or JPEG, told by its first bytes
    max_pixels  the size its header claims is checked against this before anything is decoded
    returns     uint8 [H, W, 3], RGB
    raises      InputError when it is too large, not such an image, or damaged
    """
    with _opened(data, "image", tuple(MAGIC.values()), max_bytes, max_pixels) as image:
        return _pixels(image, "RGB", "image", NO_DATA_GREY)


def decode_mask(data: bytes, shape: tuple[int, int], what: str = "cars_png") -> NDArray[np.bool_]:
    """Decode a mask drawn on the grid: over 127 is True, transparent is False.

    data     PNG, told by its first bytes
    shape    (rows, cols) it must have
    returns  bool [rows, cols]
    raises   InputError when it is not such an image, damaged, of another size, or holds grey below 128 alone
    """
    with _opened(data, what, ("PNG",), MAX_BYTES, MAX_PIXELS) as image:
        if image.mode.startswith(("I", "F")):
            raise InputError(f"{what} has more than 8 bits a pixel; it must be an 8-bit PNG")
        grey = _pixels(image, "L", what, 0)
    if grey.shape != shape:
        (rows, cols), (wanted_rows, wanted_cols) = grey.shape, shape
        raise InputError(
            f"{what} is {cols} x {rows} pixels; it must be {wanted_cols} x {wanted_rows}, one a cell of the grid"
        )
    if 0 < grey.max() <= 127:
        raise InputError(f"{what} has grey of at most {grey.max()}; over 127 is set, and 0 throughout where nothing is")
    return grey > 127


def _opened(data: bytes, what: str, formats: tuple[str, ...], max_bytes: int, max_pixels: int) -> Image.Image:
    """The image, its header read and judged, its pixels not yet decoded."""
    if not data:
        raise InputError(f"{what} is empty; it must be a {' or '.join(formats)} file")
    if len(data) > max_bytes:
        raise InputError(f"{what} has {len(data)} bytes; at most {max_bytes} are taken")
    found = next((name for magic, name in MAGIC.items() if data.startswith(magic)), None)
    if found not in formats:
        raise InputError(f"{what} begins with {data[:8]!r}; it must be a {' or '.join(formats)} file")
    scans = data.count(START_OF_SCAN) if found == "JPEG" else 1
    if scans > MAX_JPEG_SCANS:
        raise InputError(f"{what} is a JPEG of {scans} scans; at most {MAX_JPEG_SCANS} are taken")
    try:
        image = Image.open(io.BytesIO(data), formats=(found,))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{what} claims too many pixels; at most {max_pixels} are taken ({error})") from error
    except UnidentifiedImageError as error:  # its text is an address in memory
        raise InputError(f"{what} is a damaged {found} file: its header cannot be read") from error
    except Exception as error:  # Pillow's parsers raise whatever a damaged file makes them stumble over
        raise InputError(f"{what} is a damaged {found} file: {error}") from error
    if image.width * image.height > max_pixels:
        raise InputError(
            f"{what} claims {image.width} x {image.height} = {image.width * image.height} pixels; "
            f"at most {max_pixels} are taken"
        )
    if min(image.size) < MIN_SIDE:
        raise InputError(f"{what} is {image.width} x {image.height} pixels; each side must be at least {MIN_SIDE}")
    return image


def _pixels(image: Image.Image, mode: str, what: str, ground: int) -> NDArray[np.uint8]:
    """Decode and convert: uint8 [H, W, 3] for mode RGB, [H, W] for L; the grey `ground` shows through."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            # Strip by strip: each conversion of the whole would hold one more copy of a large image.
            pixels = np.empty((image.height, image.width, *((3,) if mode == "RGB" else ())), np.uint8)
            for top in range(0, image.height, STRIP_ROWS):
                strip = image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height)))
                pixels[top : top + STRIP_ROWS] = np.asarray(_flat(strip, ground).convert(mode))
            return pixels
    except Exception as error:  # as in _opened
        raise InputError(f"{what} is a damaged {image.format} file: {error}") from error


def _flat(image: Image.Image, ground: int) -> Image.Image:
    """8 bits a channel, nothing transparent."""
    if image.mode.startswith(("I", "F")):
        deep: NDArray[Any] = np.asarray(image)
        return Image.fromarray((np.clip(deep, 0, 65535).astype(np.uint16) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        below = Image.new("RGBA", image.size, (ground, ground, ground, 255))
        below.alpha_composite(image.convert("RGBA"))
        return below.convert("RGB")
    return image
