"""The digest of the source is that of everything that computes an outcome."""

from importlib.resources import files
from pathlib import Path

import pytest

from testbed.bench import store
from testbed.bench.store import PACKAGES, source_digest


def _digest_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(store, "files", lambda package: folder / package)
    return source_digest.__wrapped__()


def test_any_change_of_code_or_tables_changes_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        (tmp_path / package / "codecs").mkdir(parents=True)
        (tmp_path / package / "a.py").write_text("A = 1")
    found = [_digest_of(tmp_path, monkeypatch)]
    for change in ("radiosem/a.py", "radiosem/codecs/context.npz", "testbed/b.py", "radiosem_models/codecs/a.py"):
        (tmp_path / change).write_text("A = 2")
        found.append(_digest_of(tmp_path, monkeypatch))
    (tmp_path / "testbed/b.py").rename(tmp_path / "testbed/c.py")
    found.append(_digest_of(tmp_path, monkeypatch))
    assert len(set(found)) == len(found)
    (tmp_path / "testbed" / "notes.md").write_text("no code")
    assert _digest_of(tmp_path, monkeypatch) == found[-1]


def test_the_digest_covers_every_package_and_is_short() -> None:
    for package in PACKAGES:
        assert any(Path(str(files(package))).rglob("*.py"))
    assert len(source_digest()) == 16
    assert int(source_digest(), 16) >= 0
