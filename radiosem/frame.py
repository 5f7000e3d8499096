"""Semantics <-> the bits on the air: a strong part with header and path-loss laws, a weak part with masks and readings.

Strong part, bit-packed, most significant bit first:

    version 4 · cars 1 · readings 1 · default grid, no place 1 · [rows-1 10 · cols-1 10 · cell 15, mm · place 1
                · [EPSG number 15 · west 32 · north 32, cm]] · codec id 32
    transmitters-1 4
    each transmitter: col, row (as many bits as the side needs) · as before 1 · [height 9 · power 8 · frequency 16]
                      pl0 10 · slope 10
    mask length · [cars by the mask's codec 1 · [codec id 32] · cars length] · [readings length] · zero padding
    CRC32C 32

A length in bytes is the number of its binary digits (5 bits), then those digits. "As before" compares with the
transmitter before, and the first one with the defaults of `Transmitter`. Weak part: the sections of the mask, of cars
and of readings as the flags say, each with a CRC32C that starts from the strong part's, so that sections of another
frame are not taken for this one's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import google_crc32c
import numpy as np

from radiosem.bits import BitReader, BitWriter
from radiosem.codecs import MaskCodec, make_codec
from radiosem.errors import DamagedFrameError, FrameError, InputError, UnknownCodecError
from radiosem.masks.on_grid import free_transmitters
from radiosem.readings.section import decode_readings, encode_readings
from radiosem.types import MAX_TRANSMITTERS, Grid, PathLoss, Place, Semantics, Transmitter

VERSION = 3
LAW_STEP_DB = 0.125
PL0_RANGE_DB = (-16.0, 111.875)  # what 10 bits carry
SLOPE_RANGE_DB = (0.0, 127.875)
MAX_SECTION_BYTES = 1 << 21  # twice a byte a pixel of the largest grid
_CRC_BYTES = 4
_COORDINATE_ZERO = 1 << 31  # what 0 cm is written as


@dataclass(frozen=True)
class Frame:
    """One map's causes as sent: `strong` must arrive; without `weak` (masks, readings) the map is degraded."""

    strong: bytes
    weak: bytes


def pack(semantics: Semantics, codec: MaskCodec) -> Frame:
    """Code the semantics of one map; cars always by the lossless `context` code.

    raises  InputError on what a frame cannot carry: no mask, a law out of range, a transmitter outside the grid
    """
    _check(semantics)
    grid, buildings = semantics.grid, semantics.buildings
    assert buildings is not None
    cars_codec = make_codec("context")
    mask_section = codec.encode(buildings)
    cars_section = None if semantics.cars is None else cars_codec.encode(semantics.cars)
    senders = tuple(_transmitter(t.col, t.row, _radio(t)) for t in semantics.transmitters)
    laws = tuple(_law(*_steps(law)) for law in semantics.path_losses)
    readings_section = None if semantics.readings is None else encode_readings(semantics.readings, senders, laws, grid)

    bits = BitWriter()
    bits.write(VERSION, 4)
    bits.write(cars_section is not None, 1)
    bits.write(readings_section is not None, 1)
    _write_grid(bits, grid, semantics.place)
    bits.write(int.from_bytes(codec.codec_id, "big"), 32)
    bits.write(len(semantics.transmitters) - 1, 4)
    before = Transmitter(0, 0)
    for transmitter, law in zip(senders, laws, strict=True):
        _write_transmitter(bits, transmitter, before, grid)
        for steps in _steps(law):
            bits.write(steps, 10)
        before = transmitter
    _write_length(bits, mask_section)
    if cars_section is not None:
        same = codec.codec_id == cars_codec.codec_id
        bits.write(same, 1)
        if not same:
            bits.write(int.from_bytes(cars_codec.codec_id, "big"), 32)
        _write_length(bits, cars_section)
    if readings_section is not None:
        _write_length(bits, readings_section)

    header = bits.to_bytes()
    strong = header + google_crc32c.value(header).to_bytes(_CRC_BYTES, "big")
    sections = (mask_section, cars_section, readings_section)
    return Frame(strong, b"".join(seal(section, strong) for section in sections if section is not None))


def seal(section: bytes, strong: bytes) -> bytes:
    """A section of the weak part with the checksum that ties it to its strong part."""
    crc = google_crc32c.extend(int.from_bytes(strong[-_CRC_BYTES:], "big"), section)
    return section + int(crc).to_bytes(_CRC_BYTES, "big")


