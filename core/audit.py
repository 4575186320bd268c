"""Audit: paints random logged Pictures again while the device is idle; the log says what came of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from core.cost import cost
from core.errors import StudioError
from core.feed import Feed
from core.job import Job
from core.limits import DAY_MS, NO_LIMITS
from core.person import AUDITOR, Place
from core.picture import Picture, Replay
from core.ports import Archive
from core.records import Clock, NewJob, NewPicture

log = logging.getLogger(__name__)
PLACE = Place.of("audit")
POWER = Path("/sys/class/power_supply")
QUIET_MS = 10 * 60_000
"""No audit begins so soon after a Job that somebody asked for."""
LATER_MS = 60 * 60_000
"""When to look again where nothing tells that it became possible: on battery, or with nothing painted yet."""


class Audit:
    """Make `per_day` Pictures a day again; clock is ms UTC, chance gives 0 to below 1, sleep takes seconds.

    wake: called after an audit was accepted (None) or called off (its Job's id), so that the Dispatcher looks.
    """

    def __init__(
        self,
        archive: Archive,
        feed: Feed,
        wake: Callable[[str | None], None],
        per_day: int,
        clock: Clock,
        chance: Callable[[], float],
        on_battery: Callable[[], bool],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._archive, self._feed, self._wake = archive, feed, wake
        self._per_day, self._clock, self._chance = per_day, clock, chance
        self._on_battery, self._sleep = on_battery, sleep
        self._asked, self._open = False, True

    async def run(self) -> None:
        """Audit when due; between two audits there is one timer and nothing else."""
        while self._per_day and self._open:
            try:
                due = await self.look()
            except StudioError:
                log.exception("an audit could not be made")
                due = self._clock() + LATER_MS
            await self._sleep(max(due - self._clock(), 0) / 1000)

    def asked(self, cancelled: str | None) -> None:
        """Pass on that somebody asked for a Job or cancelled one; an audit on its way is called off."""
        self._asked = True
        self._wake(cancelled)

    async def look(self) -> int:
        """Make one audit if it is due; return when to look again, ms UTC."""
        self._asked = False
        due = await self._due()
        if self._clock() < due:
            return due
        drawn = None if self._on_battery() else await self._archive.any_picture(self._chance())
        if drawn is None:
            return self._clock() + LATER_MS
        if self._open and not self._asked:
            await self._make(*drawn)
        # A verdict is followed by a whole interval; one called off, by the quiet that somebody's Job asks for.
        return max(await self._due(), self._clock() + 1)

    async def stop(self) -> None:
        """Begin no more audits, and call off the one that would hold up the end."""
        self._open = False
        await self.clear()

    async def clear(self) -> None:
        """Call off an audit that an earlier process left."""
        for job in await self._archive.history(AUDITOR.id, None, 1):
            if job.state in ("queued", "running"):
                await self._call_off(job)

    async def _due(self) -> int:
        now, found = self._clock(), await self._archive.audits()
        asked = now if found.busy else found.asked
        after_asked = now if asked is None else asked + QUIET_MS
        after_audit = now if found.last is None else found.last + DAY_MS // self._per_day
        return max(after_asked, after_audit)

    async def _make(self, picture: Picture, asked_by: Job) -> None:
        """See one audit through to its end, or until somebody asks for a Job."""
        with self._feed.subscribe() as inbox:
            ((job, _),) = await self._archive.accept([_new_job(picture, asked_by, self._clock())], NO_LIMITS)
            self._wake(None)
            while not job.ended:
                if self._asked:
                    await self._call_off(job)
                    return
                moved, _ = await inbox.next()
                found = await self._archive.job(job.id) if moved else job
                if found is None:
                    # Erased with the Picture it makes again.
                    return
                job = found

    async def _call_off(self, job: Job) -> None:
        await self._archive.cancel(job.id)
        self._wake(job.id)
        self._feed.moved()


def _new_job(picture: Picture, asked_by: Job, now: int) -> NewJob:
    """Return the Job that makes a stored Picture again; what keeps it from being made, the Renderer says."""
    assert picture.fingerprint is not None and picture.pixels_digest is not None
    replay = Replay(picture.fingerprint, picture.pixels_digest)
    return NewJob(
        dedupe_key=f"audit:{now}:{picture.id}/0",
        person=AUDITOR,
        place=PLACE,
        kind="reproduce",
        typed=f"/reproduce {picture.id}",
        pictures=(NewPicture(picture.recipe, cost(picture.recipe), picture.id, replay),),
        model=asked_by.model,
        behind=True,
    )


def on_battery(supplies: Path = POWER) -> bool:
    """Say whether this machine runs on its battery, by /sys/class/power_supply; where nothing tells, it does not."""
    for supply in sorted(supplies.glob("*")) if supplies.is_dir() else ():
        # A battery of scope Device is a mouse's or a keyboard's.
        mine = _read(supply / "type") == "Battery" and _read(supply / "scope") != "Device"
        if mine and _read(supply / "status") == "Discharging":
            return True
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
