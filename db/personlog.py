"""What Persons and operators decide, and the end of all that is kept of a Person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from core.defaults import Defaults
from core.job import Job
from core.limits import Limits, Usage
from core.picture import Picture
from core.records import Act, Asker, Erased, Move, Tally
from core.rules import Rules
from core.search import Hit, Search
from db import accept, deciding, erasing, gallery, reading
from db.shelf import Shelf

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PersonLog(Shelf):
    """Be the part of the Archive that knows Persons."""

    _erasing: asyncio.Lock

    async def _known(self, what: str, whose: str, read: Callable[[Session], T]) -> T:
        """Return what seldom changes, from memory where it was read before."""
        return await self._store.known.of((what, whose), lambda: self._store.read(read))

    async def defaults(self, person: str) -> Defaults:
        """Return what a Person wants where nothing is typed."""
        return await self._known("defaults", person, lambda s: deciding.defaults(s, person))

    async def keep_defaults(self, person: str, defaults: Defaults) -> None:
        """Keep a Person's Defaults."""
        await self._store.decide(lambda s: deciding.keep_defaults(s, person, defaults))

    async def rules(self, server: str) -> Rules:
        """Return what was decided for one server."""
        return await self._known("rules", server, lambda s: deciding.rules(s, server))

    async def act(self, act: Act, rules: Rules | None, changes: Mapping[str, Any]) -> None:
        """Write an act with what it changes."""
        await self._store.decide(lambda s: deciding.act(s, self._clock(), act, rules, changes))

    async def acts(self, server: str | None, limit: int) -> list[Act]:
        """Return acts, newest first."""
        return await self._store.read(lambda s: deciding.acts(s, server, limit))

    async def tally(self, server: str | None, within_ms: int) -> Tally:
        """Count what happened in the time until now."""
        return await self._store.read(lambda s: deciding.tally(s, server, self._clock() - within_ms))

    async def askers(self, within_ms: int) -> list[Asker]:
        """Return who asked in the time until now, the costliest first."""
        return await self._store.read(lambda s: deciding.askers(s, self._clock() - within_ms))

    async def moves_of(self, job_id: str) -> list[Move]:
        """Return every move of one Job, in order."""
        return await self._store.read(lambda s: reading.moves_of(s, job_id))

    async def opens(self, person: str, limits: Limits, jobs: int, cost: int) -> Usage:
        """Return what a Person has used, with the exact times at which so much more fits into each window."""
        return await self._store.read(lambda s: accept.opens(s, self._clock(), self._till, person, limits, jobs, cost))

    async def jobs(self, ids: Sequence[str]) -> dict[str, Job]:
        """Return Jobs by their whole ids."""
        return await self._store.read(lambda s: reading.jobs(s, ids))

    async def children(self, picture_id: str) -> list[tuple[Picture, Job]]:
        """Return the Pictures made from one, with their Jobs, oldest first."""
        return await self._store.read(lambda s: reading.children(s, picture_id))

    async def gallery(self, person: str, search: Search, before: tuple[int, str] | None, limit: int) -> list[Hit]:
        """Return a Person's Pictures that a Search finds, newest first, those before (at, id)."""
        return await self._store.read(lambda s: gallery.page(s, person, search, before, limit))

    async def gallery_count(self, person: str, search: Search) -> int:
        """Return how many a Search finds."""
        return await self._store.read(lambda s: gallery.count(s, person, search))

    async def favourites(self, person: str, ids: Sequence[str]) -> frozenset[str]:
        """Return which of some Pictures are a Person's favourites."""
        return await self._store.read(lambda s: gallery.favourites(s, person, ids))

    async def favour(self, person: str, picture_id: str, on: bool) -> None:
        """Make a Picture a Person's favourite, or no more."""
        await self._store.write(lambda s: gallery.favour(s, self._clock(), person, picture_id, on))

    async def remove(self, job_id: str) -> None:
        """Take a Job out of its Person's history and gallery."""
        await self._store.write(lambda s: gallery.remove(s, self._clock(), job_id))

    async def erased(self, id_or_tail: str) -> bool:
        """Say whether a Job or Picture of this id was erased."""
        return await self._store.read(lambda s: erasing.erased(s, id_or_tail))

    async def erase(self, person: str) -> Erased:
        """Remove all of a Person's but the numbers in the ledger."""
        async with self._erasing:
            return await erasing.erase(self._store, self._files, self._till, self._clock, person)
