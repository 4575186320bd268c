"""The part of the Archive that knows who may come in."""

from __future__ import annotations

from dataclasses import dataclass

from core.account import Account, ShareLink
from db import accounts
from db.personlog import PersonLog


@dataclass(frozen=True, slots=True)
class AccountLog(PersonLog):
    """Be the part of the Archive that keeps accounts, links, sessions and share links."""

    async def add_account(self, account: Account) -> bool:
        """Keep a new account; False where the name is taken."""
        return await self._store.write(lambda s: accounts.add(s, self._clock(), account))

    async def account(self, name: str) -> Account | None:
        """Find an account."""
        return await self._store.read(lambda s: accounts.find(s, self._clock(), name))

    async def accounts(self) -> list[Account]:
        """Return every account, by name."""
        return await self._store.read(lambda s: accounts.everyone(s, self._clock()))

    async def drop_account(self, name: str) -> list[str] | None:
        """Remove an account with all it opened; return the ids of its Jobs cancelled, None where there is none."""
        return await self._store.write(lambda s: accounts.drop(s, self._clock(), name))

    async def keep_link(self, link_hash: str, name: str, within_ms: int) -> int | None:
        """Keep a link in place of any other of the account; return when it ends, None where there is no account."""
        return await self._store.write(lambda s: accounts.keep_link(s, self._clock(), link_hash, name, within_ms))

    async def linked(self, link_hash: str) -> Account | None:
        """Return whose link it is, None where it is unknown, used or over."""
        return await self._store.read(lambda s: accounts.linked(s, self._clock(), link_hash))

    async def set_password(self, account: Account, password: str, link_hash: str | None) -> Account | None:
        """Set a password, use the link up and end the account's sessions; None where link or account changed."""
        return await self._store.write(lambda s: accounts.set_password(s, self._clock(), account, password, link_hash))

    async def open_session(self, secret_hash: str, person: str, expires: int, account: Account | None = None) -> bool:
        """Keep a page's session; False where the account is gone or its password another by now."""
        return await self._store.write(
            lambda s: accounts.open_session(s, self._clock(), secret_hash, person, expires, account)
        )

    async def session(self, secret_hash: str) -> tuple[str, str | None] | None:
        """Return whose session it is and by which account, None where it is unknown or over."""
        return await self._store.read(lambda s: accounts.whose(s, self._clock(), secret_hash))

    async def end_session(self, secret_hash: str) -> None:
        """End a session."""
        await self._store.write(lambda s: accounts.end_session(s, secret_hash))

    async def keep_share_link(
        self, link_hash: str, picture_id: str, person: str, words: bool, days: int | None
    ) -> None:
        """Keep a share link of a Picture; it ends after so many days, or with the Picture."""
        await self._store.write(
            lambda s: accounts.keep_share_link(s, self._clock(), link_hash, picture_id, person, words, days)
        )

    async def share_link(self, link_hash: str) -> ShareLink | None:
        """Return what a share link opens, None where it is unknown or over."""
        return await self._store.read(lambda s: accounts.share_link(s, self._clock(), link_hash))

    async def share_links(self, picture_id: str) -> list[ShareLink]:
        """Return the share links of a Picture that still open it."""
        return await self._store.read(lambda s: accounts.share_links(s, self._clock(), picture_id))

    async def drop_share_links(self, picture_id: str) -> int:
        """End every share link of a Picture; return how many there were."""
        return await self._store.write(lambda s: accounts.drop_share_links(s, picture_id))
