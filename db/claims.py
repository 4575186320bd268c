"""Who is served next, and what may be done under a claim: beat, store, fail one Picture, cancel, reap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    Select,
    Subquery,
    and_,
    case,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from core.errors import Lost, NotFound
from core.job import Job
from core.pace import Standing
from core.picture import Companion, Picture
from core.rules import MOST_PRIORITY
from core.wording import CANCELLED, painter_stopped
from db import companions, gallery, moves
from db.rows import to_job, to_picture
from db.tables import FileRow, JobRow, LedgerRow, OverrideRow, PictureRow

SERVED_MS = 3_600_000
STARVED_MS = 120_000
"""After so long a wait no Job is overtaken for another's priority: it stands with the highest."""

OPEN_JOBS = JobRow.state.in_(("queued", "running"))

Held = Literal["held", "cancel", "lost"]


def served(now: int) -> Subquery:
    """Return by payer what open Jobs hold and what was charged within the last hour; erasing resets neither."""
    held = (
        select(LedgerRow.payer, LedgerRow.amount)
        .join(JobRow, JobRow.id == LedgerRow.job_id)
        .where(LedgerRow.kind == "hold", OPEN_JOBS)
    )
    charged = select(LedgerRow.payer, LedgerRow.amount).where(
        LedgerRow.kind == "charge", LedgerRow.at > now - SERVED_MS
    )
    both = union_all(held, charged).subquery()
    return select(both.c.payer, func.sum(both.c.amount).label("amount")).group_by(both.c.payer).subquery()


def _ranked(by: Subquery) -> Select[JobRow]:
    """Return open Jobs beside what their payers were served."""
    return (
        select(JobRow)
        .join(LedgerRow, and_(LedgerRow.job_id == JobRow.id, LedgerRow.kind == "hold"))
        .join(by, by.c.payer == LedgerRow.payer)
        .where(OPEN_JOBS)
    )


def order(now: int, by: Subquery) -> tuple[Any, ...]:
    """Return the order of service: priority, until it would starve others; then least served by weight; then age."""
    starved = and_(JobRow.priority >= 0, JobRow.created_at <= now - STARVED_MS)
    rank = case((starved, MOST_PRIORITY), else_=JobRow.priority)
    return rank.desc(), by.c.amount * 1.0 / JobRow.weight, JobRow.created_at, JobRow.id


def paused(session: Session) -> bool:
    """Say whether the owner lets nothing be painted."""
    return session.get(OverrideRow, "paused") is not None


