"""Leaving: who left the server, or asked in a place that is gone, wants no picture any more."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from bot.desks import Desk
from bot.guests import FACE, channel_of
from bot.post import Post
from bot.promises import Book
from core.errors import StudioError
from core.job import Job
from core.person import Person, Place

log = logging.getLogger(__name__)
LOOK_MS = 60_000
"""Without a privileged intent nobody tells who leaves: of a Job that waits it is asked once in this time."""

Cancel = Callable[[Person, Place, str], Awaitable[object]]


class Leaving:
    """Cancel what nobody waits for any more; what was held for it is released."""

    def __init__(self, book: Book, post: Post, cancel: Cancel, clock: Callable[[], int]) -> None:
        self._book, self._post, self._cancel, self._clock = book, post, cancel, clock

    async def place_gone(self, guild_id: int, channel_id: int | None = None) -> None:
        """Cancel the open Jobs of a server the bot was taken from, or of one of its channels that was deleted."""
        for job in await self._book.open_jobs(f"{FACE}:{guild_id}"):
            if channel_id in (None, channel_of(job.place)):
                await self.cancel(job.id, job.person, job.place, "its place is gone")

    async def person_left(self, job: Job, desk: Desk) -> bool:
        """Cancel a Job that has waited a while where its Person is on the server no more; say whether so."""
        guild = job.place.unpack().get("guild")
        if guild is None or self._clock() - max(job.created_at, desk.seen_at) < LOOK_MS:
            return False
        desk.seen_at = self._clock()
        if await self._post.is_member(int(str(guild)), int(job.person.id.partition(":")[2])):
            return False
        await self.cancel(job.id, job.person, job.place, "its person left")
        return True

    async def cancel(self, job_id: str, person: Person, place: Place, why: str) -> None:
        """Cancel one Job, best effort."""
        log.info("job %s is cancelled: %s", job_id, why)
        try:
            await self._cancel(person, place, job_id)
        except StudioError as error:
            log.warning("job %s: %s, it could not be cancelled: %s", job_id, why, error)
