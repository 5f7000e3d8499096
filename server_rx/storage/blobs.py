"""Bytes <-> files named by their SHA-256, on disk for good before anybody may point at them."""

import contextlib
import hashlib
import os
import re
import secrets
from pathlib import Path

from radiosem.errors import StoreError

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A folder of content-addressed files, `ab/abcdef…`; the same bytes are kept once, and never removed.

    raises  StoreError naming the folder when it cannot be made or written
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".probe-{secrets.token_hex(8)}"
            probe.write_bytes(b"")
            probe.unlink()
            _sync_folder(folder.parent)
        except OSError as error:
            raise StoreError(
                f"the data folder {folder.parent} cannot be written ({error.strerror}); "
                "set SERVER_RX_DATA_DIR to a folder this process may write"
            ) from error

    def path(self, digest: str) -> Path:
        """Where the blob of that SHA-256 (64 hex digits) lies."""
        if not _DIGEST.fullmatch(digest):
            raise StoreError(f"{digest!r} does not name a blob; it must be 64 lower-case hex digits")
        return self.folder / digest[:2] / digest

    def put(self, data: bytes) -> str:
        """Keep the bytes; returns their SHA-256 once file and folder entry are on disk."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        temporary = path.with_name(f".{digest}-{secrets.token_hex(8)}")
        try:
            if path.exists() and path.read_bytes() == data:  # a damaged file is put right
                _sync_folder(path.parent)  # whoever put it may not have come this far
                return digest
            if not path.parent.exists():
                path.parent.mkdir(exist_ok=True)
                _sync_folder(self.folder)
            try:
                with temporary.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.rename(path)
            except OSError:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise
            _sync_folder(path.parent)
        except OSError as error:
            raise StoreError(f"a blob cannot be written ({error.strerror}); is the disk full?") from error
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of that SHA-256. Raises StoreError when they are gone, unreadable or altered."""
        try:
            data = self.path(digest).read_bytes()
        except OSError as error:
            raise StoreError(f"the blob {digest} cannot be read ({error.strerror})") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(f"the blob {digest} was altered on disk: its {len(data)} bytes have another SHA-256")
        return data


def _sync_folder(folder: Path) -> None:
    """A rename is durable only once its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
