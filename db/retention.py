"""Retention: which files go, the oldest and least shown first; rows and Recipes stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import cast

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from core.limits import DAY_MS
from core.person import AUDITOR
from core.records import Keep
from db import holding
from db.companions import PICTURE
from db.files import Files, Kind
from db.tables import FileRow, HolderRow, JobRow, PictureRow

AT_ONCE = 200
RECENT_MS = 3_600_000
OPEN = ("queued", "running", "rendered")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")

Doomed = tuple[str, Kind, str]
"""Why, kind and digest of a file that goes."""


def doomed(session: Session, now: int, keep: Keep) -> list[Doomed]:
    """Return the files that go, each once."""
    found: dict[tuple[Kind, str], str] = {}
    for why, kind, digest in _doomed(session, now, keep):
        found.setdefault((kind, digest), why)
    return [(why, kind, digest) for (kind, digest), why in found.items()]


def _doomed(session: Session, now: int, keep: Keep) -> Iterator[Doomed]:
    yield from (("unused", kind, digest) for kind, digest in _old(session, now - DAY_MS, used=True))
    if keep.sketches_days:
        busy = _busy(session)
        for kind, digest in _old(session, now - keep.sketches_days * DAY_MS, used=False):
            if digest not in busy:
                yield "age", kind, digest
    pictures = list(_pictures(session)) if keep.pictures_days or keep.disk_mb else []
    needed = _parents(session) if pictures else set()
    left = int(session.scalar(select(func.coalesce(func.sum(FileRow.bytes), 0))) or 0)
    for digest, newest, size in pictures:
        if digest in needed:
            continue
        if keep.pictures_days and newest < now - keep.pictures_days * DAY_MS:
            left -= size
            yield "age", "picture", digest
        elif keep.disk_mb and left > keep.disk_mb * 1_000_000:
            left -= size
            yield "disk", "picture", digest


def drop(session: Session, now: int, files: Sequence[Doomed]) -> list[Doomed]:
    """Take files out of the log, but those that came again or that a Job accepted meanwhile needs.

    Their Pictures say that the file is gone.
    """
    busy = _busy(session) | _parents(session) | set(holding.sent_since(session, now - RECENT_MS))
    going = [each for each in files if each[2] not in busy]
    for kind in ("picture", "sketch", "mask"):
        digests = [digest for _, each, digest in going if each == kind]
        session.execute(delete(FileRow).where(FileRow.kind == kind, FileRow.digest.in_(digests)))
        session.execute(delete(HolderRow).where(HolderRow.kind == kind, HolderRow.digest.in_(digests)))
        if kind == "picture":
            session.execute(update(PictureRow).where(PictureRow.file_digest.in_(digests)).values(file_digest=None))
    return going


def quiet(files: Files, found: Sequence[Doomed], now: int) -> list[Doomed]:
    """Leave out files written within the hour: the same bytes may just have come again."""
    kept = []
    for each in found:
        path = files.path(each[2], each[1])
        if not path.exists() or path.stat().st_mtime_ns // 1_000_000 < now - RECENT_MS:
            kept.append(each)
    return kept


def _old(session: Session, before: int, *, used: bool) -> list[tuple[Kind, str]]:
    """Return Sketches and masks that came before then, but what was sent since; used: but what was painted from too."""
    mine = select(FileRow.kind, FileRow.digest).where(
        FileRow.kind != "picture", FileRow.created_at < before, ~holding.wanted(before, used=used)
    )
    return [(cast(Kind, kind), digest) for kind, digest in session.execute(mine)]


def _busy(session: Session) -> set[str]:
    """Return every digest an open Job names: its Sketch, and whatever its Recipes hold."""
    jobs = select(JobRow.sketch).where(JobRow.sketch.is_not(None), JobRow.state.in_(OPEN))
    recipes = (
        select(PictureRow.recipe)
        .join(JobRow, JobRow.id == PictureRow.job_id)
        .where(JobRow.state.in_(OPEN), or_(PictureRow.recipe.like('%"sketch":%'), PictureRow.recipe.like('%"mask":%')))
    )
    found = {str(digest) for digest in session.scalars(jobs)}
    for recipe in session.scalars(recipes.execution_options(yield_per=1000)):
        found.update(DIGEST.findall(recipe))
    return found


def _parents(session: Session) -> set[str]:
    """Return the Pictures' files that open Jobs work from: what is enlarged or made again, and equal pixels of it."""
    twin, parent = aliased(PictureRow), aliased(PictureRow)
    open_ones = select(PictureRow).join(JobRow, JobRow.id == PictureRow.job_id).where(JobRow.state.in_(OPEN)).subquery()
    asked = (
        select(twin.file_digest)
        .join(parent, parent.pixels_digest == twin.pixels_digest)
        .join(open_ones, open_ones.c.parent_id == parent.id)
    )
    found = set(session.scalars(asked))
    # What an enlargement is made from stands in its Recipe: its row's parent may be the enlargement to make again.
    for recipe in session.scalars(select(open_ones.c.recipe).where(open_ones.c.recipe.like('%"op":"upscale"%'))):
        pixels = json.loads(recipe)["parent"]
        found |= set(session.scalars(select(PictureRow.file_digest).where(PictureRow.pixels_digest == pixels)))
    return {digest for digest in found if digest}


def _pictures(session: Session) -> Iterator[tuple[str, int, int]]:
    """Yield digest, newest time and bytes of Pictures' files, those shown to nobody first, then by age."""
    shown = (JobRow.state == "delivered") & (PictureRow.role == PICTURE) & (JobRow.person != AUDITOR.id)
    newest = func.max(PictureRow.stored_at)
    busy = func.max(case((JobRow.state.in_(OPEN), 1), else_=0))
    rows = (
        select(PictureRow.file_digest, newest, func.max(FileRow.bytes))
        .join(JobRow, JobRow.id == PictureRow.job_id)
        .join(FileRow, (FileRow.digest == PictureRow.file_digest) & (FileRow.kind == "picture"))
        .group_by(PictureRow.file_digest)
        .having(busy == 0)
        .order_by(func.max(case((shown, 1), else_=0)), newest)
    )
    for digest, at, size in session.execute(rows):
        yield str(digest), int(at or 0), int(size or 0)
