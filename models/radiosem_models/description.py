"""What a data set in RadioMapSeer's layout says of itself: dataset.json and antenna/ID.json -> checked values."""

import json
from pathlib import Path
from typing import Any

from radiosem.errors import InputError, MalformedFileError
from radiosem.types import CELL_SIZES_M, Transmitter

DEFAULT_HEIGHT_M = 1.5  # RadioMapSeer's transmitters, whose antenna files hold no height
_LARGEST = 1e12  # of any number in these files: whatever is larger is a slip of the pen


class MalformedDataError(MalformedFileError):
    """A file of a data set says what cannot be."""


def read_about(path: Path) -> dict[str, Any]:
    """The content of dataset.json. Raises MalformedDataError naming the key and value that are unusable."""
    about = _read(path)
    if not isinstance(about, dict):
        raise MalformedDataError(path, f"is {_shown(about)}; it must be a JSON object")
    for key in ("floor_db", "top_db", "frequency_hz", "cell_size_m"):
        if key in about:
            _check_number(path, key, about[key])
    _check_scale(path, about)
    low_m, high_m = CELL_SIZES_M
    if not low_m <= about.get("cell_size_m", 1) <= high_m:
        told = about["cell_size_m"]
        raise MalformedDataError(path, f"has cell_size_m {told}; it must lie in {low_m}..{high_m} metres")
    if "frequency_hz" in about:
        _transmitter(path, "", frequency_hz=about["frequency_hz"])
    tiles = about.get("tiles", {})
    if not isinstance(tiles, dict):
        raise MalformedDataError(path, f"has tiles {_shown(tiles)}; it must be an object of one object a block")
    for block_id, tile in tiles.items():
        _check_tile(path, f"tiles.{block_id}", tile)
    return about


def _check_scale(path: Path, about: dict[str, Any]) -> None:
    given = [key for key in ("floor_db", "top_db") if key in about]
    if len(given) == 1:
        raise MalformedDataError(path, f"has {given[0]} {about[given[0]]} alone; grey in dB takes floor_db and top_db")
    if given and about["floor_db"] >= about["top_db"]:
        raise MalformedDataError(
            path, f"has floor_db {about['floor_db']}; it must be below top_db, which is {about['top_db']}"
        )


def _check_tile(path: Path, where: str, tile: Any) -> None:
    if not isinstance(tile, dict):
        raise MalformedDataError(path, f"has {where} {_shown(tile)}; it must be an object such as {{'split': 'train'}}")
    if not isinstance(tile.get("split", ""), str):
        raise MalformedDataError(path, f"has {where}.split {_shown(tile['split'])}; it must be a text such as 'train'")
    if ("cx" in tile) != ("cy" in tile):
        raise MalformedDataError(path, f"has {where} with one of cx and cy; a place takes both, in metres")
    for key in ("cx", "cy"):
        if key in tile:
            _check_number(path, f"{where}.{key}", tile[key])
    noise_db = tile.get("noise_db", {})
    if not (isinstance(noise_db, dict) and all(isinstance(values, list) for values in noise_db.values())):
        raise MalformedDataError(
            path, f"has {where}.noise_db {_shown(noise_db)}; it must be an object of one list a simulation"
        )
    for value in (value for values in noise_db.values() for value in values if value is not None):
        _check_number(path, f"{where}.noise_db", value)


def read_antennas(path: Path) -> list[Transmitter]:
    """The transmitters of antenna/ID.json, at the default power and frequency, on the grid or not.

    raises  MalformedDataError when the file is missing, or naming the transmitter and value that are unusable
    """
    places = _read(path)
    if not isinstance(places, list):
        raise MalformedDataError(
            path, f"is {_shown(places)}, not a JSON list of [column, row] or [column, row, height]"
        )
    found = []
    for k, place in enumerate(places):
        if not (isinstance(place, list) and len(place) in (2, 3)):
            raise MalformedDataError(
                path, f"has transmitter {k} {_shown(place)}; it must be [column, row] or with a height"
            )
        for name, value in zip(("column", "row", "height"), place, strict=False):
            _check_number(path, f"transmitter {k} at {name}", value)
        height_m = float(place[2]) if len(place) == 3 else DEFAULT_HEIGHT_M
        found.append(_transmitter(path, f"transmitter {k}: ", col=int(place[0]), row=int(place[1]), height_m=height_m))
    return found


def _transmitter(path: Path, whose: str, *, col: int = 0, row: int = 0, **values: float) -> Transmitter:
    try:
        return Transmitter(col, row, **values)
    except InputError as error:
        raise MalformedDataError(path, f"is not usable: {whose}{error}") from None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise MalformedDataError(path, "is missing") from None
    except OSError as error:
        raise MalformedDataError(path, f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise MalformedDataError(path, f"is not JSON: {error}") from None


def _check_number(path: Path, key: str, value: Any) -> None:
    """Infinite and not-a-number pass no comparison."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST <= value <= _LARGEST:
        raise MalformedDataError(path, f"has {key} {_shown(value)}; it must be a finite number")


def _shown(value: Any) -> str:
    """A value, cut short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
