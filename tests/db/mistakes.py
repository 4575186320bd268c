"""Mistakes to plant in the Archive, each of which the state machine must catch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Subquery, case, delete, func, select, update
from sqlalchemy.orm import Session

from core.job import Job
from core.limits import Limits
from core.picture import Picture
from core.records import NewJob, Parcel, Receipt
from db import accept, claims, moves, outbox
from db.claims import Kept
from db.joblog import JobLog
from db.rows import to_job
from db.tables import JobRow, LedgerRow, OutboxRow, PictureRow


def finish_without_fence(session: Session, now: int, job_id: str, fence: int) -> JobRow:
    """Let whoever comes finish a running Job."""
    row = session.get_one(JobRow, job_id)
    return real_finish(session, now, job_id, row.fence)


def finish_without_state(session: Session, now: int, job_id: str, fence: int) -> JobRow:
    """Finish a Job that is held no more."""
    row = session.get_one(JobRow, job_id)
    if row.state == "queued" and row.fence == fence:
        return moves.end(session, row, "failed", now, "", "", "finish")
    return real_finish(session, now, job_id, fence)


def always_again(session: Session, row: JobRow) -> bool:
    """Requeue for ever."""
    return moves.waiting(session, row.id) > 0


def no_dedupe(
    session: Session, now: int, till: accept.Till, jobs: Sequence[NewJob], limits: Limits
) -> list[tuple[Job, bool]]:
    """Take whatever comes for new."""
    return real_accept(session, now, till, [replace(job, dedupe_key=till.ids.fresh()) for job in jobs], limits)


def hold_nothing(
    session: Session, now: int, till: accept.Till, jobs: Sequence[NewJob], limits: Limits
) -> list[tuple[Job, bool]]:
    """Accept without a hold in the ledger."""
    found = real_accept(session, now, till, jobs, limits)
    session.execute(delete(LedgerRow).where(LedgerRow.job_id.in_([job.id for job, new in found if new])))
    return found


def no_refund(session: Session, row: JobRow, charge: int, now: int) -> None:
    """Charge what was painted and keep the rest."""
    held = session.get_one(LedgerRow, (row.id, "hold"))
    session.add(LedgerRow(job_id=row.id, kind="charge", amount=charge, at=now, payer=held.payer))
    session.add(LedgerRow(job_id=row.id, kind="release", amount=0, at=now, payer=held.payer))


def charge_twice(session: Session, row: JobRow, charge: int, now: int) -> None:
    """Charge each Picture twice."""
    real_book(session, row, charge, now)
    session.get_one(LedgerRow, (row.id, "charge")).amount = 2 * charge


def store_without_fence(
    session: Session, now: int, job: Job, picture: Picture, kept: Kept, fresh: Callable[[], str]
) -> Picture:
    """Take a result from a Worker that lost its lease."""
    row = session.get_one(JobRow, job.id)
    picture_row = session.get_one(PictureRow, picture.id)
    if row.state != "running" or row.fence == job.fence or picture_row.state != "waiting":
        return real_store(session, now, job, picture, kept, fresh)
    found = real_store(session, now, to_job(row), picture, kept, fresh)
    picture_row.fence = job.fence
    return found


def deliver_twice(session: Session, parcel: Parcel, **values: Any) -> None:
    """Close an outbox row that another holds, or that is closed."""
    mine = update(OutboxRow).where(OutboxRow.job_id == parcel.job.id, OutboxRow.kind == parcel.kind)
    moves.changed(session, mine.values(**values, **moves.FREE))


def end_without_pictures(session: Session, row: JobRow, to: Any, now: int, *rest: str) -> JobRow:
    """Drop the Pictures of a Job that ends early."""
    mine = update(PictureRow).where(PictureRow.job_id == row.id, PictureRow.state == "stored")
    waits = session.execute(select(func.count()).where(PictureRow.job_id == row.id, PictureRow.state == "waiting"))
    if waits.scalar_one():
        moves.changed(session, mine.values(state="dropped"))
    return real_end(session, row, to, now, *rest)


def give_back_cancelled(session: Session, now: int, row: JobRow) -> JobRow:
    """Queue again what was to be cancelled: nobody will claim it."""
    moves.shift(session, row, "queued", now, "give back", fence=row.fence + 1, attempt=row.attempt - 1, **moves.FREE)
    return row


def order_without(*left_out: int) -> Callable[[int, Subquery], tuple[Any, ...]]:
    """Leave some of rank, share, age and id out of the order of service."""

    def order(now: int, by: Subquery) -> tuple[Any, ...]:
        return tuple(each for number, each in enumerate(real_order(now, by)) if number not in left_out)

    return order


def starve(now: int, by: Subquery) -> tuple[Any, ...]:
    """Let whoever stands higher be served first, however long the others wait."""
    return (JobRow.priority.desc(), *real_order(now, by)[1:])


def weight_ignored(now: int, by: Subquery) -> tuple[Any, ...]:
    """Give every Person the same share."""
    rank, _, *age = real_order(now, by)
    return rank, by.c.amount, *age


def lift_those_behind(now: int, by: Subquery) -> tuple[Any, ...]:
    """Let what runs behind all others be the first when it has waited long enough."""
    _, *others = real_order(now, by)
    rank = case((JobRow.created_at <= now - claims.STARVED_MS, 9), else_=JobRow.priority)
    return rank.desc(), *others


def reap_nobody(session: Session, now: int | None) -> list[str]:
    """Leave running Jobs to a Worker that is gone."""
    return []


def hold_on(session: Session, now: int, held: Sequence[tuple[str, int]], lease_ms: int) -> dict[str, claims.Held]:
    """Tell every Worker that it still holds its Job."""
    return {**real_beat(session, now, held, lease_ms), **{job: "held" for job, _ in held}}


def deliver_without_fence(session: Session, parcel: Parcel, **values: Any) -> None:
    """Let a courier whose lease went to another close what is open."""
    row = session.get_one(OutboxRow, (parcel.job.id, parcel.kind), populate_existing=True)
    real_close(session, replace(parcel, fence=row.fence), **values)


def never_undeliverable(session: Session, now: int, parcel: Parcel, receipt: Receipt) -> None:
    """Call delivered what could not be delivered."""
    real_delivered(session, now, parcel, replace(receipt, dead=False))


def forget_the_outbox(session: Session, row: JobRow, kind: Any, now: int) -> None:
    """Put nothing into the outbox: the end would be silent."""


def hand_out_leased(session: Session, *given: Any) -> list[Parcel]:
    """Hand out outbox rows that another holds."""
    outbox.freed(session)
    return real_parcels(session, *given)


real_finish, real_book, real_store = moves.finish, moves.book, claims.store
real_end, real_parcels, real_accept = moves.end, outbox.parcels, accept.accept
real_order, real_beat = claims.order, claims.beat
real_close, real_delivered = outbox.close, outbox.delivered

oldest_first, priority_ignored = order_without(0, 1), order_without(0)
PLANTED: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "finish_without_fence": (moves, "finish", finish_without_fence),
    "finish_without_state": (moves, "finish", finish_without_state),
    "always_again": (moves, "may_again", always_again),
    "no_dedupe": (accept, "accept", no_dedupe),
    "hold_nothing": (accept, "accept", hold_nothing),
    "no_refund": (moves, "book", no_refund),
    "charge_twice": (moves, "book", charge_twice),
    "store_without_fence": (claims, "store", store_without_fence),
    "deliver_twice": (outbox, "close", deliver_twice),
    "end_without_pictures": (moves, "end", end_without_pictures),
    "give_back_cancelled": (moves, "give_back", give_back_cancelled),
    "oldest_first": (claims, "order", oldest_first),
    "hand_out_leased": (outbox, "parcels", hand_out_leased),
    "priority_ignored": (claims, "order", priority_ignored),
    "weight_ignored": (claims, "order", weight_ignored),
    "starve": (claims, "order", starve),
    "lift_those_behind": (claims, "order", lift_those_behind),
    "reap_the_living": (JobLog, "reap", JobLog.restart),
    "reap_nobody": (claims, "reapable", reap_nobody),
    "hold_on": (claims, "beat", hold_on),
    "deliver_without_fence": (outbox, "close", deliver_without_fence),
    "never_undeliverable": (outbox, "delivered", never_undeliverable),
    "forget_the_outbox": (moves, "post", forget_the_outbox),
}
