"""Environment variables SERVER_RX_* -> the receiver's settings, checked once at start."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from radiosem.errors import InputError
from radiosem.types import DEFAULT_THRESHOLD_DBM


class ServerSettings(BaseSettings):
    """Everything the receiver can be told; each field is the variable SERVER_RX_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="SERVER_RX_", frozen=True, extra="forbid", allow_inf_nan=False)

    grpc_address: str = Field(
        default="127.0.0.1", min_length=1, description="address bursts are taken on; 0.0.0.0 for all"
    )
    grpc_port: int = Field(default=50051, ge=0, le=65535, description="port bursts are taken on; 0 takes any free one")
    http_address: str = Field(
        default="127.0.0.1", min_length=1, description="address maps are served on; 0.0.0.0 for all"
    )
    http_port: int = Field(default=8080, ge=0, le=65535, description="port maps are served on; 0 takes any free one")
    data_dir: Path = Field(default=Path("radiosem-data"), description="folder of the store; made if missing")
    database_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the table of maps, such as postgresql+psycopg://; default: SQLite in data_dir",
    )
    queue_size: int = Field(default=64, ge=1, le=4096, description="bursts that may wait before more are put off")
    max_batch: int = Field(default=4, ge=1, le=64, description="waiting bursts that are worked on together")
    threads: int = Field(default=0, ge=0, le=256, description="CPU threads of the networks; 0 takes every core")
    outage_threshold_dbm: float = Field(
        default=DEFAULT_THRESHOLD_DBM, ge=-200, le=60, description="received power below this is outage, dBm"
    )


def read_settings() -> ServerSettings:
    """The settings of the environment. Raises InputError naming every variable that makes no sense."""
    try:
        return ServerSettings()
    except ValidationError as error:
        faults = (
            f"SERVER_RX_{str(item['loc'][-1]).upper()} is {str(item['input'])[:80]!r}: {item['msg']}"
            for item in error.errors()
        )
        raise InputError("; ".join(faults)) from None
