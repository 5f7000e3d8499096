"""PNG of a block, its mask, heights or map -> pixels, the size it claims judged before anything is decoded."""

import contextlib
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import MalformedFileError
from radiosem.types import MAX_SIDE

_HEADER = struct.Struct(">16sII")  # of a PNG: what it begins with, width, height
_BEGINNING = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 13, b"IHDR")


def read_grey(path: Path) -> NDArray[np.uint8]:
    """An image of a block as 8-bit grey [H, W], whatever it holds. Raises MalformedFileError as `read_png`."""
    return np.asarray(read_png(path, cv2.IMREAD_GRAYSCALE), np.uint8)


def read_png(path: Path, conversion: int = cv2.IMREAD_UNCHANGED) -> NDArray[Any]:
    """An image of a block: [H, W], or [H, W, channels] with blue first as OpenCV has it.

    conversion  as `cv2.imread` takes it; left out, depth and channels are those of the file
    raises      MalformedFileError when it is no PNG, cannot be read, or has more pixels a side than a grid
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
    except OSError as error:
        raise MalformedFileError(path, f"cannot be read: {error.strerror}") from None
    beginning, width, height = _HEADER.unpack(header.ljust(_HEADER.size, b"\0"))
    image = None
    if beginning == _BEGINNING:
        if max(width, height) > MAX_SIDE:
            raise MalformedFileError(path, f"claims {width} x {height} pixels; at most {MAX_SIDE} a side are taken")
        with contextlib.suppress(cv2.error):
            image = cv2.imread(str(path), conversion)
    if image is None:
        raise MalformedFileError(path, "cannot be read as an image; expected an 8-bit grey PNG")
    return image
