"""Files, images and folders that a user asked for -> on disk, whole, or a clear error."""

import os
from pathlib import Path
from typing import Any

import cv2
from numpy.typing import NDArray

from radiosem.errors import InputError


def write_image(path: Path, image: NDArray[Any], *options: int) -> None:
    """Write an image in the format that its name says.

    image    uint8 [H, W] or [H, W, 3], blue first as OpenCV has it
    options  as `cv2.imwrite` takes them
    raises   InputError when it cannot be written
    """
    kind = path.suffix.lower()
    try:
        done, data = cv2.imencode(kind, image, options)
        path.write_bytes(data.tobytes())
    except (OSError, cv2.error) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{kind!r} is no format of images"
        raise InputError(f"{path} cannot be written: {reason}") from None
    if not done:
        raise InputError(f"{path} cannot be written: the image has no form in {kind!r}")


def make_folder(path: Path, argument: str) -> None:
    """Make a folder and those above it, where there are none. Raises InputError naming the argument."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{argument} is {str(path)!r}, where no folder can be made: {error.strerror}") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there complete or not at all, even after a power cut."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
