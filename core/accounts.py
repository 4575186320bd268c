"""Accounts: the owner makes people and their one-time links; people come in by a link or a password."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from functools import partial
from typing import Any

from core.access import only_owner
from core.account import NAME, Account, known_name, new_name, no_account
from core.attempts import Attempts
from core.errors import BadInput, LimitReached, NotAllowed, NotFound
from core.feed import Feed
from core.house import House
from core.limits import DAY_MS
from core.passwords import check_password, hashed, opens, sealed
from core.person import Person
from core.ports import Archive

LINK_MS = DAY_MS
WINDOW_MS = 15 * 60_000
BY_NAME, BY_ADDRESS = 10, 30
"""Tries within the window: of one name from anywhere, and from one address of any name."""

SALT_BYTES, TOKEN_BYTES = 16, 32


class Accounts:
    """Answer the owner for people, and people at the door; clock: ms UTC, of the limits on trying alone.

    wake is called for each Job that ends with its account, so that the Dispatcher looks.
    """

    def __init__(
        self, archive: Archive, house: House, feed: Feed, wake: Callable[[str | None], None], clock: Callable[[], int]
    ) -> None:
        self._archive, self._house, self._clock = archive, house, clock
        self._feed, self._wake = feed, wake
        self._means = house.means
        self._names, self._addresses = Attempts(BY_NAME, WINDOW_MS), Attempts(BY_ADDRESS, WINDOW_MS)
        # A password takes memory and a while to try: one at a time, so that a flood of them slows nobody's picture.
        self._trying = asyncio.Semaphore(1)

    async def add(self, person: Person, name: str, owner: bool = False) -> dict[str, Any]:
        """Make an account and its first link; owner: it signs in as the owner of this Limner."""
        only_owner(person)
        account = Account(new_name(name, owner), owner)
        known = [] if owner else await self._archive.history(account.person.id, None, 1)
        if not await self._archive.add_account(account):
            raise BadInput(f"There is an account {account.name}.", f"./limner people link {account.name} lets it in.")
        return {**await self._link(account.name), "owner": owner, "known": bool(known)}

    async def link(self, person: Person, name: str) -> dict[str, Any]:
        """Make a link with which an account sets its password anew; an earlier unused one is worth nothing then."""
        only_owner(person)
        return await self._link(known_name(name))

    async def remove(self, person: Person, name: str) -> dict[str, Any]:
        """Remove an account: sessions, links and share links end at once, and its open jobs are cancelled.

        What was painted stays in the log.
        """
        only_owner(person)
        tidy = known_name(name)
        cancelled = await self._archive.drop_account(tidy)
        if cancelled is None:
            raise no_account(name)
        for job_id in cancelled:
            self._wake(job_id)
        self._feed.moved()
        return {"name": tidy, "cancelled": len(cancelled)}

    async def everyone(self, person: Person) -> list[dict[str, Any]]:
        """Return every account: name, whether it is the owner's and has a password, until when its link holds."""
        only_owner(person)
        return [
            {
                "name": each.name,
                "owner": each.owner,
                "password": each.password is not None,
                "created_at": each.created_at,
                "link_until": each.link_until,
            }
            for each in await self._archive.accounts()
        ]

    async def sign_in(self, name: str, password: str, address: str) -> Account:
        """Return the account that name and password open; it takes as long where there is no such name."""
        tidy = name.strip().lower()
        self._count(tidy, address)
        account = await self._archive.account(tidy) if NAME.fullmatch(tidy) else None
        kept = None if account is None else account.password
        found = await self._try(partial(opens, kept or self._nobodys(), password))
        if account is None or kept is None or not found:
            raise NotAllowed(
                "This name and password do not go together.", "Ask the owner for a new link if it is lost."
            )
        self._names.forget(tidy)
        return account

    async def whose(self, link: str, address: str) -> Account:
        """Return whose link it is, without using it up."""
        self._count(None, address)
        account = await self._archive.linked(hashed(link))
        if account is None:
            raise _spent()
        return account

    async def enter(self, link: str, password: str, address: str) -> Account:
        """Set a password by a link, which is worth nothing then; every other session of the account ends."""
        account = await self.whose(link, address)
        check_password(password)
        return await self._set(account, password, hashed(link))

    async def change(self, name: str, old: str, new: str, address: str) -> Account:
        """Change a password by the old one; every other session of the account ends."""
        account = await self.sign_in(name, old, address)
        check_password(new)
        return await self._set(account, new, None)

    async def _set(self, account: Account, password: str, link_hash: str | None) -> Account:
        salt = self._means.randomness(SALT_BYTES)
        kept = await self._try(partial(sealed, password, salt, self._means.cost))
        found = await self._archive.set_password(account, kept, link_hash)
        if found is None:
            raise _spent()
        return found

    async def _link(self, name: str) -> dict[str, Any]:
        token = fresh_token(self._means.randomness)
        until = await self._archive.keep_link(hashed(token), name, LINK_MS)
        if until is None:
            raise no_account(name)
        # Behind the #: no server between here and there writes it into its log, no preview of a chat uses it up.
        return {"name": name, "link": f"{self._house.page}/enter#{token}", "until": until}

    def _count(self, name: str | None, address: str) -> None:
        """Count a try by name and address; raise LimitReached where there were too many."""
        now = self._clock()
        opens_at = self._addresses.take(address, now)
        if opens_at is None and name is not None:
            opens_at = self._names.take(name, now)
        if opens_at is not None:
            raise LimitReached(
                "That was tried too often.", "Wait a while; a new link from the owner works at once.", opens_at
            )

    def _nobodys(self) -> str:
        """Return what is kept of nobody's password."""
        cost = self._means.cost
        return f"scrypt:{cost.n}:{cost.r}:{cost.p}:{'00' * SALT_BYTES}:{'00' * 64}"

    async def _try(self, work: Callable[[], Any]) -> Any:
        async with self._trying:
            return await self._means.in_pool(work)


def fresh_token(randomness: Callable[[int], bytes]) -> str:
    """Return 43 signs nobody guesses, fit for an address."""
    return base64.urlsafe_b64encode(randomness(TOKEN_BYTES)).decode().rstrip("=")


def _spent() -> NotFound:
    return NotFound("This link was used, is too old, or was replaced by a newer one.", "Ask the owner for a new one.")
