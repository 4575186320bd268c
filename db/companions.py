"""Companions: what is kept beside a Picture, such as its Sketch as it was prepared: rows of roles of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.picture import Companion
from db.rows import to_companion
from db.tables import PictureRow

PICTURE = "picture"
"""The role of what somebody asked for; all others stand beside one of these."""


def keep(session: Session, now: int, picture_id: str, kept: Sequence[Companion], fresh: Callable[[], str]) -> None:
    """Write rows beside a stored Picture's, behind all others of its Job: they cost nothing and wait for nothing."""
    if not kept:
        return
    beside = session.get_one(PictureRow, picture_id, populate_existing=True)
    last = select(func.max(PictureRow.idx)).where(PictureRow.job_id == beside.job_id)
    index = int(session.execute(last).scalar_one())
    for place, each in enumerate(kept, index + 1):
        session.add(
            PictureRow(
                id=fresh(),
                job_id=beside.job_id,
                idx=place,
                person=beside.person,
                role=each.role,
                parent_id=beside.id,
                recipe=beside.recipe,
                recipe_digest=beside.recipe_digest,
                seed=beside.seed,
                cost=0,
                state="stored",
                pixels_digest=each.pixels_digest,
                file_digest=each.file_digest,
                width=each.width,
                height=each.height,
                fence=beside.fence,
                stored_at=now,
            )
        )
    session.flush()


def of(session: Session, picture_id: str) -> tuple[Companion, ...]:
    """Return what is kept beside a Picture, in the order it was handed over."""
    mine = select(PictureRow).where(PictureRow.parent_id == picture_id, PictureRow.role != PICTURE)
    return tuple(to_companion(row) for row in session.scalars(mine.order_by(PictureRow.idx)))