def unpack(strong: bytes, weak: bytes | None, codecs: Mapping[bytes, MaskCodec]) -> tuple[Semantics, str]:
    """Decode what arrived -> semantics, quantised as `pack` sent them, and the name of the mask's codec.

    Every transmitter stands outdoors, also where a lossy mask code has moved a wall over it.

    strong  as sent, else the frame is refused
    weak    None, short or altered: `buildings` is None (degraded), or `cars` or `readings` when only they were lost
    codecs  those the receiver holds, by id
    raises  DamagedFrameError when the header fails its checksum; UnknownCodecError naming the id that is not held;
            FrameError on what no `pack` of this version wrote
    """
    header, crc = strong[:-_CRC_BYTES], int.from_bytes(strong[-_CRC_BYTES:], "big")
    if not header or google_crc32c.value(header) != crc:
        raise DamagedFrameError(f"frame header of {len(strong)} bytes fails its checksum")
    if header[0] >> 4 != VERSION:
        raise FrameError(f"frame version is {header[0] >> 4}; this receiver reads version {VERSION}")
    bits = BitReader(header)
    bits.read(4)
    has_cars, has_readings = bits.read(1), bits.read(1)
    try:
        grid, place = _read_grid(bits)
        codec = _held(bits, codecs)
        transmitters: list[Transmitter] = []
        path_losses: list[PathLoss] = []
        for index in range(bits.read(4) + 1):
            transmitters.append(_read_transmitter(bits, transmitters[-1] if transmitters else Transmitter(0, 0), grid))
            transmitters[-1].check_inside(grid, index)
            path_losses.append(_law(bits.read(10), bits.read(10)))
    except InputError as error:
        raise FrameError(f"frame header says what cannot be: {error}") from None
    mask_length = _read_length(bits)
    cars_codec, cars_length = codec, 0
    if has_cars:
        cars_codec = codec if bits.read(1) else _held(bits, codecs)
        cars_length = _read_length(bits)
    readings_length = _read_length(bits) if has_readings else 0
    bits.finish()

    sections, start = [], 0
    for present, length in ((True, mask_length), (has_cars, cars_length), (has_readings, readings_length)):
        end = start + length + _CRC_BYTES if present else start
        sections.append(_intact((weak or b"")[start:end], length, crc) if present else None)
        start = end
    mask, cars, readings = sections
    senders, laws = tuple(transmitters), tuple(path_losses)
    return Semantics(
        grid,
        senders,
        laws,
        None if mask is None else free_transmitters(codec.decode(mask, grid.shape), senders)[0],
        None if cars is None else cars_codec.decode(cars, grid.shape),
        None if readings is None else decode_readings(readings, senders, laws, grid),
        cars_lost=bool(has_cars) and cars is None,
        readings_lost=bool(has_readings) and readings is None,
        place=place,
    ), codec.name


def _check(semantics: Semantics) -> None:
    grid, count = semantics.grid, len(semantics.transmitters)
    if not 1 <= count <= MAX_TRANSMITTERS:
        raise InputError(f"transmitters has {count} entries; a frame carries 1..{MAX_TRANSMITTERS}")
    if len(semantics.path_losses) != count:
        raise InputError(f"path_losses has {len(semantics.path_losses)} laws for {count} transmitters; give one each")
    for index, (transmitter, law) in enumerate(zip(semantics.transmitters, semantics.path_losses, strict=True)):
        transmitter.check_inside(grid, index)
        for name, value, (low, high) in (
            ("pl0_db", law.pl0_db, PL0_RANGE_DB),
            ("slope_db", law.slope_db, SLOPE_RANGE_DB),
        ):
            if not low <= value <= high:
                raise InputError(f"path_losses[{index}] {name} is {value}; a frame carries {low:g}..{high:g} dB")
    if semantics.buildings is None:
        raise InputError("buildings is None; a frame needs the mask")
    for name, mask in (("buildings", semantics.buildings), ("cars", semantics.cars)):
        if mask is not None and (mask.shape != grid.shape or mask.dtype != np.bool_):
            raise InputError(
                f"{name} is {mask.dtype} {mask.shape}; it must be bool {grid.shape}, the shape of the grid"
            )


