"""Account: the name a Person signs in to the page with, and what the Archive keeps of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.errors import BadInput, NotFound
from core.person import OWNER, Person

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Account:
    """Be one account; password: what is kept of it, None until its first link was used.

    owner: it signs in as the owner, with the feed of this machine. link_until: when its unused link ends, ms UTC.
    """

    name: str
    owner: bool = False
    password: str | None = field(default=None, repr=False)
    created_at: int = 0
    link_until: int | None = None

    @property
    def person(self) -> Person:
        """Return who signs in with it."""
        return OWNER if self.owner else Person(f"web:{self.name}", self.name)


@dataclass(frozen=True, slots=True)
class ShareLink:
    """Say what an address opens to whoever has it: one Picture, with its words or without."""

    picture_id: str
    person: str
    words: bool
    expires: int | None


def new_name(typed: str, owner: bool) -> str:
    """Return a name as it is kept; raise BadInput with what is wrong."""
    name = typed.strip().lower()
    if NAME.fullmatch(name) is None:
        raise BadInput(
            f"{typed[:40]!a} is no name for an account.",
            "Use 1 to 32 of a-z, 0-9, - and _; begin with a letter or digit.",
        )
    if not owner and Person(f"web:{name}") == OWNER:
        raise BadInput(f"The name {name} is the owner's.", f"Type ./limner people add {name} --owner, or take another.")
    return name


def known_name(typed: str) -> str:
    """Return the name an account is looked up by; raise NotFound where none can have it."""
    name = typed.strip().lower()
    if NAME.fullmatch(name) is None:
        raise no_account(typed)
    return name


def no_account(typed: str) -> NotFound:
    """Return what is said of a name that is nobody's."""
    return NotFound(f"There is no account {typed[:40]!a}.", "./limner people lists them.")


class AccountBook(Protocol):
    """Keep accounts, links, sessions and share links: the part of the Archive that knows who may come in."""

    async def add_account(self, account: Account) -> bool:
        """Keep a new account; False where the name is taken."""

    async def account(self, name: str) -> Account | None:
        """Find an account."""

    async def accounts(self) -> Sequence[Account]:
        """Return every account, by name."""

    async def drop_account(self, name: str) -> list[str] | None:
        """Remove an account with its links, sessions and share links, and cancel its open Jobs.

        Return their ids; None where there is no such account.
        """

    async def keep_link(self, link_hash: str, name: str, within_ms: int) -> int | None:
        """Keep a link in place of any other of the account; return when it ends, None where there is no account."""

    async def linked(self, link_hash: str) -> Account | None:
        """Return whose link it is, None where it is unknown, used or over."""

    async def set_password(self, account: Account, password: str, link_hash: str | None) -> Account | None:
        """Set a password, use the link up and end the account's sessions; None where link or account changed."""

    async def open_session(self, secret_hash: str, person: str, expires: int, account: Account | None = None) -> bool:
        """Keep a page's session; False where the account is gone or its password another by now."""

    async def session(self, secret_hash: str) -> tuple[str, str | None] | None:
        """Return whose session it is and by which account, None where it is unknown or over."""

    async def end_session(self, secret_hash: str) -> None:
        """End a session."""

    async def keep_share_link(
        self, link_hash: str, picture_id: str, person: str, words: bool, days: int | None
    ) -> None:
        """Keep a share link of a Picture; it ends after so many days, or with the Picture."""

    async def share_link(self, link_hash: str) -> ShareLink | None:
        """Return what a share link opens, None where it is unknown or over."""

    async def share_links(self, picture_id: str) -> Sequence[ShareLink]:
        """Return the share links of a Picture that still open it."""

    async def drop_share_links(self, picture_id: str) -> int:
        """End every share link of a Picture; return how many there were."""
