"""Stored maps -> the JSON bodies the REST interface promises, units in every field's name or description."""

import base64
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from radiosem.errors import InputError
from radiosem.types import Section
from server_rx.outage import floor_dbm
from server_rx.storage.records import StoredMap

_CURSOR = re.compile(rb"before:(\d{1,18})")


class Body(BaseModel):
    """What all bodies share: they are values, and hold nothing beyond what they declare."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GridBody(Body):
    """The block a map covers; row 0 is its north edge, column 0 its west edge."""

    rows: int = Field(description="pixels from north to south")
    cols: int = Field(description="pixels from west to east")
    cell_size_m: float = Field(description="metres a pixel")


class PlaceBody(Body):
    """North-west corner of the block in a projected coordinate system, axes east and north."""

    epsg: int = Field(description="number of the system in the EPSG registry")
    west_m: float = Field(description="easting of the corner, metres")
    north_m: float = Field(description="northing of the corner, metres")


class TransmitterBody(Body):
    """A transmitter and its log-distance law: loss in dB = pl0_db + slope_db * log10(d / 1 m), d >= 1 m.

    The law is fitted where the readings are. Its intercept may lie far below the loss of free space, which it is not.
    """

    col: int = Field(description="pixel, 0 = west")
    row: int = Field(description="pixel, 0 = north")
    height_m: float = Field(description="antenna above ground, metres")
    power_dbm: float = Field(description="radiated power, dBm")
    frequency_hz: float = Field(description="carrier, Hz")
    pl0_db: float = Field(description="intercept of the law at 1 m, dB")
    slope_db: float = Field(description="growth of the path loss, dB per decade of metres")


class MapBody(Body):
    """What is known of a map without opening it."""

    map_id: str = Field(description="32 hex digits, the map's name in every path")
    observation_id: str = Field(description="the sender's idempotency key")
    created_at: str = Field(description="when the map became durable, ISO 8601, UTC")
    grid: GridBody
    place: PlaceBody | None = Field(description="where the block lies; null where it was not said")
    transmitters: list[TransmitterBody]
    degraded: bool = Field(description="true when the building mask was lost on the air: the map is path loss alone")
    lost: list[Section] = Field(description="what was sent and lost on the air")
    has_cars: bool = Field(description="true when a car mask arrived")
    min_dbm: float = Field(description="lowest received power outdoors, dBm")
    max_dbm: float = Field(description="highest received power outdoors, dBm")
    floor_dbm: float = Field(
        description="where the map reads this, the power is at most that, dBm: the gain of every transmitter is "
        "-150 dB or less. Such pixels count as outage whatever the threshold"
    )
    outage_threshold_dbm: float = Field(description="threshold that `outage_share` was taken at, dBm")
    outage_share: float = Field(description="share of the outdoor pixels in outage at that threshold, 0..1")
    codec: str = Field(description="mask codec used, as name:id")
    payload_bits: int = Field(description="frame bits before channel coding, but for a mask drawn by jscc")
    channel_uses: int = Field(description="complex symbols received")
    es_n0_db: float = Field(description="Es/N0 the symbols came with, dB")
    receiver_ms: float = Field(description="milliseconds from symbols to map, without queueing and storing")


class MapPage(Body):
    """One page of maps, newest first."""

    maps: list[MapBody]
    next_cursor: str | None = Field(description="pass as `cursor` for older maps; null on the last page")


class ReadingBody(Body):
    """A power reading that came along: the mean over some 4 m, on steps of 4 dB."""

    transmitter: int = Field(description="index into transmitters")
    col: int = Field(description="pixel in the middle of what it is the mean over")
    row: int = Field(description="pixel in the middle of what it is the mean over")
    power_dbm: float = Field(description="received power, dBm")
    heard: bool = Field(description="false where nothing was heard: the power is at most power_dbm")


class SemanticsBody(Body):
    """What the frame said: the causes from which the map was rebuilt."""

    map_id: str
    grid: GridBody
    place: PlaceBody | None = Field(description="where the block lies; null where it was not said")
    transmitters: list[TransmitterBody]
    degraded: bool = Field(description="true when the building mask was lost on the air")
    lost: list[Section] = Field(description="what was sent and lost on the air")
    has_cars: bool
    readings: list[ReadingBody] = Field(description="what the map was mended by; empty when none arrived")
    building_share: float | None = Field(description="share of the pixels inside buildings, 0..1; null when unknown")
    buildings_url: str | None = Field(description="path of the building mask as PNG; null when it was lost")
    frame_strong_base64: str = Field(description="the received frame's strong part: header, transmitters, laws")
    frame_weak_base64: str = Field(
        description="the received frame's weak part: masks and readings, lost ones as they were heard"
    )


class ModelBody(Body):
    """A network that took part, by content."""

    name: str = Field(description="name in the weights manifest")
    sha256: str = Field(description="digest of its file, hex")
    device: str = Field(description="cpu or cuda")


class ProvenanceBody(Body):
    """How the map came about: what it cost on the air and which parts made it."""

    map_id: str
    link: str = Field(description="link name: modulation and code rate")
    payload_bits: int = Field(description="frame bits before channel coding, but for a mask drawn by jscc")
    channel_uses: int = Field(description="complex symbols received")
    es_n0_db: float = Field(description="Es/N0, dB")
    bit_errors: int = Field(description="channel bits whose hard decision the decoder corrected")
    coded_bits: int = Field(description="channel bits received")
    codec: str = Field(description="mask codec used, as name:id")
    models: list[ModelBody] = Field(description="networks that made the map; empty when it is degraded")
    frame_sha256: str = Field(description="digest of the stored frame, hex")
    map_sha256: str = Field(description="digest of the stored map (NPY file), hex")
    receiver_ms: float = Field(description="sum of the stages, milliseconds")
    stage_ms: dict[str, float] = Field(description="milliseconds by stage, in the order of the stages")


class Health(Body):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(Body):
    """Whether bursts are taken, and if not, why."""

    ready: bool
    reason: str = Field(description="empty when ready")


def map_body(stored: StoredMap) -> MapBody:
    """Metadata of a stored map."""
    return MapBody(
        map_id=stored.map_id,
        observation_id=stored.observation_id,
        created_at=stored.created_at,
        degraded=stored.degraded,
        lost=list(stored.lost),
        place=stored.causes.get("place"),
        **_only(stored.causes, "grid", "transmitters", "has_cars"),
        floor_dbm=floor_dbm(stored.powers_dbm),
        **_only(stored.facts, "min_dbm", "max_dbm", "outage_threshold_dbm", "outage_share"),
        **_only(stored.facts, "codec", "payload_bits", "channel_uses", "es_n0_db", "receiver_ms"),
    )


def semantics_body(stored: StoredMap, strong: bytes, weak: bytes) -> SemanticsBody:
    """Causes of a stored map, with the two parts of its frame."""
    return SemanticsBody(
        map_id=stored.map_id,
        degraded=stored.degraded,
        lost=list(stored.lost),
        place=stored.causes.get("place"),
        buildings_url=None if stored.degraded else f"/v1/maps/{stored.map_id}/buildings.png",
        frame_strong_base64=base64.b64encode(strong).decode(),
        frame_weak_base64=base64.b64encode(weak).decode(),
        readings=[
            ReadingBody(transmitter=transmitter, col=col, row=row, power_dbm=power_dbm, heard=heard)
            for transmitter, col, row, power_dbm, heard in stored.causes.get("readings", [])  # older maps have none
        ],
        **_only(stored.causes, "grid", "transmitters", "has_cars", "building_share"),
    )


def provenance_body(stored: StoredMap) -> ProvenanceBody:
    """Provenance of a stored map."""
    return ProvenanceBody(
        map_id=stored.map_id,
        frame_sha256=stored.frame_sha256,
        map_sha256=stored.map_sha256,
        **_only(stored.facts, "link", "payload_bits", "channel_uses", "es_n0_db", "bit_errors", "coded_bits"),
        **_only(stored.facts, "codec", "models", "receiver_ms", "stage_ms"),
    )


def cursor_of(stored: StoredMap) -> str:
    """The cursor for what is older than this map."""
    return base64.urlsafe_b64encode(f"before:{stored.sequence}".encode()).decode()


def sequence_of(cursor: str) -> int:
    """The sequence a cursor stands for. Raises InputError when it is none of ours."""
    try:
        found = _CURSOR.fullmatch(base64.b64decode(cursor, b"-_", validate=True))
    except ValueError:
        found = None
    if found is None:
        raise InputError(f"cursor is {cursor!r}; it must be the next_cursor of an earlier page")
    return int(found[1])


def _only(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}
