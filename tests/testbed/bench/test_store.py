"""Outcomes are of one configuration and whole; the digest of the source is that of everything that computes them."""

from importlib.resources import files
from pathlib import Path

import pytest

from radiosem.errors import InputError
from testbed.bench import store
from testbed.bench.store import PACKAGES, RunFolder, source_digest


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


def test_outcomes_without_their_configuration_are_not_adopted(tmp_path: Path) -> None:
    RunFolder(tmp_path, {"seed": 0}).keep("0_0", {"rows": []})
    (tmp_path / "configuration.json").unlink()
    with pytest.raises(InputError, match=r"holds outcomes in done/ but no configuration\.json; give another folder"):
        RunFolder(tmp_path, {"seed": 0})
    assert not (tmp_path / "configuration.json").exists()


@pytest.mark.parametrize("text", ['{"seed": 0, "li', "", "[]", "\udcff"])
def test_a_damaged_configuration_is_refused_by_name(tmp_path: Path, text: str) -> None:
    RunFolder(tmp_path, {"seed": 0})
    (tmp_path / "configuration.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"configuration\.json is damaged.*; give another folder, or remove this one"):
        RunFolder(tmp_path, {"seed": 0})


@pytest.mark.parametrize("text", ['{"rows": [{"se', "", "null"])
def test_a_damaged_outcome_is_to_be_made_again(tmp_path: Path, text: str) -> None:
    folder = RunFolder(tmp_path, {"seed": 0})
    for task in ("0_0", "1_0"):
        folder.keep(task, {"rows": []})
    (tmp_path / "done/0_0.json").write_text(text)
    assert folder.missing(["0_0", "1_0", "2_0"]) == ["0_0", "2_0"]
    with pytest.raises(InputError, match=r"done/0_0\.json is missing or damaged; call the run again"):
        folder.read("0_0")
    folder.keep("0_0", {"rows": [1]})
    assert (folder.missing(["0_0"]), folder.read("0_0")) == ([], {"rows": [1]})
