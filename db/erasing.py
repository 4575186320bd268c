"""Erasing a Person: rows, words, files nobody else needs, and what the database keeps of them beside its tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.person import AUDITOR
from core.records import Clock, Erased
from db import holding, moves
from db.accept import Till, one_at_a_time
from db.companions import PICTURE
from db.files import Files
from db.gallery_tables import FavouriteRow
from db.ids import LENGTH, tidy
from db.reading import TAIL, ends_in
from db.session import Store
from db.tables import ActRow, DefaultsRow, DoomedRow, ErasedRow, FileRow, JobRow, PictureRow

BATCH = 100
"""Jobs erased in one transaction; others accept and claim between two of them."""

CHECKPOINTS = 5
Source = tuple[str, str]
"""Kind and digest of a file."""


@dataclass(slots=True)
class Toll:
    """Count what goes, batch by batch."""

    jobs: int = 0
    pictures: int = 0
    running: list[str] = field(default_factory=list)


async def erase(store: Store, files: Files, till: Till, clock: Clock, person: str) -> Erased:
    """Erase a Person; done again after a crash it finishes what was begun."""
    payer = till.payer(person)
    await store.decide(lambda s: _forget(s, person, payer))
    toll = Toll()
    while await store.write(lambda s: _batch(s, clock(), person, payer, toll), "erase"):
        pass
    gone = await store.write(lambda s: clear(s, files))
    clean = False
    for _ in range(CHECKPOINTS):
        clean = clean or await store.scrub()
    return Erased(toll.jobs, toll.pictures, gone, tuple(toll.running), clean)


def erased(session: Session, typed: str) -> bool:
    """Say whether a Job or Picture of this id, or tail, was erased."""
    tail = tidy(typed)
    if len(tail) < TAIL:
        return False
    if len(tail) == LENGTH:
        return session.get(ErasedRow, tail) is not None
    return session.scalars(select(ErasedRow.id).where(*ends_in(ErasedRow.id, tail)).limit(1)).first() is not None


def clear(session: Session, files: Files) -> int:
    """Remove doomed files from the disk, but those that somebody has brought again; on the write thread alone."""
    doomed = session.scalars(select(DoomedRow)).all()
    gone = 0
    for row in doomed:
        if session.get(FileRow, (row.digest, row.kind)) is None:
            gone += files.remove(row.digest, row.kind)
        session.delete(row)
    return gone


def orphans(session: Session, files: Files, job_id: str, digests: Iterable[str]) -> None:
    """Remove a Picture's files that were written while its Job was erased."""
    for digest in digests if session.get(JobRow, job_id) is None else ():
        if session.get(FileRow, (digest, "picture")) is None:
            files.remove(digest, "picture")


def _forget(session: Session, person: str, payer: str) -> None:
    """Remove what is kept of a Person beside Jobs; acts stay, under a name that says nothing."""
    session.execute(delete(DefaultsRow).where(DefaultsRow.person == person))
    session.execute(delete(FavouriteRow).where(FavouriteRow.person == person))
    session.execute(update(ActRow).where(ActRow.person == person).values(person=f"erased:{payer[:10]}"))


def _batch(session: Session, now: int, person: str, payer: str, toll: Toll) -> bool:
    """Erase some Jobs, and the audits of their Pictures; where none is left, what the Person sent, and say False."""
    one_at_a_time(session, payer)
    mine = select(JobRow).where(JobRow.person == person).order_by(JobRow.id).limit(BATCH).with_for_update()
    jobs = list(session.scalars(mine, execution_options={"populate_existing": True}))
    if not jobs:
        _doom(session, holding.let_go(session, person))
        return False
    ids = [job.id for job in jobs]
    audits = (
        select(JobRow)
        .join(PictureRow, PictureRow.job_id == JobRow.id)
        .where(
            JobRow.person == AUDITOR.id,
            PictureRow.parent_id.in_(select(PictureRow.id).where(PictureRow.job_id.in_(ids))),
        )
    )
    jobs += session.scalars(audits).unique()
    ids = [job.id for job in jobs]
    for job in jobs:
        if job.state == "running":
            toll.running.append(job.id)
        if job.state in ("queued", "running"):
            moves.end(session, job, "cancelled", now, "cancelled", "", "erase")
    told = select(PictureRow.id, PictureRow.file_digest, PictureRow.role).where(PictureRow.job_id.in_(ids))
    pictures = session.execute(told).all()
    toll.jobs += len(jobs)
    toll.pictures += sum(row.role == PICTURE for row in pictures)
    session.add_all(ErasedRow(id=each, at=now) for each in (*ids, *(row.id for row in pictures)))
    session.flush()
    session.expunge_all()
    session.execute(delete(PictureRow).where(PictureRow.job_id.in_(ids)))
    # Moves, outbox and replies go with their Job.
    session.execute(delete(JobRow).where(JobRow.id.in_(ids)))
    _doom_pictures(session, {row.file_digest for row in pictures if row.file_digest})
    return True


def _doom_pictures(session: Session, digests: set[str]) -> None:
    used = set(session.scalars(select(PictureRow.file_digest).where(PictureRow.file_digest.in_(digests)).distinct()))
    _doom(session, {("picture", digest) for digest in digests - used})


def _doom(session: Session, several: Iterable[Source]) -> None:
    for kind, digest in several:
        row = session.get(FileRow, (digest, kind))
        if row is not None:
            session.delete(row)
        session.merge(DoomedRow(digest=digest, kind=kind))
    session.flush()
