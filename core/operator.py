"""Operator: what the owner, and who manages a server, may do there; each act is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from core import wording
from core.access import only_owner
from core.acting import ACTS, OWNERS
from core.asking import card_named
from core.errors import BadInput, NotAllowed
from core.feed import Feed
from core.house import House
from core.limits import DAY_MS
from core.looking import DEFAULT_MODEL
from core.person import Person, Place
from core.ports import Archive
from core.records import Act
from core.rules import EVERYWHERE, server_of

SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"pause": {"paused": True}, "resume": {"paused": None, "draining": None}, "drain": {"draining": True}}
)
"""What an act changes among the overrides; None takes a setting away. They outlive the program."""


class Operator:
    """Do and tell acts; `wake` is called after each, for claims may go on."""

    def __init__(self, archive: Archive, house: House, feed: Feed, wake: Callable[[str | None], None]) -> None:
        self._archive, self._house, self._feed, self._wake = archive, house, feed, wake

    async def act(self, person: Person, place: Place, what: str, **detail: Any) -> dict[str, Any]:
        """Do an act of who may: on the server it stands in, or for the owner on any `server` named."""
        server = _server(person, place, detail.pop("server", None), owners=what in OWNERS)
        if what not in ACTS:
            raise BadInput(f"There is no act {what!r:.40}.", f"There are: {', '.join(ACTS)}.")
        before = await self._archive.rules(server)
        after = ACTS[what](before, detail)
        changes = SETTINGS.get(what, {})
        if what == "default_model":
            changes = {DEFAULT_MODEL: card_named(self._house.models(), detail["model"]).name}
        act = Act(person.id, place, server, what, detail)
        await self._archive.act(act, None if after == before else after, changes)
        self._wake(None)
        self._feed.moved()
        return {"what": what, "server": server, "sentence": wording.act(what, detail)}

    async def backup(self, person: Person) -> dict[str, Any]:
        """Make a backup of log and files while everything goes on; the owner alone may."""
        only_owner(person)
        return await self._archive.backup(self._house.backups_days)

    async def stats(self, person: Person, place: Place) -> dict[str, Any]:
        """Return what an operator needs of the last day; Persons by digest, no words."""
        server = _server(person, place, None, owners=False)
        found = await self._archive.tally(None if server == EVERYWHERE else server, DAY_MS)
        settings = await self._archive.overrides()
        return {
            "server": server,
            "state": self._house.state(),
            "paused": bool(settings.get("paused")),
            "draining": bool(settings.get("draining")),
            "open": found.open,
            "pictures": found.painted,
            "failures": found.failed,
            "cost": dict(found.cost),
            "acts": dict(found.acts),
        }

    async def acts(self, person: Person, place: Place, limit: int = 20) -> list[dict[str, Any]]:
        """Return the newest acts of the server a Person manages; the owner sees all."""
        server = _server(person, place, None, owners=False)
        rows = await self._archive.acts(None if server == EVERYWHERE else server, limit)
        return [
            {
                "at": act.at,
                "person": act.person,
                "server": act.server,
                "what": act.what,
                "detail": dict(act.detail),
                "sentence": wording.act(act.what, act.detail),
            }
            for act in rows
        ]

    async def rules(self, person: Person, place: Place) -> dict[str, Any]:
        """Return what was decided for a server, for who decides there."""
        server = _server(person, place, None, owners=False)
        return (await self._archive.rules(server)).as_json()


def _server(person: Person, place: Place, named: object, *, owners: bool) -> str:
    """Return whose Rules a Person may change here; raise NotAllowed where it may change none."""
    here = server_of(place)
    if person.is_owner:
        if named is not None and not isinstance(named, str):
            raise BadInput("server is a text.", 'Such as "discord:123", or "all".')
        return here if named is None else named
    if owners:
        only_owner(person)
    if not person.manages or here == EVERYWHERE or named not in (None, here):
        raise NotAllowed("Only the owner, or who manages this server, may do that.")
    return here
