"""What Persons and operators decide: Defaults, Rules, acts, and counts for who decides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from core.defaults import Defaults
from core.job import Job
from core.person import AUDITOR, Place
from core.records import Act, Asker, Tally
from core.rules import Rules
from db import marks
from db.claims import OPEN_JOBS
from db.companions import PICTURE
from db.rows import pack, to_job
from db.tables import ActRow, DefaultsRow, JobRow, LedgerRow, PictureRow, RulesRow

MOST_ASKERS = 200

NAMED = 10
"""How many signs of a payer's digest tell Persons apart."""


def defaults(session: Session, person: str) -> Defaults:
    """Return a Person's Defaults."""
    row = session.get(DefaultsRow, person)
    return Defaults() if row is None else Defaults.from_json(json.loads(row.value))


def keep_defaults(session: Session, person: str, kept: Defaults) -> None:
    """Keep a Person's Defaults."""
    session.merge(DefaultsRow(person=person, value=pack(kept.as_json())))


def rules(session: Session, server: str) -> Rules:
    """Return the Rules of one server."""
    row = session.get(RulesRow, server)
    return Rules() if row is None else Rules.from_json(json.loads(row.value))


def act(session: Session, now: int, done: Act, after: Rules | None, changes: Mapping[str, Any]) -> None:
    """Write an act, the Rules it made and the settings it changed."""
    if after is not None:
        session.merge(RulesRow(server=done.server, value=pack(after.as_json())))
    marks.override(session, changes)
    session.add(
        ActRow(
            at=now,
            person=done.person,
            face=done.place.face,
            place=done.place.detail,
            server=done.server,
            what=done.what,
            detail=pack(dict(done.detail)),
        )
    )


def acts(session: Session, server: str | None, limit: int) -> list[Act]:
    """Return acts, newest first."""
    mine = select(ActRow).order_by(ActRow.id.desc()).limit(limit)
    if server is not None:
        mine = mine.where(ActRow.server == server)
    return [
        Act(row.person, Place(row.face, row.place), row.server, row.what, json.loads(row.detail), row.at, row.id)
        for row in session.scalars(mine)
    ]


def tally(session: Session, server: str | None, since: int) -> Tally:
    """Count Jobs, Pictures, failures, cost by payer and acts since a time."""
    there = and_(JobRow.person != AUDITOR.id, _on(server))
    open_ = session.execute(select(func.count()).where(OPEN_JOBS, there)).scalar_one()
    painted = session.execute(
        select(func.count())
        .select_from(PictureRow)
        .join(JobRow, JobRow.id == PictureRow.job_id)
        .where(PictureRow.state == "stored", PictureRow.role == PICTURE, PictureRow.stored_at > since, there)
    ).scalar_one()
    failed = session.execute(
        select(func.count()).where(JobRow.state == "failed", JobRow.ended_at > since, there)
    ).scalar_one()
    spent = select(LedgerRow.payer, func.sum(LedgerRow.amount)).where(
        LedgerRow.kind == "charge", LedgerRow.amount > 0, LedgerRow.at > since
    )
    if server is not None:
        spent = spent.join(JobRow, JobRow.id == LedgerRow.job_id).where(there)
    rows = session.execute(spent.group_by(LedgerRow.payer).order_by(func.sum(LedgerRow.amount).desc()))
    done = select(ActRow.what, func.count()).where(ActRow.at > since)
    if server is not None:
        done = done.where(ActRow.server == server)
    return Tally(
        open=int(open_),
        painted=int(painted),
        failed=int(failed),
        cost={payer[:NAMED]: int(amount) for payer, amount in rows},
        acts={what: int(count) for what, count in session.execute(done.group_by(ActRow.what))},
    )


def askers(session: Session, since: int) -> list[Asker]:
    """Return who asked since a time, the costliest first."""
    asked = (JobRow.created_at > since, JobRow.person != AUDITOR.id)
    paid = (
        select(JobRow.person, func.sum(LedgerRow.amount).label("cost"))
        .join(LedgerRow, LedgerRow.job_id == JobRow.id)
        .where(*asked, LedgerRow.kind == "charge")
        .group_by(JobRow.person)
        .subquery()
    )
    cost = func.coalesce(func.max(paid.c.cost), 0)
    found = (
        select(JobRow.person, func.count(), cost, func.max(JobRow.created_at))
        .join(paid, paid.c.person == JobRow.person, isouter=True)
        .where(*asked)
        .group_by(JobRow.person)
        .order_by(cost.desc(), JobRow.person)
        .limit(MOST_ASKERS)
    )
    return [Asker(person, int(jobs), int(paid), int(at)) for person, jobs, paid, at in session.execute(found)]


def open_jobs(session: Session, server: str) -> list[Job]:
    """Return the open Jobs of one server."""
    return [to_job(row) for row in session.scalars(select(JobRow).where(OPEN_JOBS, _on(server)).order_by(JobRow.id))]


def _on(server: str | None) -> ColumnElement[bool]:
    """Return the condition that a Job was asked for on a server: its guild stands in the Place's JSON."""
    if server is None:
        return true()
    face, _, guild = server.partition(":")
    texts = [f'"guild":{form}{end}' for form in (guild, f'"{guild}"') for end in (",", "}")]
    return and_(JobRow.face == face, or_(*(JobRow.place.contains(each, autoescape=True) for each in texts)))