def _steps(law: PathLoss) -> tuple[int, int]:
    """Loss at 1 m and slope in steps of the frame."""
    pl0, slope = law.pl0_db - PL0_RANGE_DB[0], law.slope_db - SLOPE_RANGE_DB[0]
    return round(pl0 / LAW_STEP_DB), round(slope / LAW_STEP_DB)


def _law(pl0_steps: int, slope_steps: int) -> PathLoss:
    return PathLoss(PL0_RANGE_DB[0] + pl0_steps * LAW_STEP_DB, SLOPE_RANGE_DB[0] + slope_steps * LAW_STEP_DB)


def _write_grid(bits: BitWriter, grid: Grid, place: Place | None) -> None:
    plain = grid == Grid() and place is None
    bits.write(plain, 1)
    if plain:
        return
    bits.write(grid.rows - 1, 10)
    bits.write(grid.cols - 1, 10)
    bits.write(round(grid.cell_size_m * 1000), 15)
    bits.write(place is not None, 1)
    if place is not None:
        bits.write(place.epsg, 15)
        for metres in (place.west_m, place.north_m):
            bits.write(round(metres * 100) + _COORDINATE_ZERO, 32)


def _read_grid(bits: BitReader) -> tuple[Grid, Place | None]:
    if bits.read(1):
        return Grid(), None
    grid = Grid(bits.read(10) + 1, bits.read(10) + 1, bits.read(15) / 1000)
    if not bits.read(1):
        return grid, None
    return grid, Place(bits.read(15), *((bits.read(32) - _COORDINATE_ZERO) / 100 for _ in range(2)))


def _radio(transmitter: Transmitter) -> tuple[int, int, int]:
    """Height in half metres, power in half dB from -64 dBm, frequency in MHz: 9, 8 and 16 bits."""
    height, power = round(transmitter.height_m * 2), round((transmitter.power_dbm + 64) * 2)
    return height, power, round(transmitter.frequency_hz / 1e6)


def _transmitter(col: int, row: int, radio: tuple[int, int, int]) -> Transmitter:
    height, power, frequency = radio
    return Transmitter(col, row, height / 2, power / 2 - 64, frequency * 1e6)


def _write_transmitter(bits: BitWriter, transmitter: Transmitter, before: Transmitter, grid: Grid) -> None:
    bits.write(transmitter.col, (grid.cols - 1).bit_length())
    bits.write(transmitter.row, (grid.rows - 1).bit_length())
    same = _radio(transmitter) == _radio(before)
    bits.write(same, 1)
    if not same:
        for value, width in zip(_radio(transmitter), (9, 8, 16), strict=True):
            bits.write(value, width)


def _read_transmitter(bits: BitReader, before: Transmitter, grid: Grid) -> Transmitter:
    col, row = bits.read((grid.cols - 1).bit_length()), bits.read((grid.rows - 1).bit_length())
    radio = _radio(before) if bits.read(1) else (bits.read(9), bits.read(8), bits.read(16))
    return _transmitter(col, row, radio)


def _write_length(bits: BitWriter, section: bytes) -> None:
    if len(section) > MAX_SECTION_BYTES:
        raise InputError(f"a section has {len(section)} bytes; a frame carries up to {MAX_SECTION_BYTES}")
    digits = len(section).bit_length()
    bits.write(digits, 5)
    bits.write(len(section), digits)


def _read_length(bits: BitReader) -> int:
    length = bits.read(bits.read(5))
    if length > MAX_SECTION_BYTES:
        raise FrameError(f"frame announces a section of {length} bytes; {MAX_SECTION_BYTES} is the most")
    return length


def _held(bits: BitReader, codecs: Mapping[bytes, MaskCodec]) -> MaskCodec:
    codec_id = bits.read(32).to_bytes(4, "big")
    if codec_id not in codecs:
        held = ", ".join(f"{codec.name} {key.hex()}" for key, codec in codecs.items()) or "none"
        raise UnknownCodecError(
            f"frame names codec {codec_id.hex()}, which this receiver does not hold; it holds {held}"
        )
    return codecs[codec_id]


def _intact(part: bytes, length: int, crc: int) -> bytes | None:
    """The section without its checksum, None when it is short or altered."""
    section, found = part[:length], part[length:]
    if len(found) != _CRC_BYTES or google_crc32c.extend(crc, section) != int.from_bytes(found, "big"):
        return None
    return section
