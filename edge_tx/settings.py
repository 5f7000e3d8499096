"""Environment variables EDGE_TX_* -> the edge's settings, checked once at start."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from channel_sim.link import DEFAULT_LINK
from radiosem.readings.section import DEFAULT_READINGS, MAX_READINGS


class EdgeSettings(BaseSettings):
    """Everything the edge can be told; each field is the variable EDGE_TX_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="EDGE_TX_", frozen=True, extra="forbid", allow_inf_nan=False)

    address: str = Field(
        default="127.0.0.1", min_length=1, description="address observations are taken on; 0.0.0.0 for all"
    )
    port: int = Field(default=50061, ge=0, le=65535, description="port observations are taken on; 0 takes any free one")
    workers: int = Field(default=4, ge=1, le=64, description="calls served at once; one more is refused")

    receiver: str = Field(
        default="127.0.0.1:50051",
        pattern=r"^\S+:\d{1,5}$",
        description="host:port bursts are delivered to: the receiver, or a relay",
    )
    relay: bool = Field(
        default=False, description="the far side is a relay that adds the noise; the edge then sends clean symbols"
    )
    link: str = Field(default=DEFAULT_LINK, min_length=1, description="link an observation takes unless it names one")
    es_n0_db: float = Field(
        default=10.0, ge=-30, le=60, description="Es/N0 of the simulated air unless the observation says, dB"
    )
    codec: str = Field(
        default="context", min_length=1, description="mask codec an observation takes unless it names one"
    )
    readings: int = Field(
        default=DEFAULT_READINGS,
        ge=0,
        le=MAX_READINGS,
        description="most samples a frame carries along for the receiver to mend its map by, unless the observation "
        "says; about 12 bits each",
    )
    rehearse: bool = Field(
        default=False,
        description="rebuild each map as the receiver will, so that the readings sent are those that mend it best: "
        "half as many do as when they are chosen far apart, for 25 ms more a transmitter and 130 MB",
    )

    deadline_s: float = Field(
        default=30.0, gt=0, le=600, description="time a delivery may take, every retry included, s"
    )
    attempt_s: float = Field(default=10.0, gt=0, le=600, description="time a single attempt may take, s")
    retries: int = Field(default=8, ge=0, le=100, description="times a burst is sent again when it did not get through")
    degraded_retries: int = Field(
        default=1, ge=0, le=100, description="times it is sent again when only a part of it was lost"
    )
    backoff_s: float = Field(
        default=0.2, ge=0, le=60, description="pause before the first retry; it doubles, with jitter, s"
    )

    floor_dbm: float | None = Field(
        default=None,
        description="power at or below which the samples' meter heard nothing, unless the observation says, dBm",
    )
    max_image_bytes: int = Field(default=16 * 2**20, ge=1024, le=60 * 2**20, description="largest image file, bytes")
    max_image_pixels: int = Field(default=12_000_000, ge=1024, le=100_000_000, description="largest image, pixels")
    threads: int = Field(default=1, ge=0, le=256, description="CPU threads of the networks; 0 takes every core")
