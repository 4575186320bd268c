"""A file of weights as the disk knows it, and what is in it: its digest, computed once while it stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.records import WeightsFile

CHUNK = 1 << 20
HASHED = {".safetensors", ".json", ".txt", ".model"}
"""Weights, settings and tokenizer files (vocab.json, merges.txt, spiece.model): what decides pixels."""


def digest_of(path: Path) -> str:
    """Return sha256 hex of a file; blocking, seconds for a large one."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            found.update(block)
    return found.hexdigest()


def recalled(part: WeightsFile, known: Mapping[WeightsFile, str], fresh: dict[WeightsFile, str]) -> str:
    """Return a file's digest as it is known, else computed now and added to `fresh`."""
    found = known.get(part) or fresh.get(part)
    if not found:
        found = fresh[part] = digest_of(Path(part.path))
    return found


def of_folder(
    folder: Path, parts: Iterable[WeightsFile], known: Mapping[WeightsFile, str], fresh: dict[WeightsFile, str]
) -> str:
    """Return a folder's digest: sha256 over the sorted lines `relative/path sha256` of its files, each ended."""
    root = folder.absolute()
    lines = [f"{Path(part.path).relative_to(root).as_posix()} {recalled(part, known, fresh)}\n" for part in parts]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def on_disk(path: Path) -> WeightsFile:
    """Return what the disk says of a file."""
    found = path.stat()
    return WeightsFile(str(path.absolute()), found.st_size, found.st_mtime_ns, found.st_ino)


def unchanged(part: WeightsFile) -> bool:
    """Say whether a file is as it was when it was read."""
    try:
        return on_disk(Path(part.path)) == part
    except OSError:
        return False
