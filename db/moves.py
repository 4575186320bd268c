"""The one way a Job changes state: guarded by state and fence, logged, and settled once."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from sqlalchemy import CursorResult, Update, func, select, text, update
from sqlalchemy.orm import Session

from core.errors import Lost
from core.job import MOVES
from core.wording import CANCELLED
from db import shared
from db.tables import JobRow, LedgerRow, MoveRow, OutboxRow, PictureRow

FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None}
"""The columns of a Job that nobody holds."""

BACKOFF_MS = 2_000
# Two programs on PostgreSQL must log in the order they commit, or a reader that pages by id would miss a move.
MOVES_LOCK = 5_401_723


def changed(session: Session, statement: Update) -> int:
    """Run an update and return how many rows it changed."""
    found = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(found, CursorResult)
    return found.rowcount


def hold(session: Session, job_id: str, fence: int) -> JobRow:
    """Lock a running Job under its fence and return its row; raise Lost where somebody else goes on with it."""
    mine = update(JobRow).where(JobRow.id == job_id, JobRow.state == "running", JobRow.fence == fence)
    if changed(session, mine.values(fence=JobRow.fence)) != 1:
        raise Lost("This job is no longer held here.", "Whoever holds it goes on.")
    return session.get_one(JobRow, job_id, populate_existing=True)


def locked(session: Session, job_id: str) -> JobRow | None:
    """Return a Job's row, locked where the database locks rows; None where there is none."""
    mine = select(JobRow).where(JobRow.id == job_id).with_for_update()
    return session.scalars(mine, execution_options={"populate_existing": True}).one_or_none()


def shift(session: Session, row: JobRow, to: str, now: int, why: str, **values: Any) -> None:
    """Move a Job from the state and fence its row shows, and log it; raise Lost where they are others by now."""
    came = row.state
    if not any((came, to) == move for move in MOVES):
        raise ValueError(f"a job cannot go from {came} to {to}")
    worker = row.lease_owner or values.get("lease_owner")
    mine = update(JobRow).where(JobRow.id == row.id, JobRow.state == came, JobRow.fence == row.fence)
    if changed(session, mine.values(state=to, **values)) != 1:
        raise Lost("This job has moved on.", "Look at it again.")
    session.refresh(row)
    log(session, row, came, now, why, worker)


def log(session: Session, row: JobRow, came: str, now: int, why: str, worker: str | None) -> None:
    """Write one row of `moves`."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({MOVES_LOCK})"))
    session.add(
        MoveRow(
            job_id=row.id,
            at=now,
            from_state=came,
            to_state=row.state,
            attempt=row.attempt,
            fence=row.fence,
            worker=worker,
            why=why,
        )
    )
    session.flush()
    shared.moved(session)


def finish(session: Session, now: int, job_id: str, fence: int) -> JobRow:
    """Settle a running Job whose Pictures are all stored or failed."""
    row = hold(session, job_id, fence)
    if waiting(session, row.id):
        raise ValueError(f"job {job_id} has pictures that still wait")
    failed = (
        select(PictureRow).where(PictureRow.job_id == row.id, PictureRow.state == "failed").order_by(PictureRow.idx)
    )
    first = session.scalars(failed).first()
    code, words = (first.error_code or "", first.error_text or "") if first else ("", "")
    return end(session, row, "failed", now, code, words, "finish")


def requeue(session: Session, now: int, row: JobRow, code: str, words: str, *, solo: bool) -> JobRow:
    """Give a running Job another attempt later, or end it where none is left."""
    if not may_again(session, row):
        return end(session, row, "cancelled" if row.cancel_requested else "failed", now, code, words, "requeue")
    later = now + BACKOFF_MS * 2 ** (row.attempt - 1)
    values = {"not_before": later, "solo": row.solo or solo, "error_code": code, "error_text": words}
    shift(session, row, "queued", now, f"requeue {code}: {words}", **values, **FREE)
    return row


def may_again(session: Session, row: JobRow) -> bool:
    """Say whether a Job has an attempt left and something left to paint."""
    return row.attempt < row.max_attempts and not row.cancel_requested and waiting(session, row.id) > 0


def give_back(session: Session, now: int, row: JobRow) -> JobRow:
    """Return a running Job to the queue without counting the attempt; one with nothing left to paint ends here."""
    if row.cancel_requested:
        return end(session, row, "cancelled", now, "cancelled", CANCELLED, "give back")
    if not waiting(session, row.id):
        return finish(session, now, row.id, row.fence)
    values = {"fence": row.fence + 1, "attempt": row.attempt - 1}
    shift(session, row, "queued", now, "give back", **values, **FREE)
    return row


def end(
    session: Session, row: JobRow, to: Literal["failed", "cancelled"], now: int, code: str, words: str, why: str
) -> JobRow:
    """End a Job: rendered with the Pictures it has, else as `to`; drop the rest, settle, put it into the outbox."""
    pictures = session.execute(
        select(func.count(), func.coalesce(func.sum(PictureRow.cost), 0)).where(
            PictureRow.job_id == row.id, PictureRow.state == "stored"
        )
    ).one()
    stored, charge = int(pictures[0]), int(pictures[1])
    left = update(PictureRow).where(PictureRow.job_id == row.id, PictureRow.state == "waiting")
    changed(session, left.values(state="dropped"))
    book(session, row, charge, now)
    post(session, row, "result" if stored else "apology", now)
    values: dict[str, Any] = {"error_code": code or None, "error_text": words or None, **FREE}
    if stored:
        shift(session, row, "rendered", now, why, rendered_at=now, **values)
    else:
        shift(session, row, to, now, f"{why} {code}: {words}", ended_at=now, **values)
    return row


def book(session: Session, row: JobRow, charge: int, now: int) -> None:
    """Write charge and release, once: together they are the hold."""
    held = session.get_one(LedgerRow, (row.id, "hold"))
    for kind, amount in (("charge", charge), ("release", held.amount - charge)):
        session.add(LedgerRow(job_id=row.id, kind=kind, amount=amount, at=now, payer=held.payer))
    session.flush()


def post(session: Session, row: JobRow, kind: Literal["result", "apology"], now: int) -> None:
    """Put a result or an apology into the outbox."""
    session.add(
        OutboxRow(
            job_id=row.id,
            kind=kind,
            nonce=nonce(row.id, kind),
            via=row.face,
            state="todo",
            tries=0,
            next_try=now,
            fence=0,
        )
    )
    session.flush()


def nonce(job_id: str, kind: str) -> str:
    """Return 25 signs that are one message's own: a chat takes no more, and a Job may have two."""
    return hashlib.sha256(f"{job_id}/{kind}".encode()).hexdigest()[:25]


def waiting(session: Session, job_id: str) -> int:
    """Return how many Pictures of a Job are still to be painted."""
    mine = select(func.count()).where(PictureRow.job_id == job_id, PictureRow.state == "waiting")
    return int(session.execute(mine).scalar_one())
