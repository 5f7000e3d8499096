"""Image, CSV of samples, JSON of transmitters, mask of cars -> the Observation message the edge takes."""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from radiosem.errors import InputError
from radiosem.types import MAX_TRANSMITTERS, Grid, Place, Samples, Transmitter
from radiosem_proto.v1 import radiosem_pb2 as pb

SAMPLE_COLUMNS = ("transmitter", "col", "row", "power_dbm")
TRANSMITTER_KEYS = ("col", "row", "height_m", "power_dbm", "frequency_hz")


def read_bytes(path: Path, what: str) -> bytes:
    """The bytes of a file. raises InputError naming the argument `what` and the path."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{what} is {str(path)!r}, which cannot be read: {error.strerror}") from None


def _text(path: Path, what: str) -> str:
    try:
        return read_bytes(path, what).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} is {str(path)!r}, which is not UTF-8 text (byte {error.start})") from None


def read_transmitters(path: Path, grid: Grid) -> tuple[Transmitter, ...]:
    """A JSON list of {col, row, height_m, power_dbm, frequency_hz} -> transmitters; the last three may be left out.

    raises InputError naming the file, the transmitter, the key and its value
    """
    text = _text(path, "transmitters")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_TRANSMITTERS:
        raise InputError(
            f'{path} must hold a list of 1..{MAX_TRANSMITTERS} transmitters such as [{{"col": 84, "row": 196}}]'
        )
    transmitters = []
    for index, entry in enumerate(entries):
        where = f"{path}, transmitter {index}"
        if not isinstance(entry, dict):
            raise InputError(f"{where} is {entry!r}; it must be an object with the keys {', '.join(TRANSMITTER_KEYS)}")
        for key, value in entry.items():
            if key not in TRANSMITTER_KEYS:
                raise InputError(f"{where} has the unknown key {key!r}; known are {', '.join(TRANSMITTER_KEYS)}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
                raise InputError(f"{where}, {key} is {value!r}; it must be a finite number")
            if key in ("col", "row") and value != int(value):
                raise InputError(f"{where}, {key} is {value!r}; it must be a whole pixel")
        for key in ("col", "row"):
            if key not in entry:
                raise InputError(f"{where} has no {key}; a transmitter needs col and row")
        try:
            transmitter = Transmitter(**{**entry, "col": int(entry["col"]), "row": int(entry["row"])})
            transmitter.check_inside(grid, index)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        transmitters.append(transmitter)
    return tuple(transmitters)


def read_samples(path: Path, grid: Grid, transmitters: int) -> Samples:
    """A CSV with the columns transmitter, col, row and power_dbm -> samples; other columns are not looked at.

    grid          every sample must lie on it
    transmitters  how many there are: the column `transmitter` counts them from 0
    raises        InputError naming the file, the line, the column and the value
    """
    table = list(_csv_rows(path, grid, transmitters))
    if not table:
        raise InputError(f"{path} holds no samples below its header; at least one is needed")
    transmitter, col, row, power_dbm = (np.array(column) for column in zip(*table, strict=True))
    return Samples(transmitter, col, row, power_dbm.astype(np.float64))


def _csv_rows(path: Path, grid: Grid, transmitters: int) -> Iterator[tuple[int, int, int, float]]:
    lines = csv.reader(io.StringIO(_text(path, "samples"), newline=""), strict=True)
    header: list[str] | None = None
    limits = {"transmitter": transmitters, "col": grid.cols, "row": grid.rows}
    try:
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip().lower() for cell in cells]
                if any(header.count(name) != 1 for name in SAMPLE_COLUMNS):
                    raise InputError(
                        f"{path}, line {lines.line_num}: the header is {','.join(cells)!r}; "
                        f"it must hold each of {','.join(SAMPLE_COLUMNS)} once"
                    )
                continue
            where = f"{path}, line {lines.line_num}"
            if len(cells) != len(header):
                raise InputError(f"{where} has {len(cells)} values; it must have {len(header)}: {','.join(header)}")
            named = dict(zip(header, cells, strict=True))
            whole = [_whole(where, name, named[name], limit) for name, limit in limits.items()]
            yield whole[0], whole[1], whole[2], _power_dbm(where, named["power_dbm"])
    except csv.Error as error:
        raise InputError(f"{path}, line {lines.line_num} is not CSV: {error}") from None
    if header is None:
        raise InputError(f"{path} is empty; it must begin with the header {','.join(SAMPLE_COLUMNS)}")


def _whole(where: str, name: str, text: str, limit: int) -> int:
    problem = f"{where}, column {name}: {text!r} must be a whole number in 0..{limit - 1}"
    try:
        value = int(text)
    except ValueError:
        raise InputError(problem) from None
    if not 0 <= value < limit:
        raise InputError(problem)
    return value


def _power_dbm(where: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}, column power_dbm: {text!r} must be a finite number of dBm")
    return value


def build_observation(
    image: Path | None,
    samples: Path,
    transmitters: Path,
    cars: Path | None = None,
    grid: Grid | None = None,
    observation_id: str = "",
    floor_dbm: float | None = None,
    readings: int | None = None,
    mask: Path | None = None,
    place: Place | None = None,
    **options: Any,
) -> pb.Observation:
    """Read the files of one observation into the message of `Transmitter.Transmit`.

    image         aerial image, north up, the block fills it (judged by the edge); None where there is a mask
    samples       CSV, see `read_samples`
    transmitters  JSON, see `read_transmitters`
    cars          optional PNG mask on the grid, over 127 = car
    floor_dbm     power at or below which the samples' meter heard nothing; None leaves it to the edge
    readings      most samples that the frame carries along; None leaves it to the edge
    mask          optional PNG of the buildings on the grid, over 127 = building; the image is not looked at then
    place         where on Earth the block lies; None does not say
    options       codec, link, es_n0_db, noise_seed: how it crosses the air; None leaves it to the edge
    raises        InputError naming file and place
    """
    grid = grid or Grid()
    antennas = read_transmitters(transmitters, grid)
    read = read_samples(samples, grid, len(antennas))
    message = pb.Observation(
        observation_id=observation_id,
        image=read_bytes(image, "image") if image else b"",
        grid=pb.Grid(rows=grid.rows, cols=grid.cols, cell_size_m=grid.cell_size_m),
        transmitters=[
            pb.Antenna(
                col=antenna.col,
                row=antenna.row,
                height_m=antenna.height_m,
                power_dbm=antenna.power_dbm,
                frequency_hz=antenna.frequency_hz,
            )
            for antenna in antennas
        ],
        samples=pb.SampleSet(
            transmitter=read.transmitter.tolist(),
            col=read.col.tolist(),
            row=read.row.tolist(),
            power_dbm=read.power_dbm.tolist(),
            floor_dbm=floor_dbm,
        ),
        readings=readings,
        cars_png=read_bytes(cars, "cars") if cars else b"",
        mask_png=read_bytes(mask, "mask") if mask else b"",
        place=None if place is None else pb.Place(**dataclasses.asdict(place)),
        codec=options.pop("codec", None) or "",
    )
    message.link.CopyFrom(pb.LinkOptions(**{name: value for name, value in options.items() if value is not None}))
    return message
