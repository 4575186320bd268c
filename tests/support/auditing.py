"""The parts an audit touches, on a clock that moves only when told to: real Archive, Studio, queue; a FakeEngine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from core.audit import Audit
from core.courier import Courier
from core.dispatcher import Dispatcher
from core.draft import ModelCard
from core.feed import Feed
from core.house import House
from core.limits import Limits
from core.pace import Pace
from core.person import Person, Place
from core.ports import Face
from core.promise import Ground
from core.sheet import JobSheet
from core.studio import Ask, Studio
from db.archive import SqlArchive
from inference.queue import InferenceQueue
from tests.support.archive import Ticks, open_archive
from tests.support.fake_engine import FakeEngine

CARD = ModelCard(
    name="tiny", family="sd1", digest="ab" * 32, width=64, height=64, multiple=8, steps=2, guidance=3.0,
    sampler="euler", samplers={"euler": {}},
)  # fmt: skip
HALL = Place.of("web", {"feed": "hall"})


@dataclass
class Device:
    """Hold what a test changes under way: the battery, the chance, what the Studio knows of the device."""

    battery: bool = False
    chance: float = 0.0
    ground: Ground = field(default_factory=Ground)


@dataclass
class Hall:
    """Hold one program without faces; `naps` are the seconds its Audit slept, which moved the clock."""

    archive: SqlArchive
    studio: Studio
    audit: Audit
    feed: Feed
    clock: Ticks
    device: Device
    naps: asyncio.Queue[float]
    numbers: count[int] = field(default_factory=count)

    async def ask(self, words: str, person: Person, place: Place = HALL) -> JobSheet:
        """Ask for one Job."""
        return (await self.studio.ask(Ask(person, place, f"hall-{next(self.numbers)}", words)))[0]

    async def ended(self, job_id: str) -> JobSheet:
        """Wait until a Job has ended."""
        with self.feed.subscribe() as inbox:
            while (job := await self.archive.job(job_id)) is None or not job.ended:
                await inbox.next()
        return await self.studio.job(job.person, job.place, job.id)

    async def done(self, words: str, person: Person, place: Place = HALL) -> JobSheet:
        """Ask for one Job and wait until it has ended."""
        return await self.ended((await self.ask(words, person, place))["id"])


@asynccontextmanager
async def hall(data: Path, engine: FakeEngine | None = None, per_day: int = 4) -> AsyncIterator[Hall]:
    """Run the parts on a folder."""
    clock, device, naps = Ticks(), Device(), asyncio.Queue[float]()
    pool = ThreadPoolExecutor(4)
    archive = await open_archive(data, clock=clock, pool=pool)
    feed, pace, faces = Feed(), Pace(time.monotonic), dict[str, Face]()
    queue = InferenceQueue(engine or FakeEngine(), clock=time.monotonic, pool=pool)
    courier = Courier(archive, faces, feed, clock, "test")
    dispatcher = Dispatcher(archive, queue, feed, pace, faces, clock, courier.wake, "test")

    async def nap(seconds: float) -> None:
        clock.tick(seconds)
        await naps.put(seconds)

    def wake(cancelled: str | None) -> None:
        dispatcher.wake(cancelled)
        courier.wake()

    async def reads_all(_: object) -> str | None:
        return None

    audit = Audit(archive, feed, wake, per_day, clock, lambda: device.chance, lambda: device.battery, nap)
    house = House(
        models=lambda: (CARD,), default_model="tiny", limits=Limits(waiting=9, per_minute=9, day_cost=10**9),
        state=lambda: queue.state, pace=pace, fresh_seed=lambda: 7, cut=reads_all, ground=lambda _: device.ground,
    )  # fmt: skip
    studio = Studio(archive, feed, house, audit.asked)
    await queue.start()
    tasks = [asyncio.create_task(part) for part in (dispatcher.run(), courier.run())]
    try:
        yield Hall(archive, studio, audit, feed, clock, device, naps)
    finally:
        await audit.stop()
        await dispatcher.stop()
        await dispatcher.give_back(await queue.stop(0.5))
        await dispatcher.wait_idle()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await archive.close()
        pool.shutdown(wait=True)
