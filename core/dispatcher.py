"""Dispatcher: claims waiting Jobs, hands them to the Renderer and settles what comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial

from core.cost import calls, cost
from core.errors import Busy, DiskFull, Lost, StudioError
from core.feed import Feed
from core.job import Job
from core.pace import Pace, Standing
from core.picture import Picture
from core.ports import Archive, Face, Renderer
from core.progress import Cancelled, Done, Failed, Painted, PictureFailed, Progress, Stepping
from core.records import CrashPoint, nothing
from core.wording import NEUTRAL, cancelled_at

log = logging.getLogger(__name__)
BEAT_S = 2.0
LEASE_S = 15.0
AGAIN_S = 2.0


class Dispatcher:
    """Keep the Renderer fed; `settled` is called after each Job, so that the Courier looks."""

    def __init__(
        self,
        archive: Archive,
        renderer: Renderer,
        feed: Feed,
        pace: Pace,
        faces: Mapping[str, Face],
        clock: Callable[[], int],
        settled: Callable[[], None],
        owner: str,
        at: CrashPoint = nothing,
    ) -> None:
        self._archive, self._renderer, self._feed, self._pace = archive, renderer, feed, pace
        self._faces, self._clock, self._settled, self._owner, self._at = faces, clock, settled, owner, at
        self._wake = asyncio.Event()
        self._held: dict[str, tuple[Job, asyncio.Task[None]]] = {}
        self._beats = asyncio.Event()
        self._open = True
        self._left = False

    def wake(self, cancelled: str | None = None) -> None:
        """Look for Jobs now; pass on a cancel to the Renderer."""
        if cancelled is not None and cancelled in self._held:
            self._renderer.cancel(cancelled)
        self._wake.set()

    async def run(self) -> None:
        """Claim while there is room, beyond it for newcomers; then wait until woken or until a waiting Job is due."""
        beats = asyncio.create_task(self._beat())
        try:
            while self._open:
                self._wake.clear()
                await self._claim()
                await self._sleep()
        finally:
            beats.cancel()

    async def stop(self) -> None:
        """Claim nothing more; what runs goes on until the Renderer ends it."""
        self._open = False
        self._wake.set()

    async def wait_idle(self) -> None:
        """Wait until every held Job is settled or given back."""
        while self._held:
            await asyncio.wait([task for _, task in self._held.values()])

    async def give_back(self, job_ids: set[str]) -> None:
        """Return Jobs the Renderer gave up with the program's end to the queue; the attempt does not count."""
        for job_id in job_ids & set(self._held):
            job, task = self._held[job_id]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._archive.give_back(job)

    async def _claim(self) -> None:
        while self._open and (besides := self._full_hands()) is not None:
            claimed = await self._archive.claim(self._owner, LEASE_S, besides=besides)
            if claimed is None:
                return
            self._at("after_claim")
            job, pictures = claimed
            self._pace.started(Standing(job.id, True, len(pictures), sum(cost(each.recipe) for each in pictures)))
            self._feed.moved()
            # Handed over before the next look at room(), so that no Job too many is claimed.
            progress = self._renderer.render(job, pictures)
            task = asyncio.create_task(self._paint(job, pictures, progress), name=f"paint {job.id}")
            self._held[job.id] = (job, task)
            self._beats.set()

    def _full_hands(self) -> list[str] | None:
        """Return whose Jobs must wait: nobody's while there is room, then theirs who have one in hand; None: all."""
        if self._renderer.room() > 0:
            return []
        if self._renderer.room(newcomer=True) > 0:
            return sorted({job.person.id for job, _ in self._held.values()})
        return None

    async def _sleep(self) -> None:
        """Sleep until woken or until the next waiting Job is due; an idle bot does no work."""
        besides = self._full_hands()
        due = None if besides is None else await self._archive.next_due("queue", self._owner, besides=besides)
        timeout = None if due is None else max((due - self._clock()) / 1000, 0.05)
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            # A Job that was put off is claimed next; one whose holder is gone must be taken from it first.
            await self._archive.reap()

    async def _paint(self, job: Job, pictures: tuple[Picture, ...], progress: AsyncIterator[Progress]) -> None:
        try:
            await self._follow(job, {picture.index: picture for picture in pictures}, progress)
        except Lost:
            log.warning("job %s: the lease was lost; whoever holds it goes on", job.id)
            self._renderer.cancel(job.id)
        except StudioError as error:
            await self._put_back(job, error)
        except Exception:
            log.exception("job %s: an error that is ours", job.id)
            await self._put_back(job, StudioError(NEUTRAL))
        finally:
            self._pace.ended(job.id)
            self._held.pop(job.id, None)
            self._feed.moved()
            self._settled()
            self._wake.set()

    async def _follow(self, job: Job, pictures: dict[int, Picture], news: AsyncIterator[Progress]) -> None:
        step, of = 0, 0
        async for progress in news:
            match progress:
                case Stepping(picture=index):
                    step, of = progress.step, progress.of
                    picture = pictures[index]
                    if calls(picture.recipe):  # Tiles say nothing of how fast the device paints.
                        self._pace.stepped(job.id, cost(picture.recipe) / max(calls(picture.recipe), 1))
                case Painted(picture=index):
                    await self._kept(job, partial(self._archive.store, job, pictures[index], progress))
                    self._at("after_store")
                    self._feed.moved()
                case PictureFailed(picture=index, error=error):
                    await self._archive.fail_picture(job, pictures[index], error.code, error.whole())
                    self._feed.moved()
                case Done():
                    await self._kept(job, partial(self._archive.finish, job))
                    self._at("after_finish")
                case Failed(error=Busy()):
                    # The Renderer stops with the program: no fault of the Job's, so the attempt does not count.
                    await self._archive.give_back(job)
                case Failed(error=error, again=True, solo=solo):
                    await self._archive.requeue(job, error.code, error.whole(), solo=solo)
                case Failed(error=error):
                    await self._archive.settle(job, "failed", error.code, error.whole())
                case Cancelled():
                    await self._archive.settle(job, "cancelled", "cancelled", cancelled_at(step, of))
            await self._show(job, progress)

    async def _kept(self, job: Job, write: Callable[[], Awaitable[object]]) -> None:
        """Write; while the disk is full or the database is locked what was painted waits in memory."""
        while True:
            try:
                await write()
            except (Busy, DiskFull) as error:
                log.warning("job %s waits to be written: %s", job.id, error)
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _put_back(self, job: Job, error: StudioError) -> None:
        self._renderer.cancel(job.id)
        try:
            await self._archive.requeue(job, error.code, error.whole())
        except StudioError:
            log.exception("job %s could not be put back; it is reaped when its lease is over", job.id)
            self._left = True
            self._beats.set()

    async def _show(self, job: Job, progress: Progress) -> None:
        self._feed.tell(job, progress)
        face = self._faces.get(job.place.face)
        if face is None:
            return
        try:
            await face.show(job, progress)
        except Exception:
            log.exception("job %s: face %s could not show progress", job.id, job.place.face)

    async def _beat(self) -> None:
        while True:
            if not self._held and not self._left:
                self._beats.clear()
            # With nothing to hold there is nothing to do: an idle bot has no timer here.
            await self._beats.wait()
            await asyncio.sleep(BEAT_S)
            try:
                await self._lengthen()
                if self._left and await self._archive.reap():
                    self._left = False
                    self._wake.set()
            except StudioError:
                log.exception("the leases could not be lengthened")

    async def _lengthen(self) -> None:
        held = [(job.id, job.fence) for job, _ in self._held.values()]
        said = await self._archive.beat(held, LEASE_S) if held else {}
        for job_id, word in said.items():
            if word != "held":
                self._renderer.cancel(job_id)
