"""What is a Person's own and what the owner does, in a Limner that runs already."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp

from core.account import known_name
from core.defaults import Defaults
from core.person import Person, Place
from web.line import Line, path_id

CHUNK = 256 * 1024
# A zip of thousands of Pictures takes its time; a line that is dead is noticed all the same.
LONG = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=300)


class RemotePeople:
    """Have the methods of core's People; who asks is decided on the other side."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def defaults(self, person: Person) -> Defaults:
        """Return what a Person wants where nothing is typed."""
        return Defaults.from_json(await self._line.json("GET", "/api/defaults"))

    async def set_defaults(self, person: Person, typed: str | None = None, **changes: Any) -> Defaults:
        """Change a Person's Defaults: options as they are typed (`none` clears them), or fields; return them whole."""
        body = changes if typed is None else {**changes, "typed": typed}
        return Defaults.from_json(await self._line.json("POST", "/api/defaults", json=body))

    async def limits(self, person: Person, place: Place) -> list[dict[str, Any]]:
        """Return each Limit of a Person here: how much is used of how much, and when one Job more fits in."""
        return cast(list[dict[str, Any]], (await self._line.json("GET", "/api/limits", place))["limits"])

    async def queue(self, person: Person, place: Place) -> list[dict[str, Any]]:
        """Return the open Jobs in the order of the line; of those a Person does not see, only that they are there."""
        return cast(list[dict[str, Any]], (await self._line.json("GET", "/api/queue", place))["queue"])

    async def export(self, person: Person) -> AsyncIterator[bytes]:
        """Yield a zip of all that is kept of a Person: JSON, and the Pictures with their Recipes."""
        async with self._line.answer("GET", "/api/export", timeout=LONG) as answer:
            async for chunk in answer.content.iter_chunked(CHUNK):
                yield chunk

    async def erase(self, person: Person, confirm: str, who: str | None = None) -> dict[str, Any]:
        """Erase all that is kept of a Person but the numbers in the ledger; `confirm` is the word erase."""
        body = {"confirm": confirm, "who": who}
        return cast(dict[str, Any], await self._line.json("POST", "/api/erase", json=body, timeout=LONG))


class RemoteOperator:
    """Have the methods of core's Operator; only what may be done over HTTP is."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def act(self, person: Person, place: Place, what: str, **detail: Any) -> dict[str, Any]:
        """Do an act of who may: on the server it stands in, or for the owner on any `server` named."""
        body = {"what": what, "detail": detail}
        return cast(dict[str, Any], await self._line.json("POST", "/api/acts", place, json=body))

    async def backup(self, person: Person) -> dict[str, Any]:
        """Make a backup of log and files while everything goes on; the owner alone may."""
        return cast(dict[str, Any], await self._line.json("POST", "/api/backup", json={}, timeout=LONG))

    async def stats(self, person: Person, place: Place) -> dict[str, Any]:
        """Return what an operator needs of the last day; Persons by digest, no words."""
        return cast(dict[str, Any], await self._line.json("GET", "/api/stats", place))

    async def acts(self, person: Person, place: Place, limit: int = 20) -> list[dict[str, Any]]:
        """Return the newest acts of the server a Person manages; the owner sees all."""
        found = await self._line.json("GET", "/api/acts", place, params={"limit": str(limit)})
        return cast(list[dict[str, Any]], found["acts"])

    async def rules(self, person: Person, place: Place) -> dict[str, Any]:
        """Return what was decided for a server, for who decides there."""
        return cast(dict[str, Any], await self._line.json("GET", "/api/rules", place))


class RemoteAccounts:
    """Have the methods of core's Accounts that the owner uses."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def add(self, person: Person, name: str, owner: bool = False) -> dict[str, Any]:
        """Make an account and its first link; owner: it signs in as the owner of this Limner."""
        return await self._post("/api/people", {"name": name, "owner": owner})

    async def link(self, person: Person, name: str) -> dict[str, Any]:
        """Make a link with which an account sets its password anew; an earlier unused one is worth nothing then."""
        return await self._post(f"/api/people/{known_name(name)}/link", {})

    async def remove(self, person: Person, name: str) -> dict[str, Any]:
        """Remove an account: its sessions, links and share links end at once; its jobs and pictures stay in the log."""
        return await self._post(f"/api/people/{known_name(name)}/remove", {})

    async def everyone(self, person: Person) -> list[dict[str, Any]]:
        """Return every account: name, whether it is the owner's and has a password, until when its link holds."""
        return cast(list[dict[str, Any]], (await self._line.json("GET", "/api/people"))["people"])

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return cast(dict[str, Any], await self._line.json("POST", path, json=body))


class RemoteSharing:
    """Have the methods of core's Sharing that need a Person."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def share(
        self, person: Person, place: Place, picture_id: str, words: bool = False, days: int | None = None
    ) -> dict[str, Any]:
        """Make a link that shows a Picture to whoever has it; words: with its Prompt and Recipe, days: so long."""
        body = {"words": words, "days": days}
        path = f"/api/pictures/{path_id(picture_id)}/share"
        return cast(dict[str, Any], await self._line.json("POST", path, place, json=body))

    async def links(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """Return how many share links of a Picture hold."""
        path = f"/api/pictures/{path_id(picture_id)}/share"
        return cast(dict[str, Any], await self._line.json("GET", path, place))

    async def unshare(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """End every share link of a Picture at once."""
        path = f"/api/pictures/{path_id(picture_id)}/unshare"
        return cast(dict[str, Any], await self._line.json("POST", path, place))
