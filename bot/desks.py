"""Desks: what is known of open Jobs' cards; all of it can be found again or may be lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from bot.post import Spot
from bot.promises import Book
from core.errors import StudioError
from core.job import Job
from core.person import Person, Place
from core.progress import Progress

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Desk:
    """Hold one open Job's card. limit: bytes a file may have there, 0: not known; line: the place last told.

    seen_at: when its Person was last seen on the server, ms UTC.
    """

    spot: Spot | None = None
    limit: int = 0
    line: int | None = None
    whose: tuple[Person, Place] | None = None
    looked: bool = False
    seen_at: int = 0
    newest: tuple[Job, Progress] | None = None
    preview: bytes | None = None
    task: asyncio.Task[None] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Desks:
    """Keep the Desks of open Jobs, and write down where their cards stand."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._desks: dict[str, Desk] = {}
        self._unkept: dict[str, str] = {}
        self._keeping: asyncio.Task[None] | None = None

    def of(self, job_id: str) -> Desk:
        """Return a Job's Desk, a new one where there is none."""
        return self._desks.setdefault(job_id, Desk())

    def known(self, job_id: str) -> bool:
        """Say whether an open Job's card is known to stand."""
        desk = self._desks.get(job_id)
        return desk is not None and desk.spot is not None

    def stands(self, job_id: str, found: Desk) -> None:
        """Remember where a card stands, and soon write it down."""
        desk = self.of(job_id)
        desk.spot, desk.limit, desk.line, desk.whose = found.spot, found.limit, found.line, found.whose
        if found.spot is not None:
            self._unkept[job_id] = str(found.spot.message_id)
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._write(), name="cards")

    def at(self, message_ids: Collection[int]) -> dict[str, tuple[Person, Place]]:
        """Return the open Jobs whose cards are these messages, with who asked and where."""
        return {
            job_id: desk.whose
            for job_id, desk in self._desks.items()
            if desk.whose is not None and desk.spot is not None and desk.spot.message_id in message_ids
        }

    def gone(self, job_id: str) -> None:
        """Forget an ended Job's card."""
        desk = self._desks.pop(job_id, None)
        if desk is not None and desk.task is not None and desk.task is not asyncio.current_task():
            desk.task.cancel()

    async def close(self) -> None:
        """Stop what edits, and write down what is not yet."""
        tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
        tasks += [] if self._keeping is None else [self._keeping]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._flush()

    async def _write(self) -> None:
        """Write them down together that came while the last ones were written."""
        while self._unkept:
            await self._flush()

    async def _flush(self) -> None:
        found, self._unkept = self._unkept, {}
        try:
            if found:
                await self._book.cards_stand(found)
        except StudioError as error:
            # It only helps to find a card again; the chat can be searched too.
            log.warning("where %d cards stand could not be written down: %s", len(found), error)
