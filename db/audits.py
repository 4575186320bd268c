"""What audits ask of the log: a Picture to make again, what came of earlier ones, and Pictures with equal Recipes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from core.audited import Audits
from core.job import Job
from core.person import AUDITOR, Person, Place
from core.picture import Picture
from db.claims import OPEN_JOBS
from db.companions import PICTURE
from db.rows import to_job, to_picture
from db.session import Store
from db.tables import JobRow, MoveRow, PictureRow


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Be the part of the Archive that compares: reads alone."""

    _store: Store

    async def equal_picture(self, recipe_digests: Sequence[str], person: Person, place: Place) -> Picture | None:
        """Find the newest stored Picture with one of these Recipes that the Person may see."""
        return await self._store.read(lambda s: equal_picture(s, recipe_digests, person, place))

    async def any_picture(self, chance: float) -> tuple[Picture, Job] | None:
        """Draw a stored Picture that somebody asked for."""
        return await self._store.read(lambda s: any_picture(s, chance))

    async def audits(self) -> Audits:
        """Count what audits found, and say when it was last busy."""
        return await self._store.read(audits)


def equal_picture(session: Session, digests: Sequence[str], person: Person, place: Place) -> Picture | None:
    """Find the newest stored Picture with one of these Recipes, as core/access.py lets it be seen."""
    seen = or_(JobRow.person == person.id, and_(JobRow.face == place.face, JobRow.place == place.detail))
    mine = (
        select(PictureRow)
        .join(JobRow, JobRow.id == PictureRow.job_id)
        .where(PictureRow.recipe_digest.in_(digests), PictureRow.state == "stored", PictureRow.role == PICTURE, seen)
        .order_by(PictureRow.stored_at.desc(), PictureRow.id.desc())
        .limit(1)
    )
    row = session.scalars(mine).one_or_none()
    return None if row is None else to_picture(row)


def any_picture(session: Session, chance: float) -> tuple[Picture, Job] | None:
    """Draw a stored Picture by its place among all that somebody asked for."""
    mine = (PictureRow.state == "stored", PictureRow.person != AUDITOR.id, PictureRow.role == PICTURE)
    count = int(session.execute(select(func.count()).where(*mine)).scalar_one())
    if not count:
        return None
    drawn = select(PictureRow).where(*mine).order_by(PictureRow.id).offset(int(count * chance)).limit(1)
    row = session.scalars(drawn).one()
    return to_picture(row), to_job(session.get_one(JobRow, row.job_id))


def audits(session: Session) -> Audits:
    """Count verdicts, and read when the last audit began and when somebody was last served."""
    ours, theirs = JobRow.person == AUDITOR.id, JobRow.person != AUDITOR.id
    verdicts = session.execute(
        select(PictureRow.verdict, func.count())
        .where(PictureRow.person == AUDITOR.id, PictureRow.state == "stored", PictureRow.role == PICTURE)
        .group_by(PictureRow.verdict)
    )
    found = {"identical": 0, "different": 0}
    for verdict, count in verdicts:
        found[json.loads(str(verdict))["reproduce"]["word"]] += int(count)
    cannot = session.execute(select(func.count()).where(ours, JobRow.state == "failed")).scalar_one()
    # One that was called off while it was painted is cancelled a call later.
    kept = (JobRow.state != "cancelled", JobRow.cancel_requested.is_(False))
    last = session.execute(select(func.max(JobRow.created_at)).where(ours, *kept)).scalar()
    # The newest move, not the greatest time: the page asks for this often, and it is the first row looked at.
    moved = select(MoveRow.at).join(JobRow, JobRow.id == MoveRow.job_id).where(theirs).order_by(MoveRow.id.desc())
    asked = session.execute(moved.limit(1)).scalar()
    busy = session.execute(select(func.count()).where(theirs, OPEN_JOBS)).scalar_one() > 0
    return Audits(found["identical"], found["different"], int(cannot), last, asked, busy)
