from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    STATUS_ACCEPTED: _ClassVar[Status]
    STATUS_DEGRADED: _ClassVar[Status]
    STATUS_REFUSED: _ClassVar[Status]
    STATUS_FAILED: _ClassVar[Status]
STATUS_UNSPECIFIED: Status
STATUS_ACCEPTED: Status
STATUS_DEGRADED: Status
STATUS_REFUSED: Status
STATUS_FAILED: Status

class Grid(_message.Message):
    __slots__ = ("rows", "cols", "cell_size_m")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLS_FIELD_NUMBER: _ClassVar[int]
    CELL_SIZE_M_FIELD_NUMBER: _ClassVar[int]
    rows: int
    cols: int
    cell_size_m: float
    def __init__(self, rows: _Optional[int] = ..., cols: _Optional[int] = ..., cell_size_m: _Optional[float] = ...) -> None: ...

class Place(_message.Message):
    __slots__ = ("epsg", "west_m", "north_m")
    EPSG_FIELD_NUMBER: _ClassVar[int]
    WEST_M_FIELD_NUMBER: _ClassVar[int]
    NORTH_M_FIELD_NUMBER: _ClassVar[int]
    epsg: int
    west_m: float
    north_m: float
    def __init__(self, epsg: _Optional[int] = ..., west_m: _Optional[float] = ..., north_m: _Optional[float] = ...) -> None: ...

class Antenna(_message.Message):
    __slots__ = ("col", "row", "height_m", "power_dbm", "frequency_hz")
    COL_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_M_FIELD_NUMBER: _ClassVar[int]
    POWER_DBM_FIELD_NUMBER: _ClassVar[int]
    FREQUENCY_HZ_FIELD_NUMBER: _ClassVar[int]
    col: int
    row: int
    height_m: float
    power_dbm: float
    frequency_hz: float
    def __init__(self, col: _Optional[int] = ..., row: _Optional[int] = ..., height_m: _Optional[float] = ..., power_dbm: _Optional[float] = ..., frequency_hz: _Optional[float] = ...) -> None: ...

class SampleSet(_message.Message):
    __slots__ = ("transmitter", "col", "row", "power_dbm", "floor_dbm")
    TRANSMITTER_FIELD_NUMBER: _ClassVar[int]
    COL_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    POWER_DBM_FIELD_NUMBER: _ClassVar[int]
    FLOOR_DBM_FIELD_NUMBER: _ClassVar[int]
    transmitter: _containers.RepeatedScalarFieldContainer[int]
    col: _containers.RepeatedScalarFieldContainer[int]
    row: _containers.RepeatedScalarFieldContainer[int]
    power_dbm: _containers.RepeatedScalarFieldContainer[float]
    floor_dbm: float
    def __init__(self, transmitter: _Optional[_Iterable[int]] = ..., col: _Optional[_Iterable[int]] = ..., row: _Optional[_Iterable[int]] = ..., power_dbm: _Optional[_Iterable[float]] = ..., floor_dbm: _Optional[float] = ...) -> None: ...

class LinkOptions(_message.Message):
    __slots__ = ("link", "es_n0_db", "noise_seed")
    LINK_FIELD_NUMBER: _ClassVar[int]
    ES_N0_DB_FIELD_NUMBER: _ClassVar[int]
    NOISE_SEED_FIELD_NUMBER: _ClassVar[int]
    link: str
    es_n0_db: float
    noise_seed: int
    def __init__(self, link: _Optional[str] = ..., es_n0_db: _Optional[float] = ..., noise_seed: _Optional[int] = ...) -> None: ...

class Observation(_message.Message):
    __slots__ = ("observation_id", "image", "grid", "transmitters", "samples", "cars_png", "codec", "link", "readings", "place", "mask_png")
    OBSERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    TRANSMITTERS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    CARS_PNG_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    MASK_PNG_FIELD_NUMBER: _ClassVar[int]
    observation_id: str
    image: bytes
    grid: Grid
    transmitters: _containers.RepeatedCompositeFieldContainer[Antenna]
    samples: SampleSet
    cars_png: bytes
    codec: str
    link: LinkOptions
    readings: int
    place: Place
    mask_png: bytes
    def __init__(self, observation_id: _Optional[str] = ..., image: _Optional[bytes] = ..., grid: _Optional[_Union[Grid, _Mapping]] = ..., transmitters: _Optional[_Iterable[_Union[Antenna, _Mapping]]] = ..., samples: _Optional[_Union[SampleSet, _Mapping]] = ..., cars_png: _Optional[bytes] = ..., codec: _Optional[str] = ..., link: _Optional[_Union[LinkOptions, _Mapping]] = ..., readings: _Optional[int] = ..., place: _Optional[_Union[Place, _Mapping]] = ..., mask_png: _Optional[bytes] = ...) -> None: ...

class Burst(_message.Message):
    __slots__ = ("observation_id", "symbols", "es_n0_db", "link")
    OBSERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    ES_N0_DB_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    observation_id: str
    symbols: bytes
    es_n0_db: float
    link: str
    def __init__(self, observation_id: _Optional[str] = ..., symbols: _Optional[bytes] = ..., es_n0_db: _Optional[float] = ..., link: _Optional[str] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("observation_id", "status", "message", "retryable", "map_id", "codec", "payload_bits", "channel_uses", "es_n0_db", "stage_ms", "already_held")
    class StageMsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    OBSERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    MAP_ID_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BITS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    ES_N0_DB_FIELD_NUMBER: _ClassVar[int]
    STAGE_MS_FIELD_NUMBER: _ClassVar[int]
    ALREADY_HELD_FIELD_NUMBER: _ClassVar[int]
    observation_id: str
    status: Status
    message: str
    retryable: bool
    map_id: str
    codec: str
    payload_bits: int
    channel_uses: int
    es_n0_db: float
    stage_ms: _containers.ScalarMap[str, float]
    already_held: bool
    def __init__(self, observation_id: _Optional[str] = ..., status: _Optional[_Union[Status, str]] = ..., message: _Optional[str] = ..., retryable: _Optional[bool] = ..., map_id: _Optional[str] = ..., codec: _Optional[str] = ..., payload_bits: _Optional[int] = ..., channel_uses: _Optional[int] = ..., es_n0_db: _Optional[float] = ..., stage_ms: _Optional[_Mapping[str, float]] = ..., already_held: _Optional[bool] = ...) -> None: ...
