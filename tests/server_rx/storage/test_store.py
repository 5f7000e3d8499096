"""The promises of the store, for every database it runs on."""

import dataclasses
import errno
import itertools
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, event, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from radiosem.errors import InputError, StoreError
from server_rx.errors import NotFoundError
from server_rx.storage.blobs import Blobs
from server_rx.storage.store import Row, Store

# Its maps are deleted: this must name a database for tests.
POSTGRESQL_URL = os.environ.get("RADIOSEM_TEST_POSTGRESQL_URL")


@pytest.fixture(params=["folder", "sqlite url"] + ["postgresql url"] * bool(POSTGRESQL_URL))
def store(request, tmp_path):
    url = {
        "folder": None,
        "sqlite url": f"sqlite:///{tmp_path / 'elsewhere.sqlite'}",
        "postgresql url": POSTGRESQL_URL,
    }[request.param]
    opened = Store(tmp_path / "data", url)
    with Session(opened._engine) as session:
        session.execute(delete(Row))
        session.commit()
    yield opened
    opened.close()


def renamed(record, observation_id):
    return dataclasses.replace(record, observation_id=observation_id)


def test_what_is_saved_comes_back(store, record):
    stored, new = store.save(record)
    assert new
    assert store.get(stored.map_id) == stored == store.find("block-1")
    assert np.array_equal(store.map_dbm(stored), record.map_dbm, equal_nan=True)
    assert store.frame(stored) == (record.strong, record.weak)
    assert stored.causes["transmitters"][0]["slope_db"] == pytest.approx(30.0)
    assert stored.grid == record.semantics.grid
    assert stored.facts["min_dbm"] == record.min_dbm


def test_a_second_delivery_returns_the_first_map_and_stores_nothing(store, record):
    first, _ = store.save(record)
    changed = dataclasses.replace(record, map_dbm=record.map_dbm + 1)
    again, new = store.save(changed)
    assert again == first
    assert not new
    assert store.newest(10) == [first]
    assert len(blobs_on_disk(store)) == 2


def test_a_complete_map_takes_the_place_of_a_degraded_one_under_its_id(store, record, degraded):
    poor, _ = store.save(degraded)
    assert poor.degraded
    full, new = store.save(record)
    assert new
    assert full.map_id == poor.map_id
    assert not full.degraded
    assert full.sequence > poor.sequence  # so that followers hear of it
    assert store.newest(10) == [full]


def test_a_degraded_map_never_replaces_anything(store, record, degraded):
    first, _ = store.save(degraded)
    assert store.save(dataclasses.replace(degraded, map_dbm=degraded.map_dbm - 1)) == (first, False)
    full, _ = store.save(record)
    assert store.save(degraded) == (full, False)


def test_more_complete_maps_take_the_place_of_less_complete_ones(store, record, degraded):
    def without(**lost):
        return dataclasses.replace(record, semantics=dataclasses.replace(record.semantics, **lost))

    rising = (degraded, without(cars_lost=True, readings_lost=True), without(readings_lost=True), record)
    for poorer, better in itertools.pairwise(rising):
        assert store.save(poorer)[1] == (poorer is degraded)
        held, new = store.save(better)
        assert new
        assert held.lost == better.semantics.lost
        assert store.save(poorer) == (held, False)
    assert len(store.newest(10)) == 1


def test_maps_stored_before_losses_were_listed_are_completed_all_the_same(store, record):
    stored, _ = store.save(record)
    old = {key: value for key, value in stored.causes.items() if key != "lost"} | {"readings_lost": True}
    with Session(store._engine) as session:
        session.execute(update(Row).values(causes=old))
        session.commit()
    assert store.get(stored.map_id).lost == ("readings",)
    assert store.save(record)[1]


def test_an_id_that_names_another_observation_is_refused(store, record, degraded):
    held, _ = store.save(degraded)
    law = dataclasses.replace(record.semantics.path_losses[0], slope_db=31.0)
    other = dataclasses.replace(record.semantics, path_losses=(law, *record.semantics.path_losses[1:]))
    with pytest.raises(InputError, match=f"observation_id is 'block-1', under which another .* map {held.map_id}"):
        store.save(dataclasses.replace(record, semantics=other))
    assert store.newest(10) == [held]


