"""Turns: tells the faces where Jobs stand that still wait in the log, as often as a card may be edited."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from core.errors import StudioError
from core.feed import Feed
from core.pace import Pace, Standing
from core.ports import Archive, Face
from core.progress import Waiting

log = logging.getLogger(__name__)
EVERY_S = 5.0
"""A waiting card is edited no more often."""

MOST = 10
"""Cards told of in one round, those nearest their turn first: a long line must not hold up results."""


class Turns:
    """Tell each place once; a place that did not change is not told again."""

    def __init__(
        self,
        archive: Archive,
        faces: Mapping[str, Face],
        feed: Feed,
        pace: Pace,
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._archive, self._faces, self._feed, self._pace, self._pause = archive, faces, feed, pace, pause
        self._told: dict[str, int] = {}

    async def run(self) -> None:
        """Look at the line each time the log moved, then rest."""
        with self._feed.subscribe() as inbox:
            while True:
                moved, _ = await inbox.next()
                if not moved or not self._faces:
                    continue
                try:
                    await self.tell()
                except StudioError:
                    log.exception("the places in the line could not be read")
                await self._pause(EVERY_S)

    async def tell(self) -> None:
        """Tell the Jobs nearest their turn where they stand now, where that is news."""
        line = await self._archive.line()
        news = [(place, each) for place, each in enumerate(line, 1) if self._told.get(each.job_id) != place]
        ends = self._pace.forecast(line) if news else {}
        told = {each.job_id: self._told[each.job_id] for each in line if each.job_id in self._told}
        left = MOST
        for place, standing in news:
            if left == 0:
                break
            if await self._tell(standing, place, ends.get(standing.job_id)):
                left -= 1
            told[standing.job_id] = place
        self._told = told

    async def _tell(self, standing: Standing, place: int, eta_s: float | None) -> bool:
        """Tell one Job's face; say whether there was one to tell."""
        job = None if standing.running else await self._archive.job(standing.job_id)
        face = None if job is None or job.state != "queued" else self._faces.get(job.place.face)
        if job is None or face is None:
            return False
        try:
            await face.show(job, Waiting(place, eta_s))
        except Exception:
            log.exception("job %s: face %s could not show its place", job.id, job.place.face)
        return True
