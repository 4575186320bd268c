"""The outbox: what is to be delivered, leased like Jobs, closed once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, case, delete, exists, func, not_, or_, select, true, update
from sqlalchemy.orm import Session

from core.errors import Lost
from core.records import Parcel, Receipt, Reply
from db import moves, reading
from db.claims import paused
from db.rows import to_job, to_reply
from db.tables import JobRow, OutboxRow, ReplyRow


def parcels(
    session: Session, now: int, owner: str, lease_ms: int, most: int, faces: Collection[str] | None
) -> list[Parcel]:
    """Lease the next rows whose time has come; the tries told are those made before."""
    spent = update(ReplyRow).where(ReplyRow.expires_at <= now, ReplyRow.token != "")
    moves.changed(session, spent.values(token=""))
    due = session.scalars(
        select(OutboxRow)
        .where(
            OutboxRow.state == "todo",
            OutboxRow.next_try <= now,
            or_(OutboxRow.lease_until.is_(None), OutboxRow.lease_until < now),
            _of(faces),
        )
        .order_by(OutboxRow.next_try, OutboxRow.job_id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    return [_lease(session, row, owner, now + lease_ms) for row in due]


def _lease(session: Session, row: OutboxRow, owner: str, until: int) -> Parcel:
    tries = row.tries
    row.lease_owner, row.lease_until = owner, until
    row.fence, row.tries = row.fence + 1, tries + 1
    session.flush()
    job = session.get_one(JobRow, row.job_id)
    reply = session.scalars(select(ReplyRow).where(ReplyRow.job_id == job.id)).one_or_none()
    return Parcel(
        kind="result" if row.kind == "result" else "apology",
        job=to_job(job),
        pictures=reading.pictures(session, [job.id])[job.id],
        nonce=row.nonce,
        tries=tries,
        fence=row.fence,
        reply=None if reply is None else to_reply(reply),
    )


def _of(faces: Collection[str] | None) -> ColumnElement[bool]:
    """Narrow outbox rows to Jobs of some Faces."""
    if faces is None:
        return true()
    return exists().where(JobRow.id == OutboxRow.job_id, JobRow.face.in_(sorted(faces)))


def close(session: Session, parcel: Parcel, **values: Any) -> None:
    """Change an outbox row under its fence and give up the lease; raise Lost where another holds it or it is closed."""
    mine = update(OutboxRow).where(
        OutboxRow.job_id == parcel.job.id,
        OutboxRow.kind == parcel.kind,
        OutboxRow.state == "todo",
        OutboxRow.fence == parcel.fence,
        OutboxRow.lease_owner.is_not(None),
    )
    if moves.changed(session, mine.values(**values, **moves.FREE)) != 1:
        raise Lost("This delivery is no longer held here.", "Whoever holds it goes on.")


def delivered(session: Session, now: int, parcel: Parcel, receipt: Receipt) -> None:
    """Close an outbox row and, for a result, end its Job; the reply's token has done its work."""
    close(session, parcel, state="dead" if receipt.dead else "done", message_id=receipt.message_id or None)
    moves.changed(session, update(ReplyRow).where(ReplyRow.job_id == parcel.job.id).values(token=""))
    if parcel.kind == "result":
        row = session.get_one(JobRow, parcel.job.id, populate_existing=True)
        to, why = ("undeliverable", "drop") if receipt.dead else ("delivered", "deliver")
        moves.shift(session, row, to, now, f"{why} {receipt.why}".strip(), ended_at=now)


def later(session: Session, now: int, parcel: Parcel, delay_ms: int) -> None:
    """Give an outbox row back for another try."""
    close(session, parcel, next_try=now + delay_ms)


def freed(session: Session) -> None:
    """Take every lease off the outbox: whoever held one is gone."""
    held = update(OutboxRow).where(OutboxRow.state == "todo", OutboxRow.lease_owner.is_not(None))
    moves.changed(session, held.values(**moves.FREE))


