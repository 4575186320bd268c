"""Who holds a Sketch or a mask: who sent it and who painted from it; nobody else may name its digest."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from core import wording
from core.draft import Clear, SketchInfo
from core.errors import NotFound
from core.limits import DAY_MS, Limits
from core.person import AUDITOR
from core.recipe import Source, sources
from core.records import NewJob
from db.claims import keep_file
from db.tables import FileRow, HolderRow

CLEAR: tuple[Clear, ...] = ("none", "part", "whole")


def check(session: Session, now: int, person: str, limits: Limits) -> None:
    """Raise LimitReached where a Person has sent too many files within the day."""
    mine = select(func.count(), func.min(HolderRow.at)).where(HolderRow.person == person, HolderRow.at > now - DAY_MS)
    count, first = session.execute(mine).one()
    limits.check_sent(int(count), None if first is None else int(first) + DAY_MS)


def sent(session: Session, now: int, person: str, source: Source, size: int, info: SketchInfo | None = None) -> None:
    """Write that a Person sent a file; info: of a Sketch, whose transparent part is this Person's own."""
    kind, digest = source
    keep_file(session, now, digest, kind, size)
    row = session.get(HolderRow, (digest, kind, person))
    if row is None:
        row = HolderRow(digest=digest, kind=kind, person=person, used=False)
        session.add(row)
    row.at = now
    row.clear, row.mask = ("none", None) if info is None else (info.clear, info.mask)


def holds(session: Session, person: str, source: Source) -> HolderRow | None:
    """Return what is known of a Person's own Sketch or mask, None where it is not theirs."""
    kind, digest = source
    return session.get(HolderRow, (digest, kind, person))


def clear_part(row: HolderRow) -> tuple[Clear, str | None]:
    """Return how much of a Sketch came transparent, and the mask of that part."""
    return next(each for each in CLEAR if each == row.clear), row.mask


def held(session: Session, person: str) -> list[Source]:
    """Return every Sketch and mask of a Person's."""
    return _sources(session, HolderRow.person == person)


def needed(job: NewJob) -> list[Source]:
    """Return what a Job's Recipes start from, in one order for all."""
    named: set[Source] = set() if job.sketch is None else {("sketch", job.sketch)}
    return sorted(named.union(*(sources(new.recipe) for new in job.pictures)))


def admit(session: Session, job: NewJob) -> None:
    """Raise NotFound where a Job starts from a file that is gone, or names one that is not its Person's.

    Without a Sketch named, what its Recipes start from comes out of the log, from a Job its Person may see.
    """
    for source in needed(job):
        kind, digest = source
        # Held until the end of the transaction, so that no other program erases the file meanwhile.
        file = session.get(FileRow, (digest, kind), with_for_update=True, populate_existing=True)
        if file is None or job.sketch is not None and holds(session, job.person.id, source) is None:
            raise NotFound(*wording.not_here(kind))


def use(session: Session, job: NewJob) -> None:
    """Write that a Person paints from these files: they are theirs too from now on."""
    if job.person.id == AUDITOR.id:
        # An audit ends with the Picture it is of.
        return
    for source in needed(job):
        kind, digest = source
        row = holds(session, job.person.id, source)
        if row is None:
            before = select(HolderRow).where(HolderRow.digest == digest, HolderRow.kind == kind)
            known = session.scalars(before.order_by(HolderRow.at.desc(), HolderRow.person).limit(1)).first()
            came = session.get_one(FileRow, (digest, kind)).created_at
            clear, mask = ("none", None) if known is None else (known.clear, known.mask)
            session.add(
                HolderRow(digest=digest, kind=kind, person=job.person.id, at=came, used=True, clear=clear, mask=mask)
            )
        elif not row.used:
            row.used = True
        session.flush()


def let_go(session: Session, person: str) -> set[Source]:
    """Forget what a Person holds; return what nobody else does."""
    mine = list(session.scalars(select(HolderRow).where(HolderRow.person == person)))
    found: set[Source] = set(held(session, person))
    found |= {("mask", row.mask) for row in mine if row.mask is not None}
    digests = sorted({digest for _, digest in found})
    files = select(FileRow).where(FileRow.digest.in_(digests)).order_by(FileRow.kind, FileRow.digest)
    session.scalars(files.with_for_update()).all()
    session.expunge_all()
    session.execute(delete(HolderRow).where(HolderRow.person == person))
    return found - _kept(session, digests)


def sent_since(session: Session, since: int) -> list[str]:
    """Return the digests of what came since then."""
    return list(session.scalars(select(HolderRow.digest).where(HolderRow.at >= since)))


def wanted(since: int, *, used: bool) -> ColumnElement[bool]:
    """Say of a file's row that somebody sent it since then or, where asked, ever painted from it.

    The mask of a transparent part is wanted with its Sketch: whoever asks for that one again may paint there.
    """
    how = or_(HolderRow.used, HolderRow.at >= since) if used else HolderRow.at >= since
    itself = (HolderRow.digest == FileRow.digest) & (HolderRow.kind == FileRow.kind)
    its_sketch = (HolderRow.mask == FileRow.digest) & (FileRow.kind == "mask")
    return or_(*(select(HolderRow.person).where(which, how).exists() for which in (itself, its_sketch)))


def _sources(session: Session, where: ColumnElement[bool]) -> list[Source]:
    rows = session.execute(select(HolderRow.kind, HolderRow.digest).where(where))
    return [("sketch" if kind == "sketch" else "mask", digest) for kind, digest in rows]


def _kept(session: Session, digests: Sequence[str]) -> set[Source]:
    found = set(_sources(session, HolderRow.digest.in_(digests)))
    masks = session.scalars(select(HolderRow.mask).where(HolderRow.mask.in_(digests)))
    return found | {("mask", mask) for mask in masks if mask is not None}