def test_a_damaged_blob_is_noticed_and_put_right_by_the_next_of_its_content(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    digest = blobs.put(b"a map")
    blobs.path(digest).write_bytes(b"")
    with pytest.raises(StoreError, match=f"{digest} was altered on disk: its 0 bytes"):
        blobs.get(digest)
    assert blobs.put(b"a map") == digest
    assert blobs.get(digest) == b"a map"


def test_maps_are_paged_newest_first_and_followed_oldest_first(store, record):
    saved = [store.save(renamed(record, f"block-{number}"))[0] for number in range(5)]
    assert store.newest(2) == [saved[4], saved[3]]
    assert store.newest(9, before=saved[3].sequence) == saved[2::-1]
    assert store.after(saved[2].sequence) == saved[3:]
    assert store.last_sequence() == saved[4].sequence


def test_a_map_is_never_seen_before_one_of_a_lower_sequence(store, record):
    written, go = threading.Event(), threading.Event()

    def hold(session, _):
        if threading.current_thread() is first:
            written.set()
            go.wait(20)

    first, second = (
        threading.Thread(target=store.save, args=(renamed(record, name),), daemon=True) for name in ("first", "second")
    )
    event.listen(Session, "after_flush", hold)
    try:
        first.start()
        assert written.wait(20)
        second.start()
        second.join(0.5)
        assert store.newest(10) == []  # the second waits for the first
        go.set()
        first.join(20)
        second.join(20)
    finally:
        event.remove(Session, "after_flush", hold)
    assert [stored.observation_id for stored in store.after(0)] == ["first", "second"]


def test_what_is_not_there_is_said_so(store):
    assert store.find("nothing") is None
    with pytest.raises(NotFoundError, match="no map 00"):
        store.get("00" * 16)


def test_a_failing_commit_leaves_no_row_and_a_retry_works(store, record, monkeypatch):
    def fail(session):
        raise OperationalError("INSERT", {}, Exception("disk I/O error, secret path"))

    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", fail)
        with pytest.raises(StoreError, match="could not be written") as error:
            store.save(record)
    assert "secret" not in str(error.value)
    assert store.newest(10) == []
    stored, new = store.save(record)
    assert new
    assert np.array_equal(store.map_dbm(stored), record.map_dbm, equal_nan=True)


def test_blobs_are_on_disk_before_the_row_is(store, record, monkeypatch):
    seen = []
    commit = Session.commit

    def look(session):
        seen.extend(blobs_on_disk(store))
        commit(session)

    monkeypatch.setattr(Session, "commit", look)
    stored, _ = store.save(record)
    assert sorted(seen) == sorted([stored.frame_sha256, stored.map_sha256])


def test_a_failing_blob_leaves_no_row(store, record, monkeypatch):
    def fail(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StoreError, match="No space left"):
            store.save(record)
    assert store.newest(10) == []
    assert store.save(record)[1]


@pytest.mark.parametrize("complete_first", [True, False])
def test_two_receivers_on_one_database_agree_on_the_more_complete(store, record, degraded, complete_first, monkeypatch):
    first, second = (record, degraded) if complete_first else (degraded, record)
    held, _ = store.save(first)
    find, unseen = store.find, iter([True])  # the other receiver commits between looking and writing
    monkeypatch.setattr(store, "find", lambda name: None if next(unseen, False) else find(name))
    stored, new = store.save(second)
    assert (stored.map_id, stored.degraded, new) == (held.map_id, False, not complete_first)


def test_a_race_that_is_never_won_is_given_up(store, record, monkeypatch):
    monkeypatch.setattr(store, "_write", lambda record, held: None)
    with pytest.raises(StoreError, match="other receivers keep writing"):
        store.save(record)


def blobs_on_disk(store):
    return [path.name for path in store.blobs.folder.glob("??/*") if not path.name.startswith(".")]


def test_a_store_survives_being_closed_and_opened_again(tmp_path, record):
    first = Store(tmp_path)
    stored, _ = first.save(record)
    first.close()
    second = Store(tmp_path)
    assert second.get(stored.map_id) == stored
    second.close()


def test_sqlite_waits_for_the_disk(tmp_path):
    opened = Store(tmp_path)
    with opened._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    opened.close()


def test_the_table_can_be_made_on_postgresql():
    assert "SERIAL" in str(CreateTable(Row.__table__).compile(dialect=postgresql.dialect()))


def test_a_folder_that_can_only_be_read_is_named_with_its_setting(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)
    with pytest.raises(StoreError, match=r"cannot be written \(Read-only file system\); set SERVER_RX_DATA_DIR"):
        Store(tmp_path / "data")


def test_a_folder_that_cannot_be_made_is_named_with_its_setting(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"data folder .*file/data cannot be written .*SERVER_RX_DATA_DIR"):
        Store(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("nonsense", "not an SQLAlchemy URL"),
        ("nosuchdb://x", "driver that is not installed .*make install EXTRA=postgresql"),
        ("sqlite:////nowhere/at/all/x.sqlite", "could not be opened"),
    ],
)
def test_an_unusable_database_url_is_told_without_its_password(tmp_path, url, text):
    with pytest.raises(StoreError, match=text):
        Store(tmp_path, url)


def test_equal_bytes_are_kept_once_under_their_sha256(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    assert blobs.put(b"abc") == blobs.put(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert [path.name for path in Path(tmp_path).rglob("*") if path.is_file()] == [digest]
    assert blobs.get(digest) == b"abc"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "AB" * 32, "ab" * 31])
def test_only_a_digest_ever_becomes_a_path(tmp_path, name):
    with pytest.raises(StoreError, match="does not name a blob"):
        Blobs(tmp_path / "blobs").get(name)


def test_a_blob_that_is_gone_is_told(tmp_path):
    with pytest.raises(StoreError, match="cannot be read"):
        Blobs(tmp_path / "blobs").get("ab" * 32)
