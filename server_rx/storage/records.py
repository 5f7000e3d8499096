"""A rebuilt map and all that is known of it <-> what the store keeps: arrays, frame bytes and JSON."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from radiosem.readings.section import middle
from radiosem.types import Grid, PathLoss, Place, RadioMap, Section, Semantics, Transmitter


@dataclass(frozen=True)
class Provenance:
    """What a map cost on the air, and which parts made it.

    codec       mask codec as name:id
    bit_errors  channel bits whose hard decision the decoder corrected, out of coded_bits
    models      {"name", "sha256", "device"} of the networks that took part
    stage_ms    milliseconds by stage, in the order of the stages
    """

    link: str
    codec: str
    payload_bits: int
    channel_uses: int
    es_n0_db: float
    bit_errors: int
    coded_bits: int
    models: tuple[dict[str, str], ...]
    stage_ms: dict[str, float]


@dataclass(frozen=True)
class MapRecord:
    """One observation as the receiver knows it, before it is stored.

    strong, weak  the received frame; sections of weak that were lost are as they were heard
    map_dbm       float32 [H, W] received power in dBm, NaN inside buildings
    """

    observation_id: str
    strong: bytes
    weak: bytes
    semantics: Semantics
    map_dbm: RadioMap
    min_dbm: float
    max_dbm: float
    outage_threshold_dbm: float
    outage_share: float
    provenance: Provenance


@dataclass(frozen=True)
class StoredMap:
    """A durable map: everything but the arrays, which are blobs named by their SHA-256.

    sequence    order of arrival in this store, growing; a map that replaces a less complete one gets a new place
    causes      JSON of `causes_json`
    facts       JSON of `facts_json`
    """

    sequence: int
    map_id: str
    observation_id: str
    created_at: str
    degraded: bool
    frame_sha256: str
    map_sha256: str
    strong_bytes: int
    causes: dict[str, Any]
    facts: dict[str, Any]

    @property
    def lost(self) -> tuple[Section, ...]:
        """What was sent and did not arrive, see `Semantics.lost`."""
        if "lost" in self.causes:
            return tuple(self.causes["lost"])
        before: dict[Section, bool] = {  # as maps were stored before
            "buildings": self.degraded,
            "readings": self.causes.get("readings_lost", False),
        }
        return tuple(name for name, missing in before.items() if missing)

    @property
    def grid(self) -> Grid:
        """The block the map covers."""
        return Grid(**self.causes["grid"])

    @property
    def place(self) -> Place | None:
        """Where on Earth the block lies, None where it was not said."""
        told = self.causes.get("place")  # older maps have none
        return None if told is None else Place(**told)

    @property
    def powers_dbm(self) -> tuple[float, ...]:
        """Radiated power of each transmitter, dBm."""
        return tuple(float(item["power_dbm"]) for item in self.causes["transmitters"])


def causes_json(semantics: Semantics) -> dict[str, Any]:
    """Grid, place, transmitters with their laws, readings, and what did not arrive, as JSON."""
    grid = semantics.grid
    return {
        "grid": {"rows": grid.rows, "cols": grid.cols, "cell_size_m": grid.cell_size_m},
        "place": None if semantics.place is None else asdict(semantics.place),
        "transmitters": [
            _transmitter_json(transmitter, law)
            for transmitter, law in zip(semantics.transmitters, semantics.path_losses, strict=True)
        ],
        "has_cars": semantics.cars is not None,
        "readings": _readings_json(semantics),
        "lost": list(semantics.lost),
        "building_share": None if semantics.buildings is None else float(semantics.buildings.mean()),
    }


def facts_json(record: MapRecord) -> dict[str, Any]:
    """What was measured while the map was made, as JSON."""
    provenance = record.provenance
    return {
        "min_dbm": record.min_dbm,
        "max_dbm": record.max_dbm,
        "outage_threshold_dbm": record.outage_threshold_dbm,
        "outage_share": record.outage_share,
        "link": provenance.link,
        "codec": provenance.codec,
        "payload_bits": provenance.payload_bits,
        "channel_uses": provenance.channel_uses,
        "es_n0_db": provenance.es_n0_db,
        "bit_errors": provenance.bit_errors,
        "coded_bits": provenance.coded_bits,
        "models": list(provenance.models),
        "stage_ms": provenance.stage_ms,
        "receiver_ms": sum(provenance.stage_ms.values()),
    }


def _readings_json(semantics: Semantics) -> list[list[float]]:
    """Transmitter, column, row, power in dBm and whether it was heard; in short, for every list of maps reads it."""
    readings = semantics.readings
    if readings is None:
        return []
    rows, cols = middle(semantics.grid)
    power_dbm = np.array([transmitter.power_dbm for transmitter in semantics.transmitters])
    columns = (
        readings.transmitter,
        cols[readings.col],
        rows[readings.row],
        power_dbm[readings.transmitter] + readings.gain_db,
        readings.heard,
    )
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _transmitter_json(transmitter: Transmitter, law: PathLoss) -> dict[str, float]:
    return {
        "col": transmitter.col,
        "row": transmitter.row,
        "height_m": transmitter.height_m,
        "power_dbm": transmitter.power_dbm,
        "frequency_hz": transmitter.frequency_hz,
        "pl0_db": law.pl0_db,
        "slope_db": law.slope_db,
    }
