"""Bytes by digest on the disk: written whole or not at all, checked when read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import NO_ROOM, Damaged, DiskFull, NotFound

Kind = Literal["sketch", "mask", "picture"]
FOLDERS: dict[Kind, str] = {"picture": "pictures", "sketch": "sketches", "mask": "masks"}
SWEPT_AFTER_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Files:
    """Keep files under `data`; every method blocks, so call it in the pool."""

    data: Path
    randomness: Callable[[int], bytes]

    def path(self, digest: str, kind: Kind) -> Path:
        """Return where a file lies; a digest is hex, so no path can be smuggled in."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise NotFound("There is no such file.", "Look at the digest again.")
        return self.data / FOLDERS[kind] / digest[:2] / f"{digest}.png"

    def keep(self, raw: bytes, kind: Kind) -> str:
        """Write bytes durably and return their digest; bytes that are there already are written no second time."""
        digest = hashlib.sha256(raw).hexdigest()
        path = self.path(digest, kind)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            os.utime(path)
        else:
            self._write(path, raw)
        _flush(path.parent)
        _flush(path.parent.parent)
        return digest

    def read(self, digest: str, kind: Kind) -> bytes:
        """Return a file's bytes; raise NotFound where it is gone, Damaged where it is not what was written."""
        path = self.path(digest, kind)
        try:
            raw = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"The file of this {kind} is gone.", "The owner may find it in a backup.") from error
        if hashlib.sha256(raw).hexdigest() != digest:
            raise Damaged(f"The file {path} is damaged.", "The owner may find it in a backup.")
        return raw

    def has(self, digest: str, kind: Kind) -> bool:
        """Say whether a file is there."""
        return self.path(digest, kind).is_file()

    def remove(self, digest: str, kind: str) -> bool:
        """Remove a file; False where it was gone."""
        path = self.path(digest, next(each for each in FOLDERS if each == kind))
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        _flush(path.parent)
        return True

    def head(self, digest: str, kind: Kind, size: int) -> bytes | None:
        """Return a file's first bytes, None where it is gone."""
        try:
            with self.path(digest, kind).open("rb") as file:
                return file.read(size)
        except FileNotFoundError:
            return None

    def stale(self, now: int) -> Iterator[tuple[Kind, Path]]:
        """List files that were last written over an hour ago."""
        for kind, folder in FOLDERS.items():
            for path in sorted((self.data / folder).glob("*/*")):
                if path.stat().st_mtime_ns // 1_000_000 < now - SWEPT_AFTER_MS:
                    yield kind, path

    def _write(self, path: Path, raw: bytes) -> None:
        part = path.with_name(f"{path.name}.{self.randomness(6).hex()}.part")
        try:
            with part.open("xb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno in NO_ROOM:
                raise DiskFull(
                    "The disk is full: the picture could not be kept.", "The owner must make room."
                ) from error
            raise


def _flush(folder: Path) -> None:
    """Make a new name in a folder outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
