"""The state machine on SQLite and PostgreSQL, and a list of planted mistakes that it must catch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.job import Job
from core.picture import Picture
from core.records import Parcel
from db import accept, claims, moves, outbox
from db.claims import Kept
from db.rows import to_job, to_picture
from db.tables import JobRow, LedgerRow, OutboxRow, PictureRow
from tests.db.machine import ArchiveMachine
from tests.db.model import on_sqlite
from tests.support.postgres import Cluster

# Making a failure small takes minutes; add Phase.shrink when there is one to be read.
FOUND = [Phase.explicit, Phase.reuse, Phase.generate]
EVERY_DAY = settings(
    max_examples=12, stateful_step_count=20, deadline=None, phases=FOUND, suppress_health_check=list(HealthCheck)
)
FEW = settings(EVERY_DAY, max_examples=4)
HUNT = settings(EVERY_DAY, max_examples=80, stateful_step_count=10, database=None, derandomize=True)


@pytest.fixture
def machine(pool: ThreadPoolExecutor) -> Iterator[type[ArchiveMachine]]:
    """Give the machine with a pool to run on."""

    class Here(ArchiveMachine):
        """The machine of one test."""

    Here.made = on_sqlite

    Here.pool = pool
    yield Here


def test_the_invariants_hold_on_sqlite(machine: type[ArchiveMachine]) -> None:
    run_state_machine_as_test(machine, settings=EVERY_DAY)


def test_the_invariants_hold_on_postgres(machine: type[ArchiveMachine], postgres: Cluster) -> None:
    def made(_: Path) -> tuple[str, Any]:
        return postgres.fresh(), postgres.connect()

    machine.made = made
    run_state_machine_as_test(machine, settings=FEW)


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


def no_dedupe(session: Session, dedupe_key: str) -> JobRow | None:
    """Know no Job."""
    return None


def no_refund(session: Session, row: JobRow, charge: int, now: int) -> None:
    """Charge what was painted and keep the rest."""
    held = session.get_one(LedgerRow, (row.id, "hold"))
    session.add(LedgerRow(job_id=row.id, kind="charge", amount=charge, at=now, payer=held.payer))
    session.add(LedgerRow(job_id=row.id, kind="release", amount=0, at=now, payer=held.payer))


def charge_twice(session: Session, row: JobRow, charge: int, now: int) -> None:
    """Charge each Picture twice."""
    real_book(session, row, charge, now)
    session.get_one(LedgerRow, (row.id, "charge")).amount = 2 * charge


def store_without_fence(session: Session, now: int, job: Job, picture: Picture, kept: Kept) -> Picture:
    """Take a result from a Worker that lost its lease."""
    row = session.get_one(JobRow, job.id)
    picture_row = session.get_one(PictureRow, picture.id)
    if row.state != "running" or row.fence == job.fence or picture_row.state != "waiting":
        return real_store(session, now, job, picture, kept)
    found = real_store(session, now, to_job(row), picture, kept)
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


def oldest_first(session: Session, now: int, owner: str, lease_ms: int) -> tuple[Job, tuple[Picture, ...]] | None:
    """Serve by age alone."""
    queued = select(JobRow).where(JobRow.state == "queued", JobRow.not_before <= now).order_by(JobRow.id)
    row = session.scalars(queued).first()
    if row is None:
        return None
    values = {"attempt": row.attempt + 1, "fence": row.fence + 1}
    moves.shift(session, row, "running", now, "claim", lease_owner=owner, lease_until=now + lease_ms, **values)
    waits = select(PictureRow).where(PictureRow.job_id == row.id, PictureRow.state == "waiting")
    return to_job(row), tuple(to_picture(each) for each in session.scalars(waits))


def hand_out_leased(session: Session, now: int, owner: str, lease_ms: int, most: int) -> list[Parcel]:
    """Hand out outbox rows that another holds."""
    outbox.freed(session)
    return real_parcels(session, now, owner, lease_ms, most)


real_finish, real_book, real_store = moves.finish, moves.book, claims.store
real_end, real_parcels = moves.end, outbox.parcels

PLANTED: list[tuple[Any, str, Callable[..., Any]]] = [
    (moves, "finish", finish_without_fence),
    (moves, "finish", finish_without_state),
    (moves, "may_again", always_again),
    (accept, "known", no_dedupe),
    (moves, "book", no_refund),
    (moves, "book", charge_twice),
    (claims, "store", store_without_fence),
    (outbox, "close", deliver_twice),
    (moves, "end", end_without_pictures),
    (moves, "give_back", give_back_cancelled),
    (claims, "claim", oldest_first),
    (outbox, "parcels", hand_out_leased),
]


@pytest.mark.parametrize(("module", "name", "mistake"), PLANTED, ids=[mistake.__name__ for _, _, mistake in PLANTED])
def test_a_planted_mistake_is_caught(
    machine: type[ArchiveMachine],
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    mistake: Callable[..., Any],
) -> None:
    monkeypatch.setattr(module, name, mistake)
    # Not BaseException: a test that ran out of time has caught nothing.
    with pytest.raises(Exception):  # noqa: B017
        run_state_machine_as_test(machine, settings=HUNT)
