"""One process owns database and device: the lock it holds and the note it leaves for verbs beside it."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from core.errors import AlreadyRunning


@dataclass(frozen=True, slots=True)
class RunNote:
    """Say where the running program listens and the secret that lets its owner's verbs in."""

    pid: int
    url: str
    bearer: str


class DataLock:
    """Hold data/limner.lock; the system lets it go when the process ends, however it ends."""

    def __init__(self, data: Path) -> None:
        self._path = data / "limner.lock"
        self._note = data / "run.json"
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the lock or raise AlreadyRunning with the other's address where it listens."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            note = self.note()
            url = note.url if note else None
            where = f" at {url}" if url else ""
            raise AlreadyRunning(
                f"Limner already runs on this data folder{where}.", "Use that one, or stop it first.", url
            ) from error
        self._file = file

    def write(self, note: RunNote) -> None:
        """Leave the note, readable by the owner alone."""
        fresh = self._note.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(note), file)
        fresh.replace(self._note)

    def note(self) -> RunNote | None:
        """Read the note of whoever holds the lock, None where it listens nowhere (yet)."""
        try:
            return RunNote(**json.loads(self._note.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def release(self) -> None:
        """Take the note away and let the lock go."""
        if self._file is not None:
            self._note.unlink(missing_ok=True)
            self._file.close()
            self._file = None
