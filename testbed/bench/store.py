"""Folder of a run -> what is already done: one file a task, written whole or not at all, for one configuration only."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from radiosem.errors import InputError
from testbed.written import make_folder, write_whole

CONFIGURATION, DONE = "configuration.json", "done"
PACKAGES = ("radiosem", "channel_sim", "edge_tx", "server_rx", "testbed", "radiosem_models")
OTHERWISE = "give another folder, or remove this one"
SOURCES = ("*.py", "*.npz")  # code, and the tables that codecs carry along


@cache
def source_digest() -> str:
    """First 16 hex digits of SHA-256 over the paths and contents of everything here that computes an outcome."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        folder = Path(str(files(package)))
        paths = {path.relative_to(folder).as_posix(): path for pattern in SOURCES for path in folder.rglob(pattern)}
        for name in sorted(paths):
            digest.update(f"{package}/{name}\n".encode() + hashlib.sha256(paths[name].read_bytes()).digest())
    return digest.hexdigest()[:16]


class RunFolder:
    """Outcomes of a run's tasks, kept so that the run can be killed and goes on.

    out            the folder, made where there is none
    configuration  everything that the outcomes depend on, fit for JSON
    raises         InputError when the folder holds a run of another configuration, naming what differs, or outcomes
                   whose configuration is missing or damaged
    """

    def __init__(self, out: Path, configuration: dict[str, Any]) -> None:
        self.out = out
        make_folder(out / DONE, "out")
        path = out / CONFIGURATION
        wanted = json.loads(json.dumps(configuration))
        if path.is_file():
            found = read_object(path)
            if found is None:
                raise InputError(f"{path} is damaged, so what was run in its folder is not known; {OTHERWISE}")
            differing = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
            if differing:
                key = differing[0]
                raise InputError(
                    f"out is {str(out)!r}, which holds a run of another configuration: {', '.join(differing)} differ "
                    f"({key} is {found.get(key)} there and {wanted.get(key)} here); give another folder"
                )
        else:
            if any((out / DONE).glob("*.json")):
                raise InputError(
                    f"out is {str(out)!r}, which holds outcomes in {DONE}/ but no {CONFIGURATION}; {OTHERWISE}"
                )
            write_whole(path, json.dumps(wanted, indent=2).encode() + b"\n")

    def _path(self, task: str) -> Path:
        return self.out / DONE / f"{task}.json"

    def missing(self, tasks: Iterable[str]) -> list[str]:
        """Tasks that are still to do, in their order: those without an outcome, and those whose outcome is damaged."""
        return [task for task in tasks if read_object(self._path(task)) is None]

    def keep(self, task: str, outcome: dict[str, Any]) -> None:
        """Make an outcome durable."""
        write_whole(self._path(task), json.dumps(outcome).encode())

    def read(self, task: str) -> dict[str, Any]:
        """An outcome that was kept. raises InputError when it is not there or damaged"""
        outcome = read_object(self._path(task))
        if outcome is None:
            raise InputError(f"{self._path(task)} is missing or damaged; call the run again, which makes it anew")
        return outcome


def read_object(path: Path) -> dict[str, Any] | None:
    """What a JSON file holds, None when it is not there, damaged or no object."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
