"""Erasing a Person: rows, words, files nobody else needs, and what the database keeps of them beside its tables."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.records import Clock, Erased
from db.accept import Till
from db.files import Files
from db.ids import tidy
from db.session import Store
from db.tables import ErasedRow


def erased(session: Session, typed: str) -> bool:
    """Say whether this id was erased."""
    return session.get(ErasedRow, tidy(typed)) is not None


async def erase(store: Store, files: Files, till: Till, clock: Clock, person: str) -> Erased:
    """Erase a Person."""
    return Erased()
