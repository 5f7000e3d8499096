"""Weights are used only when they are exactly what the manifest promises."""

import hashlib
import os
from pathlib import Path

import pytest

from radiosem import weights
from radiosem.errors import WeightsError

CONTENT = b"a small network"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def table(**changes: object) -> str:
    """One manifest table, as TOML."""
    keys: dict[str, object] = {
        "name": "segmenter",
        "file": "segmenter.onnx",
        "sha256": DIGEST,
        "bytes": len(CONTENT),
        "licence": "MIT",
        "recipe": "segmenter",
        "data": "rendered",
    } | changes
    lines = [
        f"{key} = {value if isinstance(value, int) else chr(34) + str(value) + chr(34)}" for key, value in keys.items()
    ]
    return "\n".join(["[[weights]]", *lines, "[weights.metrics]", "iou = 0.9", "[weights.meta]", "cell_m = 0.5", ""])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder with one good file, taken instead of the installed one."""
    (tmp_path / "segmenter.onnx").write_bytes(CONTENT)
    (tmp_path / "MANIFEST.toml").write_text(table())
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    return tmp_path


def test_entry_carries_everything_the_manifest_says(folder: Path) -> None:
    entry = weights.entry("segmenter")
    assert (entry.file, entry.sha256, entry.bytes) == ("segmenter.onnx", DIGEST, len(CONTENT))
    assert (entry.licence, entry.recipe, entry.data) == ("MIT", "segmenter", "rendered")
    assert entry.metrics == {"iou": 0.9}
    assert entry.meta == {"cell_m": 0.5}


def test_unaltered_file_is_handed_out(folder: Path) -> None:
    assert weights.verified_path("segmenter") == folder / "segmenter.onnx"


def test_altered_file_is_refused_with_both_digests(folder: Path) -> None:
    altered = b"A" + CONTENT[1:]
    (folder / "segmenter.onnx").write_bytes(altered)
    with pytest.raises(WeightsError) as refusal:
        weights.verified_path("segmenter")
    for part in ("segmenter.onnx", DIGEST, hashlib.sha256(altered).hexdigest()):
        assert part in str(refusal.value)


def test_file_altered_after_it_was_verified_is_refused(folder: Path) -> None:
    path = weights.verified_path("segmenter")
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(1, 1))
    with pytest.raises(WeightsError, match="altered"):
        weights.verified_path("segmenter")


def test_verified_file_is_not_hashed_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights.verified_path("segmenter")
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert weights.verified_path("segmenter").is_file()


def test_file_of_another_size_is_refused_with_both_sizes(folder: Path) -> None:
    (folder / "segmenter.onnx").write_bytes(CONTENT + b"!")
    with pytest.raises(WeightsError, match=f"{len(CONTENT) + 1} bytes, the manifest says {len(CONTENT)}"):
        weights.verified_path("segmenter")


def test_missing_file_is_named(folder: Path) -> None:
    (folder / "segmenter.onnx").unlink()
    with pytest.raises(WeightsError, match=r"segmenter\.onnx cannot be read"):
        weights.verified_path("segmenter")


def test_unknown_name_is_answered_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"'cgan'.*segmenter"):
        weights.entry("cgan")


def test_missing_manifest_is_named(folder: Path) -> None:
    (folder / "MANIFEST.toml").unlink()
    with pytest.raises(WeightsError, match=r"MANIFEST\.toml is missing"):
        weights.entries()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"file": "../segmenter.onnx"}, "bare file name"),
        ({"file": "/etc/passwd"}, "bare file name"),
        ({"file": ".."}, "bare file name"),
        ({"sha256": "abc"}, "64 lower-case hex digits"),
        ({"bytes": -1}, "positive whole number"),
        ({"licence": 3}, "licence is 3"),
    ],
)
def test_manifest_that_says_nonsense_is_refused(folder: Path, changes: dict[str, object], complaint: str) -> None:
    (folder / "MANIFEST.toml").write_text(table(**changes))
    with pytest.raises(WeightsError, match=complaint):
        weights.entries()


@pytest.mark.parametrize("text", ["[[weights]", "weights = 3", "weights = [4]", table() + table()])
def test_manifest_that_cannot_be_understood_is_refused(folder: Path, text: str) -> None:
    (folder / "MANIFEST.toml").write_text(text)
    with pytest.raises(WeightsError):
        weights.entries()


def test_without_the_variable_the_weights_of_the_product_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RADIOSEM_WEIGHTS", raising=False)
    assert (weights.folder() / "__init__.py").is_file()
