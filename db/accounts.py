"""Who may come in: accounts, their links, sessions and share links; functions of a Session."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from core.account import Account, ShareLink
from core.limits import DAY_MS
from db.account_tables import AccountRow, LinkRow, ShareLinkRow
from db.claims import OPEN_JOBS, cancel
from db.tables import JobRow, SessionRow


def add(session: Session, now: int, account: Account) -> bool:
    """Keep a new account; False where the name is taken."""
    if session.get(AccountRow, account.name) is not None:
        return False
    session.add(AccountRow(name=account.name, owner=account.owner, password=account.password, created_at=now))
    return True


def find(session: Session, now: int, name: str) -> Account | None:
    """Find an account."""
    row = session.get(AccountRow, name)
    return None if row is None else _account(session, now, row)


def everyone(session: Session, now: int) -> list[Account]:
    """Return every account, by name."""
    return [_account(session, now, row) for row in session.scalars(select(AccountRow).order_by(AccountRow.name))]


def drop(session: Session, now: int, name: str) -> list[str] | None:
    """Remove an account and all that it opened: sessions, links, share links; cancel its open Jobs, return their ids.

    None where there is no account.
    """
    row = session.get(AccountRow, name)
    if row is None:
        return None
    person = Account(row.name, row.owner).person
    session.execute(delete(SessionRow).where(SessionRow.account == name))
    open_: list[str] = []
    if not row.owner:
        open_ += session.scalars(select(JobRow.id).where(JobRow.person == person.id, OPEN_JOBS).order_by(JobRow.id))
        for job_id in open_:
            cancel(session, now, job_id)
        session.execute(delete(SessionRow).where(SessionRow.person == person.id))
        session.execute(delete(ShareLinkRow).where(ShareLinkRow.person == person.id))
    session.execute(delete(LinkRow).where(LinkRow.account == name))
    session.delete(row)
    return open_


def keep_link(session: Session, now: int, link_hash: str, name: str, within_ms: int) -> int | None:
    """Keep a link in place of any other of the account; None where there is no account."""
    if session.get(AccountRow, name) is None:
        return None
    session.execute(delete(LinkRow).where(or_(LinkRow.account == name, LinkRow.expires <= now)))
    session.add(LinkRow(hash=link_hash, account=name, expires=now + within_ms))
    return now + within_ms


def linked(session: Session, now: int, link_hash: str) -> Account | None:
    """Return whose link it is, None where it is unknown, used or over."""
    link = session.get(LinkRow, link_hash)
    return None if link is None or link.expires <= now else find(session, now, link.account)


def set_password(session: Session, now: int, account: Account, password: str, link_hash: str | None) -> Account | None:
    """Set a password where nothing changed since the account was read; use the link up, end the sessions."""
    if link_hash is not None:
        if linked(session, now, link_hash) is None:
            return None
        session.execute(delete(LinkRow).where(LinkRow.hash == link_hash))
    # One statement, which the database lets win once: two who come at the same moment do not both set it.
    changed = session.scalars(
        update(AccountRow)
        .where(AccountRow.name == account.name, _as_read(account))
        .values(password=password)
        .returning(AccountRow.name)
    ).first()
    if changed is None:
        return None
    session.execute(delete(SessionRow).where(SessionRow.account == account.name))
    session.expire_all()
    return find(session, now, account.name)


def open_session(
    session: Session, now: int, secret_hash: str, person: str, expires: int, account: Account | None
) -> bool:
    """Keep a session, and forget those that are over; False where the account changed since it was read."""
    if account is not None:
        still = select(AccountRow.name).where(AccountRow.name == account.name, _as_read(account)).with_for_update()
        if session.scalars(still).first() is None:
            return False
    session.execute(delete(SessionRow).where(SessionRow.expires <= now))
    name = None if account is None else account.name
    session.merge(SessionRow(hash=secret_hash, person=person, expires=expires, account=name))
    return True


def whose(session: Session, now: int, secret_hash: str) -> tuple[str, str | None] | None:
    """Return whose session it is and by which account, None where it is unknown or over."""
    row = session.get(SessionRow, secret_hash)
    return (row.person, row.account) if row is not None and row.expires > now else None


def end_session(session: Session, secret_hash: str) -> None:
    """End a session."""
    session.execute(delete(SessionRow).where(SessionRow.hash == secret_hash))


def keep_share_link(
    session: Session, now: int, link_hash: str, picture_id: str, person: str, words: bool, days: int | None
) -> None:
    """Keep a share link, and forget those that are over."""
    session.execute(delete(ShareLinkRow).where(ShareLinkRow.expires <= now))
    expires = None if days is None else now + days * DAY_MS
    session.add(
        ShareLinkRow(hash=link_hash, picture_id=picture_id, person=person, words=words, created_at=now, expires=expires)
    )


def share_link(session: Session, now: int, link_hash: str) -> ShareLink | None:
    """Return what a share link opens, None where it is unknown or over."""
    row = session.get(ShareLinkRow, link_hash)
    return None if row is None or row.expires is not None and row.expires <= now else _share_link(row)


def share_links(session: Session, now: int, picture_id: str) -> list[ShareLink]:
    """Return the share links of a Picture that still open it."""
    holding = or_(ShareLinkRow.expires.is_(None), ShareLinkRow.expires > now)
    rows = select(ShareLinkRow).where(ShareLinkRow.picture_id == picture_id, holding).order_by(ShareLinkRow.created_at)
    return [_share_link(row) for row in session.scalars(rows)]


def drop_share_links(session: Session, picture_id: str) -> int:
    """End every share link of a Picture; return how many there were."""
    gone = delete(ShareLinkRow).where(ShareLinkRow.picture_id == picture_id).returning(ShareLinkRow.hash)
    return len(session.scalars(gone).all())


def _account(session: Session, now: int, row: AccountRow) -> Account:
    link = session.scalars(select(LinkRow).where(LinkRow.account == row.name, LinkRow.expires > now)).first()
    return Account(row.name, row.owner, row.password, row.created_at, None if link is None else link.expires)


def _as_read(account: Account) -> ColumnElement[bool]:
    """Return the condition that an account stands as it was when its password was looked at."""
    return (AccountRow.password.is_not_distinct_from(account.password)) & (AccountRow.created_at == account.created_at)


def _share_link(row: ShareLinkRow) -> ShareLink:
    return ShareLink(row.picture_id, row.person, row.words, row.expires)
