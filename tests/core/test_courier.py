"""The Courier and the Turns: who is slow holds up no other, a day of tries ends, places are told when they change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.courier import AT_ONCE, Courier
from core.errors import Unavailable
from core.feed import Feed
from core.job import Job
from core.limits import Limits
from core.pace import Pace
from core.person import Place
from core.ports import Face
from core.progress import Progress, Waiting
from core.records import Parcel, Receipt
from core.turns import MOST, Turns
from db.archive import SqlArchive
from tests.support.archive import Ticks, new_job, open_archive, paint_all

HERE = Place.of("chat")
DAY_S = 86_400


@dataclass
class SlowFace:
    """A Face that holds the deliveries of one Person until told, or takes none at all."""

    held: str = ""
    down: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)
    brought: list[str] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)

    async def show(self, job: Job, progress: Progress) -> None:
        assert isinstance(progress, Waiting)
        self.told.append((job.id, progress.place))

    async def deliver(self, parcel: Parcel) -> Receipt:
        if self.down:
            raise Unavailable("Not now.")
        if parcel.job.person.id == self.held:
            await self.go.wait()
        self.brought.append(parcel.job.person.id)
        return Receipt("1")


async def rendered(archive: SqlArchive, person: str = "web:owner") -> Job:
    """Have a Job accepted, claimed and painted, so that its result is to be delivered."""
    await archive.accept([new_job(person=person, place=HERE)], Limits())
    claimed = await archive.claim("w", 15)
    assert claimed
    return await paint_all(archive, *claimed)


async def test_a_slow_delivery_holds_up_no_other_and_stopping_waits_for_it(tmp_path: Path) -> None:
    ticks, face = Ticks(), SlowFace(held="chat:slow")
    archive = await open_archive(tmp_path, clock=ticks)
    courier = Courier(archive, {"chat": face}, Feed(), ticks, "c")
    for person in ("chat:slow", *(f"chat:{number}" for number in range(2 * AT_ONCE))):
        await rendered(archive, person)
    running = asyncio.create_task(courier.run())
    async with asyncio.timeout(10):
        while len(face.brought) < 2 * AT_ONCE:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await courier.stop()
        assert "chat:slow" not in face.brought and not running.done()
        face.go.set()
        await running
    assert face.brought[-1] == "chat:slow"
    await archive.close()


async def test_a_day_of_tries_ends_and_a_day_without_the_program_is_none(tmp_path: Path) -> None:
    ticks, face = Ticks(), SlowFace(down=True)
    archive = await open_archive(tmp_path, clock=ticks)
    made = await rendered(archive)
    ticks.tick(2 * DAY_S)
    states = []
    for _ in range(25):
        courier = Courier(archive, {"chat": face}, Feed(), ticks, "c")
        await courier.stop()
        await courier.run()
        job = await archive.job(made.id)
        assert job
        states.append(job.state)
        ticks.tick(61)
    assert states[:20] == ["rendered"] * 20 and states[-1] == "undeliverable"
    await archive.close()


async def test_places_are_told_when_they_change_those_next_in_line_first(tmp_path: Path) -> None:
    ticks, face = Ticks(), SlowFace()
    archive = await open_archive(tmp_path, clock=ticks)
    faces: dict[str, Face] = {"chat": face}
    turns = Turns(archive, faces, Feed(), Pace(lambda: 0.0), asyncio.sleep)
    jobs = []
    for number in range(MOST + 3):
        [(job, _)] = await archive.accept([new_job(person=f"chat:{number:02}", place=HERE)], Limits())
        jobs.append(job.id)
        ticks.tick(1)
    await turns.tell()
    assert face.told == [(job, place) for place, job in enumerate(jobs[:MOST], 1)]
    face.told.clear()
    await turns.tell()
    assert face.told == [(job, place) for place, job in enumerate(jobs[MOST:], MOST + 1)]
    face.told.clear()
    await turns.tell()
    assert not face.told
    await archive.cancel(jobs[1])
    await turns.tell()
    assert face.told[0] == (jobs[2], 2) and jobs[0] not in dict(face.told)
    await archive.close()


@pytest.mark.parametrize("turns", range(5))
async def test_a_courier_cancelled_just_after_it_was_woken_ends(tmp_path: Path, turns: int) -> None:
    """A delivery put off gives its sleep an end, which is where a cancel was once swallowed."""
    ticks, face = Ticks(), SlowFace(down=True)
    archive = await open_archive(tmp_path, clock=ticks)
    await rendered(archive)
    courier = Courier(archive, {"chat": face}, Feed(), ticks, "c")
    running = asyncio.create_task(courier.run())
    async with asyncio.timeout(10):
        while (await archive.next_due("outbox") or 0) <= ticks.now:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)
    courier.wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.cancelled()
    await archive.close()
