"""Name of a trained network -> a file on disk that is exactly what the manifest promises.

The weights folder is the one `RADIOSEM_WEIGHTS` names, else the installed package `radiosem_weights`, else
`models/weights` of a source tree. Its `MANIFEST.toml` holds one table a file:

    [[weights]]
    name = "segmenter"
    file = "segmenter.onnx"         # a bare file name in the same folder
    sha256 = "…"                    # 64 hex digits
    bytes = 6100000
    licence = "…"
    recipe = "segmenter"
    data = "…"                      # what it was trained on
    [weights.metrics]               # scores, with their splits
    [weights.meta]                  # what a user of the network must know: scaling, sizes
"""

import hashlib
import importlib.resources
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from radiosem.errors import WeightsError

MANIFEST = "MANIFEST.toml"
FOLDER_VARIABLE = "RADIOSEM_WEIGHTS"
_TEXT_KEYS = ("name", "file", "sha256", "licence", "recipe", "data")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")

_verified: dict[tuple[str, int, int, str], None] = {}  # (path, mtime in ns, size, digest) found good in this process


@dataclass(frozen=True)
class WeightsEntry:
    """What the manifest says of one file: its content by digest, where it came from, and how well it does."""

    name: str
    file: str
    sha256: str
    bytes: int
    licence: str
    recipe: str
    data: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def whole(self, key: str, most: int) -> int:
        """A whole number in 1..most of the meta table; raises WeightsError on anything else."""
        value = self.meta.get(key)
        if not (isinstance(value, int) and 1 <= value <= most):
            raise WeightsError(f"{self.name}: {key} is {value!r}; the manifest must give 1..{most}")
        return value


def folder() -> Path:
    """The folder that holds the manifest and the weights. Raises WeightsError when there is none."""
    override = os.environ.get(FOLDER_VARIABLE)
    if override:
        return Path(override)
    try:
        return Path(str(importlib.resources.files("radiosem_weights")))
    except ModuleNotFoundError:
        source_tree = Path(__file__).resolve().parent.parent / "models" / "weights"
        if source_tree.is_dir():
            return source_tree
    raise WeightsError(
        f"no weights folder: the package radiosem_weights is not installed and {FOLDER_VARIABLE} is not set"
    )


def entries() -> dict[str, WeightsEntry]:
    """Everything the manifest lists, by name. Raises WeightsError when it is missing or says nonsense."""
    path = folder() / MANIFEST
    try:
        stat = path.stat()
        return dict(_read_manifest(path, stat.st_mtime_ns, stat.st_size))
    except FileNotFoundError:
        raise WeightsError(f"{path} is missing; it must list the weights with their SHA-256") from None
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} cannot be read: {error}") from error


@lru_cache(maxsize=4)
def _read_manifest(path: Path, mtime_ns: int, size: int) -> dict[str, WeightsEntry]:
    """Read once as long as the file stays the same: every burst asks which links there are."""
    tables = tomllib.loads(path.read_text("utf-8")).get("weights", [])
    listed: dict[str, WeightsEntry] = {}
    for number, table in enumerate(tables if isinstance(tables, list) else [tables]):
        entry = _entry(table, f"{path}, weights table {number}")
        if entry.name in listed:
            raise WeightsError(f"{path} lists {entry.name!r} twice; names must differ")
        listed[entry.name] = entry
    return listed


def entry(name: str) -> WeightsEntry:
    """The manifest's entry of that name. Raises WeightsError naming what is listed."""
    listed = entries()
    if name not in listed:
        raise WeightsError(
            f"no weights named {name!r} in {folder() / MANIFEST}; it lists {', '.join(sorted(listed)) or 'none'}"
        )
    return listed[name]


def verified_path(name: str) -> Path:
    """Path of that file, after its size and SHA-256 were found to be what the manifest says.

    A file is hashed once a process, and again when its size or modification time changes.

    raises  WeightsError naming the file, and the size or digest expected and found
    """
    return verify(entry(name))


def verify(listed: WeightsEntry) -> Path:
    """Path of the entry's file once it is known to be unaltered. Raises WeightsError as `verified_path` does."""
    path = folder() / listed.file
    try:
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size, listed.sha256)
        if key in _verified:
            return path
        if stat.st_size != listed.bytes:
            raise WeightsError(
                f"weights file {path} has {stat.st_size} bytes, the manifest says {listed.bytes}; "
                "restore the file or export it again"
            )
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"weights file {path} cannot be read ({error.strerror}); restore it") from error
    if found != listed.sha256:
        raise WeightsError(
            f"weights file {path} was altered: the manifest says SHA-256 {listed.sha256}, the file has {found}; "
            "restore the file or export it again"
        )
    _verified[key] = None
    return path


def _entry(table: Any, where: str) -> WeightsEntry:
    """One manifest table -> WeightsEntry, every field checked."""
    if not isinstance(table, dict):
        raise WeightsError(f"{where} is not a table")
    for key in _TEXT_KEYS:
        if not isinstance(table.get(key), str):
            raise WeightsError(f"{where}: {key} is {table.get(key)!r}; it must be a text")
    if not _FILE_NAME.fullmatch(table["file"]):
        raise WeightsError(f"{where}: file is {table['file']!r}; it must be a bare file name in the weights folder")
    if not _DIGEST.fullmatch(table["sha256"]):
        raise WeightsError(f"{where}: sha256 is {table['sha256']!r}; it must be 64 lower-case hex digits")
    size = table.get("bytes")
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise WeightsError(f"{where}: bytes is {size!r}; it must be a positive whole number")
    extras = {key: table.get(key, {}) for key in ("metrics", "meta")}
    for key, value in extras.items():
        if not isinstance(value, dict):
            raise WeightsError(f"{where}: {key} is {value!r}; it must be a table")
    return WeightsEntry(**{key: table[key] for key in _TEXT_KEYS}, bytes=size, **extras)
