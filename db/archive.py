"""The Archive, kept on SQL and files: the facade; what each verb does lies in the files beside it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from core.job import Job
from core.limits import Usage
from core.pace import Standing
from core.picture import Picture
from core.records import Clock, CrashPoint, Move, nothing
from db import accept, claims, marks, opening, reading, shared
from db.files import Files
from db.ids import Ulids
from db.intake import Intake
from db.session import Store
from db.upkeep import Upkept

log = logging.getLogger(__name__)

LEAST_FREE = 500 * 1024 * 1024
INTAKES_AT_ONCE = 2


def free_bytes(folder: Path) -> int:
    """Return how many bytes are free where a folder lies."""
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class SqlArchive(Upkept):
    """Keep everything in SQLite or PostgreSQL and in files under `data`; built by `open`, ended by `close`.

    On PostgreSQL with several programs the Clock must be a DatabaseClock.
    """

    @classmethod
    async def open(
        cls,
        url: str,
        data: Path,
        *,
        clock: Clock,
        pool: Executor,
        payer_key: bytes,
        randomness: Callable[[int], bytes],
        synchronous: str = "FULL",
        at: CrashPoint = nothing,
        free_bytes: Callable[[Path], int] = free_bytes,
        least_free: int = LEAST_FREE,
        intake: Intake | None = None,
        files_in: Path | None = None,
        alone: bool = True,
    ) -> Self:
        """Check the database, migrate it and open it; raise Damaged, and touch nothing, where it is not sound.

        files_in: where pictures and sketches lie, where several programs share them; else under `data`. alone: no other
        program holds Jobs.
        """
        loop = asyncio.get_running_loop()
        folder = files_in or data
        later = await loop.run_in_executor(pool, lambda: opening.prepare(url, data, folder))
        store = Store(url, pool, at, synchronous, clock, randomness(8).hex())
        try:
            await store.upgrade(opening.migrate)
        except BaseException:
            await store.close()
            raise
        if later is not None:
            pool.submit(store.examine_later, lambda: opening.examine_large(later, data))
        till = accept.Till(Ulids(clock, randomness), payer_key, least_free, lambda: free_bytes(folder))
        files = Files(folder, randomness)
        intakes = asyncio.Semaphore(INTAKES_AT_ONCE)
        return cls(store, till, clock, at, files, alone, intake or Intake(), intakes, asyncio.Lock(), url, data)

    async def close(self) -> None:
        """Finish what is being written and close the database."""
        await self._store.close()

    async def take_name(self, name: str) -> bool:
        """Take a name that one program on this database alone may have, until it ends; False where another has it."""
        return await self._store.in_pool(lambda: self._store.locks.take(name))

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` after moves of other programs on the same database; return at once where there are none."""
        if shared.is_shared(self._store.url):
            await shared.listen(self._store.url, self._store.name, heard)

    async def overrides(self) -> dict[str, Any]:
        """Return the operator's settings by name."""
        return dict(await self._store.known.of("overrides", lambda: self._store.read(marks.overrides)))

    async def override(self, changes: Mapping[str, Any]) -> None:
        """Write settings by name; None takes one away."""
        await self._store.decide(lambda s: marks.override(s, changes))

    async def job(self, id_or_tail: str) -> Job | None:
        """Find a Job by id or tail."""
        return await self._store.read(lambda s: reading.job(s, id_or_tail))

    async def pictures(self, job_ids: Sequence[str]) -> dict[str, tuple[Picture, ...]]:
        """Return the Pictures of Jobs, by index."""
        return await self._store.read(lambda s: reading.pictures(s, job_ids))

    async def picture(self, id_or_tail: str) -> tuple[Picture, Job] | None:
        """Find a Picture, with its Job, by id or tail."""
        return await self._store.read(lambda s: reading.picture(s, id_or_tail))

    async def picture_by_pixels(self, pixels_digest: str) -> Picture | None:
        """Find a stored Picture by its pixels."""
        return await self._store.read(lambda s: reading.picture_by_pixels(s, pixels_digest))

    async def history(
        self, person: str, before: str | None, limit: int, words: str = "", *, removed: bool = False
    ) -> list[Job]:
        """Return a Person's Jobs, newest first; removed: those taken down too."""
        return await self._store.read(lambda s: reading.history(s, person, before, limit, words, removed))

    async def last_picture(self, person: str) -> Picture | None:
        """Return the Person's newest stored Picture."""
        return await self._store.read(lambda s: reading.last_picture(s, person))

    async def line(self) -> list[Standing]:
        """Return every open Job, running ones first, then in the order they will be claimed."""
        return await self._store.read(lambda s: claims.line(s, self._clock()))

    async def usage(self, person: str) -> Usage:
        """Return what a Person has used of the Limits."""
        return await self._store.read(lambda s: accept.usage(s, self._clock(), self._till, person))

    async def moves_after(self, after: int, person: str | None, limit: int = 500) -> list[Move]:
        """Return moves in order of commit."""
        return await self._store.read(lambda s: reading.moves_after(s, after, person, limit))

    async def last_move(self) -> int:
        """Return the id of the newest move, 0 where there is none."""
        return await self._store.read(reading.last_move)
