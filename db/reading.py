"""What is looked up: Jobs, Pictures, history, moves; reads alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.errors import NotFound
from core.job import Job
from core.person import AUDITOR, Place
from core.picture import Companion, Picture
from core.records import Move
from db import companions
from db.companions import PICTURE
from db.ids import LENGTH, tidy
from db.rows import to_companion, to_job, to_move, to_picture
from db.tables import JobRow, MoveRow, PictureRow

R = TypeVar("R", JobRow, PictureRow)

TAIL = 6


def job(session: Session, typed: str) -> Job | None:
    """Find a Job by its id or an unambiguous tail."""
    row = _by_tail(session, JobRow, JobRow.id, typed, "job")
    return None if row is None else to_job(row)


def picture(session: Session, typed: str) -> tuple[Picture, Job] | None:
    """Find a Picture and its Job by the Picture's id or an unambiguous tail."""
    row = _by_tail(session, PictureRow, PictureRow.id, typed, "picture", PictureRow.role == PICTURE)
    if row is None:
        return None
    return to_picture(row, companions.of(session, row.id)), to_job(session.get_one(JobRow, row.job_id))


def jobs(session: Session, ids: Sequence[str]) -> dict[str, Job]:
    """Return Jobs by their whole ids."""
    return {row.id: to_job(row) for row in session.scalars(select(JobRow).where(JobRow.id.in_(ids)))}


def children(session: Session, picture_id: str) -> list[tuple[Picture, Job]]:
    """Return the Pictures made from one, with their Jobs, oldest first; audits are nobody's children."""
    mine = (
        select(PictureRow, JobRow)
        .join(JobRow, JobRow.id == PictureRow.job_id)
        .where(PictureRow.parent_id == picture_id, PictureRow.person != AUDITOR.id, PictureRow.role == PICTURE)
        .order_by(PictureRow.id)
    )
    return [(to_picture(row), to_job(job)) for row, job in session.execute(mine)]


def pictures(session: Session, job_ids: Sequence[str]) -> dict[str, tuple[Picture, ...]]:
    """Return the Pictures of Jobs, by index, with what is kept beside each."""
    found: dict[str, list[Picture]] = {job_id: [] for job_id in job_ids}
    mine = select(PictureRow).where(PictureRow.job_id.in_(job_ids)).order_by(PictureRow.job_id, PictureRow.idx)
    rows = session.scalars(mine).all()
    beside: dict[str, tuple[Companion, ...]] = {}
    for row in rows:
        if row.role != PICTURE:
            beside[row.parent_id or ""] = (*beside.get(row.parent_id or "", ()), to_companion(row))
    for row in rows:
        if row.role == PICTURE:
            found[row.job_id].append(to_picture(row, beside.get(row.id, ())))
    return {job_id: tuple(several) for job_id, several in found.items()}


def picture_by_pixels(session: Session, digest: str) -> Picture | None:
    """Find the first stored Picture with these pixels, one whose file is kept before others."""
    stored = (PictureRow.state == "stored", PictureRow.role == PICTURE)
    mine = select(PictureRow).where(PictureRow.pixels_digest == digest, *stored)
    by = (PictureRow.file_digest.is_(None), PictureRow.stored_at, PictureRow.id)
    row = session.scalars(mine.order_by(*by).limit(1)).one_or_none()
    return None if row is None else to_picture(row)


def history(session: Session, person: str, before: str | None, limit: int, words: str, removed: bool) -> list[Job]:
    """Return a Person's Jobs, newest first; removed: those taken down too."""
    mine = select(JobRow).where(JobRow.person == person)
    if not removed:
        mine = mine.where(JobRow.removed_at.is_(None))
    if before:
        mine = mine.where(JobRow.id < before)
    if words:
        mine = mine.where(JobRow.typed.icontains(words, autoescape=True))
    return [to_job(row) for row in session.scalars(mine.order_by(JobRow.id.desc()).limit(limit))]


def last_picture(session: Session, person: str) -> Picture | None:
    """Return the Person's newest stored Picture."""
    stored = (PictureRow.state == "stored", PictureRow.role == PICTURE)
    mine = select(PictureRow).where(PictureRow.person == person, *stored)
    row = session.scalars(mine.order_by(PictureRow.stored_at.desc(), PictureRow.id.desc()).limit(1)).one_or_none()
    return None if row is None else to_picture(row)


def moves_after(session: Session, after: int, person: str | None, limit: int) -> list[Move]:
    """Return moves in order of commit."""
    mine = select(MoveRow, JobRow.person, JobRow.face, JobRow.place).join(JobRow, JobRow.id == MoveRow.job_id)
    mine = mine.where(MoveRow.id > after).order_by(MoveRow.id).limit(limit)
    if person is not None:
        # No index holds `person || ''`: what is new is read, and not all the Jobs somebody ever asked for.
        mine = mine.where(JobRow.person.concat("") == person, JobRow.removed_at.is_(None))
    return [to_move(row, who, Place(face, place)) for row, who, face, place in session.execute(mine)]


def moves_of(session: Session, job_id: str) -> list[Move]:
    """Return every move of one Job, in order."""
    found = select(MoveRow, JobRow.person, JobRow.face, JobRow.place).join(JobRow, JobRow.id == MoveRow.job_id)
    rows = session.execute(found.where(MoveRow.job_id == job_id).order_by(MoveRow.id))
    return [to_move(row, who, Place(face, place)) for row, who, face, place in rows]


def last_move(session: Session) -> int:
    """Return the id of the newest move, 0 where there is none."""
    return int(session.execute(select(func.coalesce(func.max(MoveRow.id), 0))).scalar_one())


def model_name(session: Session, job_id: str) -> str:
    """Return the name a Job's Model had, empty where the Job is gone."""
    return session.execute(select(JobRow.model).where(JobRow.id == job_id)).scalar() or ""


def ends_in(column: InstrumentedAttribute[str], tail: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Say that an id ends in a tail, as the index has it: a log of millions is not walked through for one id."""
    return func.substr(column, literal_column(str(LENGTH - TAIL + 1))) == tail[-TAIL:], column.like(f"%{tail}")


def _by_tail(
    session: Session,
    table: type[R],
    column: InstrumentedAttribute[str],
    typed: str,
    noun: str,
    *narrower: ColumnElement[bool],
) -> R | None:
    tail = tidy(typed)
    if len(tail) < TAIL:
        return None
    whole = (column == tail,) if len(tail) == LENGTH else ends_in(column, tail)
    found = session.scalars(select(table).where(*whole, *narrower).limit(2)).all()
    if len(found) > 1:
        raise NotFound(f"More than one {noun} ends in {tail}.", "Type more of its id.")
    return found[0] if found else None
