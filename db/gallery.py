"""The gallery: a narrow row for each painted Picture, to look for them by the hundred thousand; and favourites."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from core.job import Job
from core.picture import Picture
from core.recipe import Paint
from core.search import Hit, Search
from db.gallery_tables import FavouriteRow, GalleryRow
from db.tables import JobRow, PictureRow


def keep(session: Session, now: int, job: Job, picture: Picture) -> None:
    """Write the row of a Picture that was stored; what is painted again to be compared is in the gallery already."""
    row = session.get(JobRow, job.id)
    if job.kind == "reproduce" or row is None or row.removed_at is not None:
        return
    session.add(
        GalleryRow(
            person=job.person.id,
            at=now,
            picture_id=picture.id,
            seed=picture.seed,
            model=job.model,
            words=_words(session, picture).lower(),
        )
    )
    session.flush()


def page(session: Session, person: str, search: Search, before: tuple[int, str] | None, limit: int) -> list[Hit]:
    """Return a Person's Pictures that a Search finds, newest first, those before (at, id)."""
    found = select(GalleryRow.at, GalleryRow.picture_id).where(*_found(person, search))
    if before is not None:
        found = found.where(tuple_(GalleryRow.at, GalleryRow.picture_id) < before)
    rows = session.execute(found.order_by(GalleryRow.at.desc(), GalleryRow.picture_id.desc()).limit(limit)).all()
    ids = [row.picture_id for row in rows]
    more = (PictureRow.id, PictureRow.job_id, PictureRow.seed, PictureRow.width, PictureRow.height)
    told = {row.id: row for row in session.execute(select(*more, PictureRow.file_digest).where(PictureRow.id.in_(ids)))}
    words = dict(
        session.execute(select(GalleryRow.picture_id, GalleryRow.words).where(GalleryRow.picture_id.in_(ids))).all()
    )
    kept = favourites(session, person, ids)
    return [
        Hit(
            row.picture_id,
            told[row.picture_id].job_id,
            row.at,
            told[row.picture_id].seed,
            told[row.picture_id].width or 0,
            told[row.picture_id].height or 0,
            words[row.picture_id],
            row.picture_id in kept,
            told[row.picture_id].file_digest is None,
        )
        for row in rows
    ]


def count(session: Session, person: str, search: Search) -> int:
    """Return how many Pictures a Search finds."""
    found = select(func.count()).select_from(GalleryRow).where(*_found(person, search))
    return int(session.execute(found).scalar_one())


def favourites(session: Session, person: str, ids: Sequence[str]) -> frozenset[str]:
    """Return which of some Pictures are a Person's favourites."""
    mine = select(FavouriteRow.picture_id).where(FavouriteRow.person == person, FavouriteRow.picture_id.in_(ids))
    return frozenset(session.scalars(mine))


def favour(session: Session, now: int, person: str, picture_id: str, on: bool) -> None:
    """Make a Picture a Person's favourite, or no more."""
    if not on:
        session.execute(
            delete(FavouriteRow).where(FavouriteRow.person == person, FavouriteRow.picture_id == picture_id)
        )
    elif session.get(FavouriteRow, (person, picture_id)) is None:
        session.add(FavouriteRow(person=person, picture_id=picture_id, at=now))


def remove(session: Session, now: int, job_id: str) -> None:
    """Take a Job and its Pictures out of where they are looked for; their own rows stay."""
    session.execute(update(JobRow).where(JobRow.id == job_id, JobRow.removed_at.is_(None)).values(removed_at=now))
    mine = select(PictureRow.id).where(PictureRow.job_id == job_id)
    session.execute(delete(GalleryRow).where(GalleryRow.picture_id.in_(mine)))
    session.execute(delete(FavouriteRow).where(FavouriteRow.picture_id.in_(mine)))


def _found(person: str, search: Search) -> list[ColumnElement[bool]]:
    """Return what a row must be to be found."""
    # Favourites are few: they are looked up one by one, which no index over `person || ''` keeps the database from.
    who = GalleryRow.person.concat("") if search.favourite else GalleryRow.person
    found: list[ColumnElement[bool]] = [who == person]
    found += [GalleryRow.words.contains(word, autoescape=True) for word in search.words]
    if search.model is not None:
        found.append(GalleryRow.model == search.model)
    if search.seed is not None:
        found.append(GalleryRow.seed == search.seed)
    if search.since is not None:
        found.append(GalleryRow.at >= search.since)
    if search.until is not None:
        found.append(GalleryRow.at < search.until)
    if search.favourite:
        kept = select(FavouriteRow.picture_id).where(FavouriteRow.person == person)
        found.append(GalleryRow.picture_id.in_(kept))
    return found


def _words(session: Session, picture: Picture) -> str:
    """Return what a Picture is found by; an enlargement by the words of its parent."""
    if isinstance(picture.recipe, Paint):
        return picture.recipe.prompt
    parent = select(GalleryRow.words).where(GalleryRow.picture_id == picture.parent_id)
    return session.scalars(parent).one_or_none() or ""
