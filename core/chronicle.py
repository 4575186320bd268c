"""Chronicle: one line of the log and one count for every move of a Job, read off the moves themselves; no words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from core.errors import LimitReached, StudioError
from core.feed import Feed
from core.meters import Labels, Meters
from core.person import Person, Place
from core.ports import Archive
from core.records import Move, reason
from core.sheet import JobSheet
from core.studio import Ask, Studio

log = logging.getLogger("limner.jobs")
PROBE_S = 1.0
TOGETHER_S = 0.1
"""What moves within this time is read at once."""


class Chronicle:
    """Follow the log from `begin` on and write down what happened; state: how the device is."""

    def __init__(
        self,
        archive: Archive,
        feed: Feed,
        meters: Meters,
        state: Callable[[], str],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.meters, self._pause = meters, pause
        self._archive, self._feed, self._state = archive, feed, state
        self._seen = 0
        self._queued: dict[str, int] = {}
        self._claimed: dict[str, int] = {}

    async def begin(self) -> None:
        """Pass over what earlier processes did."""
        self._seen = await self._archive.last_move()

    async def run(self) -> None:
        """Write every move down as it comes."""
        with self._feed.subscribe() as inbox:
            while True:
                moved, _ = await inbox.next()
                await self._pause(TOGETHER_S)
                while moved and (moves := await self._archive.moves_after(self._seen, None)):
                    for move in moves:
                        self._write(move)
                    self._seen = moves[-1].id

    async def metrics(self) -> str:
        """Return every meter in Prometheus' text form."""
        line = await self._archive.line()
        running = sum(standing.running for standing in line)
        states = {"queued": len(line) - running, "running": running}
        queue: dict[Labels, float] = {(("state", name),): float(number) for name, number in states.items()}
        ready: dict[Labels, float] = {(): float(self._state() == "ready")}
        return self.meters.text({"limner_queue_jobs": queue, "limner_ready": ready})

    def _write(self, move: Move) -> None:
        why = reason(move.why)
        log.info(
            "job %s: %s to %s",
            move.job_id,
            move.from_state or "new",
            move.to_state,
            extra={"job": move.job_id, "face": move.place.face, "came": move.from_state, "to": move.to_state,
                   "attempt": move.attempt, "why": why},
        )  # fmt: skip
        if move.from_state == move.to_state:
            # A Picture of a Job that goes on.
            return
        self.meters.count("limner_moves_total", to=move.to_state)
        queued, claimed = self._queued.pop(move.job_id, None), self._claimed.pop(move.job_id, None)
        if move.to_state == "queued":
            self._queued[move.job_id] = move.at
        elif move.to_state == "running":
            self._claimed[move.job_id] = move.at
            if queued is not None:
                self.meters.measure("limner_wait_seconds", max(move.at - queued, 0) / 1000)
        elif move.to_state == "rendered" and claimed is not None:
            self.meters.measure("limner_paint_seconds", max(move.at - claimed, 0) / 1000)
        elif move.to_state == "delivered":
            self.meters.count("limner_delivered_total", face=move.place.face)
        elif move.to_state == "failed":
            self.meters.count("limner_failures_total", cause=why.rpartition(" ")[2] or "unknown")


class CountedStudio(Studio):
    """Be the Studio, and count whom a Limit stopped."""

    async def ask(self, ask: Ask) -> list[JobSheet]:
        """Accept Jobs, all or none, and return their sheets; raise a StudioError where nothing was accepted."""
        try:
            return await super().ask(ask)
        except StudioError as error:
            self._count(error)
            raise

    async def reproduce_file(self, person: Person, place: Place, source: str, raw: bytes) -> list[JobSheet]:
        """Reproduce a PNG somebody brought: by its row where its id is known, else by what it says of itself."""
        try:
            return await super().reproduce_file(person, place, source, raw)
        except StudioError as error:
            self._count(error)
            raise

    def _count(self, error: StudioError) -> None:
        if isinstance(error, LimitReached):
            self._house.meters.count("limner_limits_hit_total")


class LagProbe:
    """Measure how late the event loop rings, by one timer."""

    def __init__(self, meters: Meters, every_s: float = PROBE_S) -> None:
        self._meters, self._every_s = meters, every_s
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Wind the timer."""
        loop = asyncio.get_running_loop()
        self._wind(loop, loop.time())

    def stop(self) -> None:
        """Take the timer away."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wind(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self._timer = loop.call_at(now + self._every_s, self._ring, loop, now + self._every_s)

    def _ring(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        self._meters.measure("limner_loop_lag_seconds", max(now - due, 0.0))
        self._wind(loop, now)
