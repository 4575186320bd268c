"""Accepting Jobs: what a Person has used, the Limits, and all rows of a Job or none."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from core.errors import DiskFull
from core.job import MAX_ATTEMPTS, Job
from core.limits import DAY_MS, MINUTE_MS, Limits, Usage, leaves
from core.recipe import canonical, digest
from core.records import NewJob, NewPicture
from db import holding, moves, outbox
from db.claims import OPEN_JOBS
from db.companions import PICTURE
from db.ids import Ulids
from db.rows import pack, to_job
from db.tables import JobRow, LedgerRow, PictureRow


@dataclass(frozen=True, slots=True)
class Till:
    """Hold what accepting needs beside the database: ids, the payer's key and the room on the disk."""

    ids: Ulids
    payer_key: bytes
    least_free: int
    free_bytes: Callable[[], int]

    def payer(self, person: str) -> str:
        """Return a Person's name in the ledger; it says nothing without the key."""
        return hmac.new(self.payer_key, person.encode(), hashlib.sha256).hexdigest()


def accept(session: Session, now: int, till: Till, jobs: Sequence[NewJob], limits: Limits) -> list[tuple[Job, bool]]:
    """Write the Jobs that are new, all or none; (Job, False) stands for one that was there."""
    for person in sorted({job.person.id for job in jobs}):
        one_at_a_time(session, till.payer(person))
    fresh: dict[str, NewJob] = {}
    for job in jobs:
        if job.dedupe_key not in fresh and known(session, job.dedupe_key) is None:
            fresh[job.dedupe_key] = job
    if fresh and till.free_bytes() < till.least_free:
        raise DiskFull("The disk is almost full: not accepted, nothing charged.", "The owner must make room.")
    for job in fresh.values():
        holding.admit(session, job)
    for person in sorted({job.person.id for job in fresh.values()}):
        mine = [job for job in fresh.values() if job.person.id == person]
        used = usage(session, now, till, person)
        cost = sum(job.cost for job in mine)
        if limits.exceeded(used, len(mine), cost):
            used = opens(session, now, till, person, limits, len(mine), cost)
        limits.check(used, len(mine), cost)
    rows = {key: _write(session, now, till, job) for key, job in fresh.items()}
    for row in rows.values():
        moves.log(session, row, "", now, "accept", None)
    found: list[tuple[Job, bool]] = []
    for job in jobs:
        there = known(session, job.dedupe_key)
        assert there is not None
        # The second of two alike is not new either.
        found.append((to_job(there), rows.pop(job.dedupe_key, None) is not None))
    return found


# Built once: each ask runs them, and to build one takes longer than to run it.
KNOWN = select(JobRow).where(JobRow.dedupe_key == bindparam("dedupe_key"))
OPEN = select(func.count(), func.coalesce(func.sum(JobRow.cost), 0)).where(
    JobRow.person == bindparam("person"), OPEN_JOBS
)
HELD = select(func.count(), func.min(LedgerRow.at)).where(
    LedgerRow.payer == bindparam("payer"), LedgerRow.kind == "hold", LedgerRow.at > bindparam("since")
)
CHARGED = select(func.coalesce(func.sum(LedgerRow.amount), 0), func.min(LedgerRow.at)).where(
    LedgerRow.payer == bindparam("payer"),
    LedgerRow.kind == "charge",
    LedgerRow.amount > 0,
    LedgerRow.at > bindparam("since"),
)


def known(session: Session, dedupe_key: str) -> JobRow | None:
    """Find the Job that was accepted under this key."""
    return session.scalars(KNOWN, {"dedupe_key": dedupe_key}).one_or_none()


def usage(session: Session, now: int, till: Till, person: str) -> Usage:
    """Return what a Person has used: windows from the ledger, which erasing leaves alone."""
    payer = till.payer(person)
    waiting, held = session.execute(OPEN, {"person": person}).one()
    count, oldest = session.execute(HELD, {"payer": payer, "since": now - MINUTE_MS}).one()
    charged, first = session.execute(CHARGED, {"payer": payer, "since": now - DAY_MS}).one()
    return Usage(
        waiting=int(waiting),
        minute=int(count),
        minute_opens=None if oldest is None else int(oldest) + MINUTE_MS,
        day_cost=int(held) + int(charged),
        day_opens=None if first is None else int(first) + DAY_MS,
    )


def opens(session: Session, now: int, till: Till, person: str, limits: Limits, jobs: int, cost: int) -> Usage:
    """Return what a Person has used, with the exact times at which so much more fits into each window.

    None where it fits now, or where only the end of a Job makes room.
    """
    used, payer = usage(session, now, till, person), till.payer(person)
    asked = select(LedgerRow.at).where(LedgerRow.kind == "hold", LedgerRow.at > now - MINUTE_MS)
    times = list(session.scalars(asked.where(LedgerRow.payer == payer).order_by(LedgerRow.at)))
    paid = select(LedgerRow.at, LedgerRow.amount).where(
        LedgerRow.payer == payer, LedgerRow.kind == "charge", LedgerRow.amount > 0, LedgerRow.at > now - DAY_MS
    )
    charges = [(int(at), int(amount)) for at, amount in session.execute(paid.order_by(LedgerRow.at))]
    minute = leaves([(at, 1) for at in times], used.minute + jobs - limits.per_minute)
    day = leaves(charges, used.day_cost + cost - limits.day_cost)
    return replace(
        used,
        minute_opens=None if minute is None or not limits.per_minute else minute + MINUTE_MS,
        day_opens=None if day is None or not limits.day_cost else day + DAY_MS,
    )


def one_at_a_time(session: Session, payer: str) -> None:
    """Let no second program accept or erase for the same Person until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:payer, 0))"), {"payer": payer})


def _write(session: Session, now: int, till: Till, job: NewJob) -> JobRow:
    row = JobRow(
        id=till.ids.fresh(),
        dedupe_key=job.dedupe_key,
        person=job.person.id,
        place=job.place.detail,
        face=job.place.face,
        kind=job.kind,
        typed=job.typed,
        model=job.model,
        notes=pack(list(job.notes)),
        sketch=job.sketch,
        state="queued",
        priority=-1 if job.behind else job.priority,
        weight=job.weight,
        cost=job.cost,
        attempt=0,
        max_attempts=MAX_ATTEMPTS,
        solo=False,
        fence=0,
        not_before=0,
        cancel_requested=False,
        created_at=now,
    )
    session.add(row)
    session.flush()
    session.add_all(_picture(till.ids.fresh(), row, index, new) for index, new in enumerate(job.pictures))
    holding.use(session, job)
    session.add(LedgerRow(job_id=row.id, kind="hold", amount=row.cost, at=now, payer=till.payer(row.person)))
    if job.reply is not None and not outbox.take_over(session, row.id, job.reply):
        session.add(outbox.reply_row(row.id, job.reply))
    session.flush()
    return row


def _picture(picture_id: str, job: JobRow, index: int, new: NewPicture) -> PictureRow:
    return PictureRow(
        id=picture_id,
        job_id=job.id,
        idx=index,
        person=job.person,
        role=PICTURE,
        parent_id=new.parent_id,
        recipe=canonical(new.recipe),
        recipe_digest=digest(new.recipe),
        seed=new.recipe.seed,
        cost=new.cost,
        state="waiting",
        verdict=None if new.replay is None else pack({"replay": new.replay.as_json()}),
    )