def cards_stand(session: Session, message_ids: Mapping[str, str]) -> None:
    """Write down the message ids of cards; who was asked by a message keeps the one that is answered."""
    for job_id, message_id in message_ids.items():
        mine = update(ReplyRow).where(ReplyRow.job_id == job_id, ReplyRow.application_id != "")
        moves.changed(session, mine.values(message_id=message_id))


def promise_row(now: int, promiser: str, reply: Reply) -> ReplyRow:
    """Return the row of a promise, and who made it."""
    row = reply_row(None, reply)
    row.promiser, row.promised_at = promiser, now
    return row


def reply_row(job_id: str | None, reply: Reply) -> ReplyRow:
    """Return the row of what a chat gave to answer by; without a Job it is a promise."""
    return ReplyRow(
        job_id=job_id,
        application_id=reply.application_id,
        token=reply.token,
        channel_id=reply.channel_id,
        message_id=reply.message_id,
        expires_at=reply.expires_at,
    )


def take_over(session: Session, job_id: str, reply: Reply) -> bool:
    """Put a Job behind the promise of an answer; False where there is none left, as for all but an ask's first Job."""
    mine = update(ReplyRow).where(ReplyRow.job_id.is_(None), ReplyRow.token == reply.token)
    return reply.promised and moves.changed(session, mine.values(job_id=job_id)) == 1


def promisers(session: Session, besides: str) -> set[str | None]:
    """Return which other programs made promises behind which no Job stands."""
    return set(session.scalars(_others(select(ReplyRow.promiser).distinct(), besides)))


def promises(session: Session, besides: str, gone: Collection[str | None], until: int) -> list[Reply]:
    """Return the promises of programs that are gone, made until then, behind which no Job stands."""
    made = or_(ReplyRow.promised_at.is_(None), ReplyRow.promised_at <= until)
    rows = session.scalars(_others(select(ReplyRow), besides).where(made).order_by(ReplyRow.id))
    return [to_reply(row) for row in rows if row.promiser in gone]


def _others(rows: Select[Any], besides: str) -> Select[Any]:
    mine = func.coalesce(ReplyRow.promiser, "") == besides
    return rows.where(ReplyRow.job_id.is_(None), not_(mine))


def promise_over(session: Session, token: str) -> None:
    """Strike a promise out, and with it all whose time is over."""
    session.execute(delete(ReplyRow).where(ReplyRow.job_id.is_(None), ReplyRow.token.in_((token, ""))))


def next_due(
    session: Session,
    what: Literal["queue", "outbox"],
    owner: str,
    faces: Collection[str] | None,
    besides: Sequence[str] = (),
) -> int | None:
    """Return when the first Job, or outbox row, that was put off or is leased by another is due; past ones too."""
    if what == "queue":
        if paused(session):
            return None
        jobs = select(func.min(JobRow.not_before)).where(
            JobRow.state == "queued", JobRow.not_before > 0, JobRow.cancel_requested.is_(False)
        )
        jobs = jobs.where(JobRow.person.not_in(besides))
        theirs = select(func.min(JobRow.lease_until + 1)).where(JobRow.state == "running", JobRow.lease_owner != owner)
        return min((due for due in map(session.scalar, (jobs, theirs)) if due is not None), default=None)
    leased = OutboxRow.lease_until.is_not(None)
    when = case((leased, OutboxRow.lease_until + 1), else_=OutboxRow.next_try)
    rows = select(func.min(when)).where(OutboxRow.state == "todo", or_(leased, OutboxRow.tries > 0), _of(faces))
    # A token is wiped when it is over, though its Job still waits.
    tokens = select(func.min(ReplyRow.expires_at)).where(ReplyRow.token != "")
    return min((due for each in (rows, tokens) if (due := session.execute(each).scalar()) is not None), default=None)


def message_id(session: Session, job_id: str) -> str | None:
    """Return the chat's own id of the message a Job's end was delivered in."""
    mine = select(OutboxRow.message_id).where(OutboxRow.job_id == job_id, OutboxRow.state == "done")
    return session.scalars(mine.order_by(OutboxRow.kind.desc()).limit(1)).one_or_none()
