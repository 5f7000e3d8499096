"""Rebuilt maps -> durable rows and blobs, and back: a row never points at a blob that is not yet on disk."""

import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    Boolean,
    Engine,
    Integer,
    String,
    create_engine,
    delete,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from radiosem.errors import InputError, StoreError
from radiosem.types import RadioMap, Semantics
from server_rx.errors import NotFoundError
from server_rx.storage.blobs import Blobs
from server_rx.storage.records import MapRecord, StoredMap, causes_json, facts_json

_RACES = 5  # with other receivers on the same database, before a map is given up


class Base(DeclarativeBase):
    """The tables of the store."""


class Row(Base):
    """One map. One that is replaced by a more complete one gives its id to a row with a higher sequence."""

    __tablename__ = "maps"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy wants it this way

    sequence: Mapped[int] = mapped_column(Integer, primary_key=True)
    map_id: Mapped[str] = mapped_column(String(32), unique=True)
    observation_id: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[str] = mapped_column(String(32))
    degraded: Mapped[bool] = mapped_column(Boolean)
    frame_sha256: Mapped[str] = mapped_column(String(64))
    map_sha256: Mapped[str] = mapped_column(String(64))
    strong_bytes: Mapped[int] = mapped_column(Integer)
    causes: Mapped[dict[str, Any]] = mapped_column(JSON)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class Store:
    """Maps by id and by order of arrival; safe to use from several threads and processes.

    data_dir      folder of the blobs, and of the SQLite file unless `database_url` says otherwise
    database_url  SQLAlchemy URL; PostgreSQL needs the extra `postgresql`
    raises        StoreError when the folder or the database cannot be written
    """

    def __init__(self, data_dir: Path, database_url: str | None = None) -> None:
        self.blobs = Blobs(data_dir / "blobs")
        self._engine = _engine(database_url or f"sqlite:///{data_dir.resolve() / 'radiosem.sqlite'}")
        with _told("opened"):
            Base.metadata.create_all(self._engine)

    def save(self, record: MapRecord) -> tuple[StoredMap, bool]:
        """Make a map durable; a map already held under the same observation_id is returned instead.

        Only a more complete map takes the place of one that lost something on the air, and keeps its map_id.

        returns the map held now, and whether it is this one
        raises  InputError when the map held is one of another observation; StoreError, and then nothing points at the
                map, and the same call may be made again
        """
        for _ in range(_RACES):
            held = self.find(record.observation_id)
            if held:
                refuse_another(held, record.semantics)
                if _completeness(held) >= _completeness(record.semantics):
                    return held, False
            stored = self._write(record, held)
            if stored:
                return stored, True
        raise StoreError("the map could not be written: other receivers keep writing the same observation")

    def _write(self, record: MapRecord, held: StoredMap | None) -> StoredMap | None:
        """Write a map in the place of the one held; None when another receiver on the same database was first."""
        row = Row(
            map_id=held.map_id if held else secrets.token_hex(16),
            observation_id=record.observation_id,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            degraded=record.semantics.degraded,
            frame_sha256=self.blobs.put(record.strong + record.weak),
            map_sha256=self.blobs.put(npy(record.map_dbm)),
            strong_bytes=len(record.strong),
            causes=causes_json(record.semantics),
            facts=facts_json(record),
        )
        with _told("written"), Session(self._engine, expire_on_commit=False) as session:
            try:
                if self._engine.dialect.name == "postgresql":
                    # It draws the sequence before it commits; a follower must not see a later map first.
                    session.execute(text("LOCK TABLE maps IN SHARE ROW EXCLUSIVE MODE"))
                if held:
                    session.execute(delete(Row).where(Row.sequence == held.sequence))
                session.add(row)
                session.commit()
            except IntegrityError:
                session.rollback()
                if self.find(record.observation_id) is None:
                    raise
                return None
            return _stored(row)

    def find(self, observation_id: str) -> StoredMap | None:
        """The map of that observation, if it is held."""
        return self._one(select(Row).where(Row.observation_id == observation_id))

    def get(self, map_id: str) -> StoredMap:
        """The map of that id. Raises NotFoundError."""
        stored = self._one(select(Row).where(Row.map_id == map_id))
        if stored is None:
            raise NotFoundError(f"there is no map {map_id}")
        return stored

    def newest(self, limit: int, before: int | None = None) -> list[StoredMap]:
        """Up to `limit` maps, newest first, older than the sequence `before`."""
        query = select(Row).order_by(Row.sequence.desc()).limit(limit)
        return self._many(query if before is None else query.where(Row.sequence < before))

    def after(self, sequence: int, limit: int = 50) -> list[StoredMap]:
        """Up to `limit` maps that arrived after `sequence`, oldest first."""
        return self._many(select(Row).where(Row.sequence > sequence).order_by(Row.sequence).limit(limit))

    def last_sequence(self) -> int:
        """Sequence of the newest map, 0 when there is none."""
        with _told("read"), Session(self._engine) as session:
            return session.scalar(select(func.max(Row.sequence))) or 0

    def map_dbm(self, stored: StoredMap) -> RadioMap:
        """The radio map, float32 [H, W] dBm, NaN inside buildings."""
        array: RadioMap = np.load(io.BytesIO(self.blobs.get(stored.map_sha256)), allow_pickle=False)
        return array

    def frame(self, stored: StoredMap) -> tuple[bytes, bytes]:
        """The received frame: strong part, and weak part with its lost sections as they were heard."""
        data = self.blobs.get(stored.frame_sha256)
        return data[: stored.strong_bytes], data[stored.strong_bytes :]

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _one(self, query: Any) -> StoredMap | None:
        with _told("read"), Session(self._engine) as session:
            row = session.scalars(query).one_or_none()
            return _stored(row) if row else None

    def _many(self, query: Any) -> list[StoredMap]:
        with _told("read"), Session(self._engine) as session:
            return [_stored(row) for row in session.scalars(query)]


def refuse_another(held: StoredMap, semantics: Semantics) -> None:
    """Raise InputError when a map held is not one of that block with those transmitters and laws."""
    told = causes_json(semantics)
    if any(held.causes.get(key) != told[key] for key in ("grid", "place", "transmitters")):
        raise InputError(
            f"observation_id is {held.observation_id!r}, under which another observation is held as map {held.map_id}; "
            "give each observation an id of its own"
        )


def _completeness(known: StoredMap | Semantics) -> tuple[bool, int]:
    """Grows with what arrived: the mask before all else."""
    return not known.degraded, -len(known.lost)


def npy(array: np.ndarray[Any, Any]) -> bytes:
    """An array as the bytes of an NPY file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(make_url(url), pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"SERVER_RX_DATABASE_URL needs a driver that is not installed ({error}); "
            "`make install EXTRA=postgresql` brings that of postgresql+psycopg://"
        ) from error
    except ArgumentError as error:
        raise StoreError("SERVER_RX_DATABASE_URL is not an SQLAlchemy URL, such as sqlite:////folder/file") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Readers beside a writer, and a commit that survives the power going away."""
    cursor = connection.cursor()
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextmanager
def _told(done: str) -> Iterator[None]:
    """Database errors -> StoreError without their text, which may hold the URL and its password."""
    try:
        yield
    except SQLAlchemyError as error:
        kind = type(getattr(error, "orig", None) or error).__name__
        raise StoreError(f"the database of maps could not be {done} ({kind})") from error


def _stored(row: Row) -> StoredMap:
    return StoredMap(**{name: getattr(row, name) for name in StoredMap.__dataclass_fields__})