def claim(
    session: Session, now: int, owner: str, lease_ms: int, besides: Sequence[str] = ()
) -> tuple[Job, tuple[Picture, ...]] | None:
    """Take the next Job of the least-served Person, of others than `besides`."""
    if paused(session):
        return None
    by = served(now)
    row = session.scalars(
        _ranked(by)
        .where(JobRow.state == "queued", JobRow.not_before <= now, JobRow.cancel_requested.is_(False))
        .where(JobRow.person.not_in(besides))
        .order_by(*order(now, by))
        .limit(1)
        .with_for_update(of=JobRow, skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    moves.shift(
        session,
        row,
        "running",
        now,
        "claim",
        attempt=row.attempt + 1,
        fence=row.fence + 1,
        lease_owner=owner,
        lease_until=now + lease_ms,
        started_at=row.started_at or now,
    )
    mine = select(PictureRow).where(PictureRow.job_id == row.id, PictureRow.state == "waiting").order_by(PictureRow.idx)
    return to_job(row), tuple(to_picture(picture) for picture in session.scalars(mine))


def line(session: Session, now: int) -> list[Standing]:
    """Return every open Job, running ones first, then in the order they will be claimed, with what is left of each."""
    by = served(now)
    left = (
        select(PictureRow.job_id, func.count().label("pictures"), func.sum(PictureRow.cost).label("cost"))
        .where(PictureRow.state == "waiting", PictureRow.job_id.in_(select(JobRow.id).where(OPEN_JOBS)))
        .group_by(PictureRow.job_id)
        .subquery()
    )
    rows = session.execute(
        _ranked(by)
        .join(left, left.c.job_id == JobRow.id)
        # A Job behind all others steps aside for them, so nobody stands in line after it.
        .where(JobRow.priority >= 0, or_(JobRow.state == "running", JobRow.cancel_requested.is_(False)))
        .with_only_columns(JobRow.id, JobRow.state, left.c.pictures, left.c.cost)
        .order_by(JobRow.state.desc(), *order(now, by))
    )
    return [Standing(job_id, state == "running", int(pictures), int(cost)) for job_id, state, pictures, cost in rows]


def beat(session: Session, now: int, held: Sequence[tuple[str, int]], lease_ms: int) -> dict[str, Held]:
    """Lengthen leases; say for each Job whether it is held, to be cancelled or lost."""
    found: dict[str, Held] = {}
    for job_id, fence in held:
        mine = update(JobRow).where(JobRow.id == job_id, JobRow.state == "running", JobRow.fence == fence)
        if moves.changed(session, mine.values(lease_until=now + lease_ms)) != 1:
            found[job_id] = "lost"
            continue
        asked = session.execute(select(JobRow.cancel_requested).where(JobRow.id == job_id)).scalar_one()
        found[job_id] = "cancel" if asked else "held"
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """What is written of a Picture whose file is on the disk; fingerprint and verdict as JSON.

    beside: what is kept beside it, with the bytes of each file.
    """

    pixels_digest: str
    file_digest: str
    bytes: int
    width: int
    height: int
    fingerprint: str
    verdict: str | None
    beside: tuple[tuple[Companion, int], ...] = ()

    @property
    def files(self) -> Mapping[str, int]:
        """Return the bytes of every file by digest."""
        return {self.file_digest: self.bytes, **{each.file_digest or "": size for each, size in self.beside}}


def store(session: Session, now: int, job: Job, picture: Picture, kept: Kept, fresh: Callable[[], str]) -> Picture:
    """Write the rows of a Picture whose files are durable, under the Job's fence; fresh: gives out ids."""
    row = moves.hold(session, job.id, job.fence)
    mine = update(PictureRow).where(
        PictureRow.id == picture.id, PictureRow.job_id == row.id, PictureRow.state == "waiting"
    )
    values = {
        "pixels_digest": kept.pixels_digest,
        "file_digest": kept.file_digest,
        "width": kept.width,
        "height": kept.height,
        "fingerprint": kept.fingerprint,
        "verdict": kept.verdict,
        "fence": job.fence,
        "stored_at": now,
    }
    if moves.changed(session, mine.values(state="stored", **values)) != 1:
        raise Lost("This picture no longer waits.", "Whoever holds the job goes on.")
    for file_digest, size in kept.files.items():
        keep_file(session, now, file_digest, "picture", size)
    beside = tuple(each for each, _ in kept.beside)
    companions.keep(session, now, picture.id, beside, fresh)
    moves.shift(session, row, "running", now, f"store {picture.index}")
    gallery.keep(session, now, job, picture)
    return to_picture(session.get_one(PictureRow, picture.id, populate_existing=True), beside)


def keep_file(session: Session, now: int, digest: str, kind: str, size: int) -> None:
    """Write the row of a file, where there is none."""
    if session.get(FileRow, (digest, kind)) is None:
        session.add(FileRow(digest=digest, kind=kind, bytes=size, created_at=now))
        session.flush()


def fail_picture(session: Session, now: int, job: Job, picture: Picture, code: str, words: str) -> None:
    """Move one Picture to failed under the Job's fence."""
    row = moves.hold(session, job.id, job.fence)
    mine = update(PictureRow).where(
        PictureRow.id == picture.id, PictureRow.job_id == row.id, PictureRow.state == "waiting"
    )
    if moves.changed(session, mine.values(state="failed", error_code=code, error_text=words, fence=job.fence)) != 1:
        raise Lost("This picture no longer waits.", "Whoever holds the job goes on.")
    moves.shift(session, row, "running", now, f"fail {picture.index} {code}: {words}")


def cancel(session: Session, now: int, job_id: str) -> Job:
    """Cancel a queued Job, flag a running one, leave an ended one."""
    row = moves.locked(session, job_id)
    if row is None:
        raise NotFound("There is no such job.", "Look for it with /queue.")
    if row.state == "queued":
        moves.end(session, row, "cancelled", now, "cancelled", CANCELLED, "cancel")
    elif row.state == "running" and not row.cancel_requested:
        moves.shift(session, row, "running", now, "cancel asked", cancel_requested=True)
    return to_job(row)


def reapable(session: Session, now: int | None) -> list[str]:
    """Return the running Jobs whose lease is over at `now`, or all of them."""
    mine = select(JobRow.id).where(JobRow.state == "running").order_by(JobRow.id)
    if now is not None:
        mine = mine.where(JobRow.lease_until < now)
    return list(session.scalars(mine))


def reap(session: Session, now: int, job_id: str, *, leased: bool) -> bool:
    """Take a Job from a Worker that is gone; False where it has moved on or, unless `leased`, is held again."""
    row = moves.locked(session, job_id)
    if row is None or row.state != "running" or not leased and (row.lease_until or 0) >= now:
        return False
    # What killed its Worker twice runs alone from then on.
    moves.requeue(session, now, row, "worker_lost", painter_stopped(row.attempt), solo=row.attempt >= 2)
    return True
