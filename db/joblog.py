"""The moves of Jobs, from accept to delivered: each verb is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from core.errors import Lost
from core.job import Job
from core.limits import Limits
from core.picture import Picture
from core.progress import Painted
from core.records import Clock, CrashPoint, NewJob, Parcel, Receipt, Reply
from db import accept, claims, deciding, erasing, keeping, moves, outbox
from db.audits import AuditLog
from db.files import Files
from db.rows import to_job
from db.session import ACCEPT_MS

UNSEEN_MS = 60_000
"""A program whose line to the database broke has its name back before its promises are so old."""


@dataclass(frozen=True, slots=True)
class JobLog(AuditLog):
    """Be the part of the Archive that moves Jobs."""

    _till: accept.Till
    _clock: Clock
    _at: CrashPoint
    _files: Files
    _alone: bool

    async def accept(self, jobs: Sequence[NewJob], limits: Limits) -> list[tuple[Job, bool]]:
        """Write Jobs within the Limits, all or none; (Job, False) where one was there."""

        def work(session: Session) -> list[tuple[Job, bool]]:
            if self._store.damaged is not None:
                raise self._store.damaged
            return accept.accept(session, self._clock(), self._till, jobs, limits)

        return await self._store.write(work, "accept", ACCEPT_MS)

    async def claim(
        self, owner: str, lease_s: float, *, besides: Sequence[str] = ()
    ) -> tuple[Job, tuple[Picture, ...]] | None:
        """Take the next Job of the least-served Person, of others than `besides`."""
        return await self._store.write(lambda s: claims.claim(s, self._clock(), owner, _ms(lease_s), besides), "claim")

    async def beat(self, held: Sequence[tuple[str, int]], lease_s: float) -> dict[str, claims.Held]:
        """Lengthen leases; say for each whether it is held, to be cancelled or lost."""
        return await self._store.write(lambda s: claims.beat(s, self._clock(), held, _ms(lease_s)))

    async def store(self, job: Job, picture: Picture, painted: Painted) -> Picture:
        """Write the file, then the row under the Job's fence."""
        kept = await self._store.in_pool(lambda: keeping.keep(self._files, self._store, picture, painted))

        def work(session: Session) -> Picture:
            self._at("after_picture_file")
            there = keeping.still(self._files, kept, painted)
            return claims.store(session, self._clock(), job, picture, there, self._till.ids.fresh)

        try:
            return await self._store.write(work, "store")
        except Lost:
            await self._store.write(lambda s: erasing.orphans(s, self._files, job.id, kept.files))
            raise

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
        """Reap every running Job and free the outbox; for the holder of the lock alone.

        Where other programs may hold some, only those whose lease is over.
        """
        if not self._alone:
            return await self.reap()
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

    async def parcels(
        self, owner: str, lease_s: float, most: int = 10, faces: Collection[str] | None = None
    ) -> list[Parcel]:
        """Lease the next outbox rows whose time has come, of all Faces or of some."""

        def work(session: Session) -> list[Parcel]:
            return outbox.parcels(session, self._clock(), owner, _ms(lease_s), most, faces)

        return await self._store.write(work, "parcels")

    async def message_id(self, job_id: str) -> str | None:
        """Return the chat's own id of the message a Job's end was delivered in."""
        return await self._store.read(lambda s: outbox.message_id(s, job_id))

    async def delivered(self, parcel: Parcel, receipt: Receipt) -> None:
        """Close an outbox row, and end its Job."""
        await self._store.write(lambda s: outbox.delivered(s, self._clock(), parcel, receipt), "deliver")

    async def deliver_later(self, parcel: Parcel, delay_s: float) -> None:
        """Release an outbox row for another try."""
        await self._store.write(lambda s: outbox.later(s, self._clock(), parcel, _ms(delay_s)))

    async def cards_stand(self, message_ids: Mapping[str, str]) -> None:
        """Write down where cards stand."""
        await self._store.write(lambda s: outbox.cards_stand(s, message_ids))

    async def open_jobs(self, server: str) -> list[Job]:
        """Return the open Jobs of one server."""
        return await self._store.read(lambda s: deciding.open_jobs(s, server))

    @property
    def alone(self) -> bool:
        """Say whether no other program writes to this database."""
        return self._alone

    async def promise(self, reply: Reply) -> None:
        """Write down that an answer is promised, before there is a Job; by its name others know who lives."""
        store = self._store
        if not store.locks.holds(store.name):
            await store.in_pool(lambda: store.locks.take(store.name))

        def work(session: Session) -> None:
            session.add(outbox.promise_row(self._clock(), store.name, reply))

        await store.write(work, "promise")

    async def promises(self) -> list[Reply]:
        """Return the promises behind which no Job stands and no living program."""
        store = self._store
        makers = await store.read(lambda s: outbox.promisers(s, store.name))
        gone = await store.in_pool(lambda: store.locks.gone(makers))
        # Read again: whoever is gone by now may have kept theirs since.
        until = self._clock() if self._alone else self._clock() - UNSEEN_MS
        return await store.read(lambda s: outbox.promises(s, store.name, gone, until)) if gone else []

    async def promise_over(self, token: str) -> None:
        """Strike a promise out."""
        await self._store.write(lambda s: outbox.promise_over(s, token))

    async def next_due(
        self,
        what: Literal["queue", "outbox"],
        owner: str = "",
        faces: Collection[str] | None = None,
        *,
        besides: Sequence[str] = (),
    ) -> int | None:
        """Return when the first Job or outbox row that was put off is due; it may be past."""
        return await self._store.read(lambda s: outbox.next_due(s, what, owner, faces, besides))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
