"""The Archive, kept on SQL and files: the facade; what each verb does lies in the files beside it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from sqlalchemy.orm import Session

from core.draft import SketchInfo
from core.job import Job
from core.limits import Limits, Usage
from core.pace import Standing
from core.picture import Picture
from core.ports import Clock, CrashPoint, Form, Move, NewJob, Parcel, PngFacts, Receipt, WeightsFile
from core.progress import Painted
from db import accept, claims, forms, keeping, marks, moves, opening, outbox, reading
from db.audits import AuditLog
from db.files import Files, Kind
from db.ids import Ulids
from db.intake import Intake
from db.rows import to_job
from db.session import ACCEPT_MS, Store

log = logging.getLogger(__name__)

LEAST_FREE = 500 * 1024 * 1024
INTAKES_AT_ONCE = 2


def free_bytes(folder: Path) -> int:
    """Return how many bytes are free where a folder lies."""
    return shutil.disk_usage(folder).free


def nothing(_: str) -> None:
    """Be the crash point that does nothing."""


@dataclass(frozen=True, slots=True)
class SqlArchive(AuditLog):
    """Keep everything in SQLite or PostgreSQL and in files under `data`; built by `open`, ended by `close`.

    On PostgreSQL with several programs the Clock must be the database's.
    """

    _files: Files
    _till: accept.Till
    _clock: Clock
    _at: CrashPoint
    _intake: Intake
    _intakes: asyncio.Semaphore

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
    ) -> Self:
        """Check the database, migrate it and open it; raise Damaged, and touch nothing, where it is not sound."""
        loop = asyncio.get_running_loop()
        later = await loop.run_in_executor(pool, lambda: opening.prepare(url, data))
        store = Store(url, pool, at, synchronous)
        try:
            await store.upgrade(opening.migrate)
        except BaseException:
            await store.close()
            raise
        if later is not None:
            pool.submit(store.examine_later, lambda: opening.examine_large(later, data))
        till = accept.Till(Ulids(clock, randomness), payer_key, least_free, lambda: free_bytes(data))
        files = Files(data, randomness)
        return cls(store, files, till, clock, at, intake or Intake(), asyncio.Semaphore(INTAKES_AT_ONCE))

    async def close(self) -> None:
        """Finish what is being written and close the database."""
        await self._store.close()

    async def accept(self, jobs: Sequence[NewJob], limits: Limits) -> list[tuple[Job, bool]]:
        """Write Jobs within the Limits, all or none; (Job, False) where one was there."""

        def work(session: Session) -> list[tuple[Job, bool]]:
            if self._store.damaged is not None:
                raise self._store.damaged
            return accept.accept(session, self._clock(), self._till, jobs, limits)

        return await self._store.write(work, "accept", ACCEPT_MS)

    async def claim(self, owner: str, lease_s: float) -> tuple[Job, tuple[Picture, ...]] | None:
        """Take the next Job of the least-served Person."""
        return await self._store.write(lambda s: claims.claim(s, self._clock(), owner, _ms(lease_s)), "claim")

    async def beat(self, held: Sequence[tuple[str, int]], lease_s: float) -> dict[str, claims.Held]:
        """Lengthen leases; say for each whether it is held, to be cancelled or lost."""
        return await self._store.write(lambda s: claims.beat(s, self._clock(), held, _ms(lease_s)))

    async def store(self, job: Job, picture: Picture, painted: Painted) -> Picture:
        """Write the file, then the row under the Job's fence."""
        kept = await self._store.in_pool(lambda: keeping.keep(self._files, self._store, picture, painted))

        def work(session: Session) -> Picture:
            self._at("after_picture_file")
            return claims.store(session, self._clock(), job, picture, kept)

        return await self._store.write(work, "store")

    async def fail_picture(self, job: Job, picture: Picture, code: str, text: str) -> None:
        """Move one Picture to failed under the Job's fence."""
        await self._store.write(lambda s: claims.fail_picture(s, self._clock(), job, picture, code, text), "fail")

    async def finish(self, job: Job) -> Job:
        """Settle a running Job whose Pictures are all stored or failed; failed where none is stored."""
        return await self._store.write(lambda s: to_job(moves.finish(s, self._clock(), job.id, job.fence)), "finish")

    async def requeue(self, job: Job, code: str, text: str, *, solo: bool = False) -> Job:
        """Give a failed attempt another try with backoff, or settle early."""

        def work(session: Session) -> Job:
            row = moves.hold(session, job.id, job.fence)
            return to_job(moves.requeue(session, self._clock(), row, code, text, solo=solo))

        return await self._store.write(work, "requeue")

    async def settle(self, job: Job, to: Literal["failed", "cancelled"], code: str, text: str) -> Job:
        """End a running Job early: rendered where a Picture is stored, else as `to`."""

        def work(session: Session) -> Job:
            row = moves.hold(session, job.id, job.fence)
            final = "cancelled" if row.cancel_requested else to
            return to_job(moves.end(session, row, final, self._clock(), code, text, "settle"))

        return await self._store.write(work, "settle")

    async def give_back(self, job: Job) -> None:
        """Return a running Job to the queue; one that was to be cancelled ends instead."""

        def work(session: Session) -> None:
            moves.give_back(session, self._clock(), moves.hold(session, job.id, job.fence))

        await self._store.write(work, "give_back")

    async def restart(self) -> int:
        """Reap every running Job and free the outbox; for the holder of the lock alone."""
        await self._store.write(outbox.freed)
        return await self._reap(leased=True)

    async def reap(self) -> int:
        """Reap running Jobs whose lease is over."""
        return await self._reap(leased=False)

    async def _reap(self, *, leased: bool) -> int:
        when = None if leased else self._clock()
        gone = 0
        for job_id in await self._store.read(lambda s: claims.reapable(s, when)):
            gone += await self._reap_one(job_id, leased=leased)
        return gone

    async def _reap_one(self, job_id: str, *, leased: bool) -> bool:
        return await self._store.write(lambda s: claims.reap(s, self._clock(), job_id, leased=leased), "reap")

    async def cancel(self, job_id: str) -> Job:
        """Cancel a queued Job now, flag a running one; an ended one is left as it is."""
        return await self._store.write(lambda s: claims.cancel(s, self._clock(), job_id), "cancel")

    async def parcels(self, owner: str, lease_s: float, most: int = 10) -> list[Parcel]:
        """Lease the next outbox rows whose time has come."""
        return await self._store.write(lambda s: outbox.parcels(s, self._clock(), owner, _ms(lease_s), most), "parcels")

    async def delivered(self, parcel: Parcel, receipt: Receipt) -> None:
        """Close an outbox row, and end its Job."""
        await self._store.write(lambda s: outbox.delivered(s, self._clock(), parcel, receipt), "deliver")

    async def deliver_later(self, parcel: Parcel, delay_s: float) -> None:
        """Release an outbox row for another try."""
        await self._store.write(lambda s: outbox.later(s, self._clock(), parcel, _ms(delay_s)))

    async def next_due(self, what: Literal["queue", "outbox"]) -> int | None:
        """Return when the first Job or outbox row that was put off is due; it may be past."""
        return await self._store.read(lambda s: outbox.next_due(s, what))

    async def overrides(self) -> dict[str, Any]:
        """Return the operator's settings by name."""
        return await self._store.read(marks.overrides)

    async def override(self, changes: Mapping[str, Any]) -> None:
        """Write settings by name; None takes one away."""
        await self._store.write(lambda s: marks.override(s, changes))

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

    async def history(self, person: str, before: str | None, limit: int, words: str = "") -> list[Job]:
        """Return a Person's Jobs, newest first."""
        return await self._store.read(lambda s: reading.history(s, person, before, limit, words))

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

    async def take_sketch(self, raw: bytes) -> tuple[SketchInfo, tuple[str, ...]]:
        """Check, normalise and keep an attachment; raise BadSketch with the reason."""
        async with self._intakes:
            clean = await self._store.in_pool(lambda: self._intake.sketch(raw))
        digest = await self._store.in_pool(lambda: self._files.keep(clean.png, "sketch"))
        size = len(clean.png)
        await self._store.write(lambda s: claims.keep_file(s, self._clock(), digest, "sketch", size))
        return SketchInfo(digest, clean.width, clean.height), clean.notes

    async def read_png(self, raw: bytes) -> PngFacts:
        """Read the texts and pixels of a PNG somebody brings along."""
        async with self._intakes:
            return await self._store.in_pool(lambda: self._intake.png(raw))

    async def sketch(self, digest: str) -> SketchInfo | None:
        """Find a stored Sketch."""
        return await self._store.in_pool(lambda: keeping.sketch(self._files, self._store, digest))

    async def file(self, digest: str, kind: Kind) -> bytes:
        """Read bytes by digest, checked."""
        return await self._store.in_pool(lambda: self._files.read(digest, kind))

    async def form(self, picture: Picture, form: Form, *, recipe: bool) -> tuple[bytes, str]:
        """Return a stored Picture's file as it goes out, with its content type."""

        def work() -> tuple[bytes, str]:
            model = self._store.read_now(lambda s: reading.model_name(s, picture.job_id))
            master = self._files.read(picture.file_digest or "", "picture")
            return forms.form(master, picture, model, form, recipe=recipe)

        return await self._store.in_pool(work)

    async def weights(self) -> dict[WeightsFile, str]:
        """Return the digests of Model files seen before."""
        return await self._store.read(marks.weights)

    async def keep_weights(self, found: Mapping[WeightsFile, str]) -> None:
        """Keep digests of Model files."""
        await self._store.write(lambda s: marks.keep_weights(s, found))

    async def open_session(self, secret_hash: str, person: str, expires: int) -> None:
        """Keep a page's session."""
        await self._store.write(lambda s: marks.open_session(s, self._clock(), secret_hash, person, expires))

    async def session(self, secret_hash: str) -> str | None:
        """Return whose session it is, None where it is unknown or over."""
        return await self._store.read(lambda s: marks.whose(s, self._clock(), secret_hash))

    async def sweep(self) -> int:
        """Remove files that have no row and are older than an hour; at start, by the holder of the lock alone."""
        return await self._store.in_pool(lambda: keeping.sweep(self._files, self._store, self._clock()))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
