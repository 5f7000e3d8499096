"""Readings <-> the section of a frame that carries them: few, coarse, of some twelve bits each.

Section, bit-packed, most significant bit first:

    each transmitter: readings 10 · where there are some: floor known 1 · [level of the floor 6]
                      gap parameter 4 · level parameter 3
    each reading, in reading order of the coarse cells: cells skipped since the one before · level less the law's level

Both numbers are Rice codes, the second of the zigzag 0, -1, 1, -2, ... A level is a path gain in steps of 4 dB above
-252 dB; one at the floor's level or below was not heard.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiosem.bits import BitReader, BitWriter
from radiosem.errors import FrameError, InputError
from radiosem.physics.depth import distance_m
from radiosem.types import Grid, PathLoss, Readings, Transmitter

CELL_M = 4.0  # side of a coarse cell, as near as whole pixels allow
STEP_DB, LOWEST_DB, LEVELS = 4.0, -252.0, 64
MAX_READINGS, MAX_BYTES = 1023, 8192  # of one frame: no reading takes more than 64 bits
DEFAULT_READINGS = 128


def coarse(grid: Grid) -> tuple[int, int, int]:
    """Pixels a side of a coarse cell, and rows and columns of such cells; those at the south and east may be cut."""
    pixels = max(1, round(CELL_M / grid.cell_size_m))
    return pixels, -(-grid.rows // pixels), -(-grid.cols // pixels)


def middle(grid: Grid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixel in the middle of each coarse cell: rows, columns."""
    pixels, rows, cols = coarse(grid)
    counts = zip((rows, cols), grid.shape, strict=True)
    down, right = (np.minimum(np.arange(count) * pixels + pixels // 2, side - 1) for count, side in counts)
    return down, right


def level_of(gain_db: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Path gain -> the nearest step of a frame."""
    return np.asarray(np.rint((gain_db - LOWEST_DB) / STEP_DB).clip(0, LEVELS - 1), np.int64)


def gain_of(level: NDArray[np.int64]) -> NDArray[np.float64]:
    """Step of a frame -> path gain in dB."""
    return np.asarray(LOWEST_DB + STEP_DB * level, np.float64)


def joined(parts: Sequence[Readings]) -> Readings:
    """Readings of one transmitter after the other."""
    columns = zip(*((p.transmitter, p.row, p.col, p.gain_db, p.heard) for p in parts), strict=True)
    return Readings(*(np.concatenate(column) for column in columns))


def encode_readings(
    readings: Readings, transmitters: tuple[Transmitter, ...], path_losses: tuple[PathLoss, ...], grid: Grid
) -> bytes:
    """Readings of `radiosem.readings.choose` -> the frame's section.

    path_losses  as the frame carries them: the nearer the law, the shorter the section
    raises       InputError when there are more than a frame carries, or one lies outside the grid
    """
    _, rows, cols = coarse(grid)
    if len(readings) > MAX_READINGS:
        raise InputError(f"there are {len(readings)} readings; a frame carries up to {MAX_READINGS}")
    if not ((readings.transmitter >= 0) & (readings.transmitter < len(transmitters))).all():
        raise InputError(f"readings names a transmitter that is not one of the {len(transmitters)} sent")
    if not ((readings.row >= 0) & (readings.row < rows) & (readings.col >= 0) & (readings.col < cols)).all():
        raise InputError(f"readings has a cell outside the {rows} x {cols} coarse cells of the grid")
    bits = BitWriter()
    level = level_of(readings.gain_db)
    for index, expected in enumerate(_expected(transmitters, path_losses, grid)):
        mine = np.flatnonzero(readings.transmitter == index)
        bits.write(len(mine), 10)
        if not len(mine):
            continue
        silent = level[mine][~readings.heard[mine]]
        bits.write(len(silent) > 0, 1)
        if len(silent):
            if level[mine][readings.heard[mine]].min(initial=LEVELS) <= silent.max():
                raise InputError(f"readings of transmitter {index} holds a heard one no stronger than one not heard")
            bits.write(silent.max(), 6)
        cell = readings.row[mine] * cols + readings.col[mine]
        gaps = np.diff(cell, prepend=-1) - 1
        if (gaps < 0).any():
            raise InputError("readings are not in reading order, or two share a coarse cell; take choose_readings'")
        offset = level[mine] - expected[readings.row[mine], readings.col[mine]]
        zigzag = np.where(offset < 0, -2 * offset - 1, 2 * offset)
        gap_bits, level_bits = _parameter(gaps, 15), _parameter(zigzag, 7)
        bits.write(gap_bits, 4)
        bits.write(level_bits, 3)
        for gap, steps in zip(gaps.tolist(), zigzag.tolist(), strict=True):
            _write_rice(bits, gap, gap_bits)
            _write_rice(bits, steps, level_bits)
    return bits.to_bytes()


def decode_readings(
    data: bytes, transmitters: tuple[Transmitter, ...], path_losses: tuple[PathLoss, ...], grid: Grid
) -> Readings:
    """The frame's section -> readings. raises FrameError on anything that `encode_readings` does not write"""
    _, rows, cols = coarse(grid)
    if len(data) > MAX_BYTES:
        raise FrameError(f"frame announces {len(data)} bytes of readings; {MAX_BYTES} is the most")
    bits = BitReader(data)
    parts, total = [], 0
    for index, expected in enumerate(_expected(transmitters, path_losses, grid)):
        count = bits.read(10)
        total += count
        if total > MAX_READINGS:
            raise FrameError(f"frame announces {total} readings; {MAX_READINGS} is the most")
        floor = bits.read(6) if count and bits.read(1) else -1
        gap_bits, level_bits = (bits.read(4), bits.read(3)) if count else (0, 0)
        cell, level, at = np.empty(count, np.int64), np.empty(count, np.int64), -1
        for i in range(count):
            at += 1 + _read_rice(bits, gap_bits)
            zigzag = _read_rice(bits, level_bits)
            if at >= rows * cols:
                raise FrameError(f"frame puts a reading at coarse cell {at}; the grid has {rows * cols}")
            cell[i] = at
            level[i] = expected.flat[at] + (-(zigzag + 1) // 2 if zigzag % 2 else zigzag // 2)
        unknown = level[(level < 0) | (level >= LEVELS)]
        if len(unknown):
            raise FrameError(f"frame holds a reading at level {unknown[0]}; there are 0..{LEVELS - 1}")
        parts.append(Readings(np.full(count, index), cell // cols, cell % cols, gain_of(level), level > floor))
    bits.finish()
    return joined(parts)


def _expected(
    transmitters: tuple[Transmitter, ...], path_losses: tuple[PathLoss, ...], grid: Grid
) -> Iterator[NDArray[np.int64]]:
    """For each transmitter the level that its law tells of every coarse cell, int64 [rows, cols]."""
    at = np.ix_(*middle(grid))
    for transmitter, law in zip(transmitters, path_losses, strict=True):
        decades = np.log10(distance_m(grid, transmitter)[at].astype(np.float64))
        # Rounded first: no processor's last digit may move a level.
        yield level_of(np.round(-law.pl0_db - law.slope_db * decades, 4))


def _parameter(values: NDArray[np.int64], most: int) -> int:
    """The Rice parameter that makes these numbers shortest."""
    return min(range(most + 1), key=lambda bits: int((values >> bits).sum()) + bits * len(values))


def _write_rice(bits: BitWriter, value: int, parameter: int) -> None:
    high = value >> parameter
    bits.write((1 << high) - 1 << 1, high + 1)  # so many ones and a zero
    bits.write(value & (1 << parameter) - 1, parameter)


def _read_rice(bits: BitReader, parameter: int) -> int:
    high = 0
    while bits.read(1):
        high += 1
    return high << parameter | bits.read(parameter)
