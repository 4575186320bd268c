"""Dispatcher: what is painted waits for the disk, what was left is painted again, no full hand keeps others waiting."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from build import Program
from core import dispatcher
from core.errors import DiskFull, Lost
from core.job import Job
from core.person import OWNER, Person
from core.picture import Picture
from core.progress import Painted
from core.studio import Studio
from db.archive import SqlArchive
from inference import queue
from inference.run import Batch
from tests.support.fake_engine import FakeEngine
from tests.support.program import PLACE, ask, ended, running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses; what they wait for is told by events."""
    monkeypatch.setattr(dispatcher, "AGAIN_S", 0.02)
    monkeypatch.setattr(dispatcher, "BEAT_S", 0.05)


@pytest.mark.fault("F8", "what is painted waits in memory and is stored when there is room")
async def test_what_is_painted_waits_in_memory_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, tried = asyncio.Event(), asyncio.Event()
    store = SqlArchive.store

    async def no_room(self: SqlArchive, job: Job, picture: Picture, painted: Painted) -> Picture:
        tried.set()
        if not full.is_set():
            raise DiskFull("The disk is full.")
        return await store(self, job, picture, painted)

    monkeypatch.setattr(SqlArchive, "store", no_room)
    engine = FakeEngine()
    async with running(tmp_path, lambda _load, _models: engine) as program:
        job = await ask(program, "a cat --steps 3")
        await tried.wait()
        assert (await program.studio.job(OWNER, PLACE, job["id"]))["state"] == "running"
        full.set()
        sheet = await ended(program, job["id"])
        assert (sheet["state"], sheet["attempt"]) == ("delivered", 1)
        assert len(engine.steps()) == 3, "it was painted once"


async def test_a_lost_lease_stops_the_work_and_charges_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(self: SqlArchive, job: Job, picture: Picture, painted: Painted) -> Picture:
        raise Lost("somebody else has it")

    monkeypatch.setattr(SqlArchive, "store", lost)
    async with running(tmp_path, lambda _load, _models: FakeEngine()) as program:
        job = await ask(program, "a cat --steps 3")
        await program.dispatcher.wait_idle()
        await _seen(program, job["id"], "running")
        await program.dispatcher.wait_idle()
        sheet = await program.studio.job(OWNER, PLACE, job["id"])
        assert (sheet["state"], sheet["pictures"][0]["state"]) == ("running", "waiting")


async def _seen(program: Program, job_id: str, state: str, person: Person = OWNER) -> None:
    studio: Studio = program.studio
    async for event in studio.watch(person, PLACE, 0):
        if event["type"] == "move" and event["job"]["id"] == job_id and event["job"]["state"] == state:
            return


async def test_a_full_hand_of_one_person_keeps_no_stranger_waiting(tmp_path: Path) -> None:
    flood, gate = Person("web:flood", "flood"), threading.Event()

    def blocked(_: Batch) -> float:
        gate.wait(60)
        return 0.0

    async with running(tmp_path, lambda _load, _models: FakeEngine(step_s=blocked)) as program:
        hogs = [await ask(program, "a cat --n 16 --steps 50", flood) for _ in range(3)]
        await _seen(program, hogs[1]["id"], "running", flood)
        assert program.queue.room() == 0
        strangers = [Person(f"web:{name}", name) for name in ("ann", "bob")]
        try:
            for person in strangers:
                first, second = [await ask(program, "a dog --steps 4", person) for _ in range(2)]
                await _seen(program, first["id"], "running", person)
                assert (await program.studio.job(person, PLACE, second["id"]))["state"] == "queued", "one beyond room"
            assert (await program.studio.job(flood, PLACE, hogs[2]["id"]))["state"] == "queued"
        finally:
            gate.set()
        await ended(program, second["id"], strangers[1])


async def test_newcomers_beyond_room_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_JOBS", 3)
    gate = threading.Event()

    def blocked(_: Batch) -> float:
        gate.wait(60)
        return 0.0

    people = [Person(f"web:p{n}", f"p{n}") for n in range(5)]
    async with running(tmp_path, lambda _load, _models: FakeEngine(step_s=blocked)) as program:
        try:
            jobs = [await ask(program, "a cat --n 16 --steps 9", person) for person in people]
            await _seen(program, jobs[2]["id"], "running", people[2])
            states = [
                (await program.studio.job(person, PLACE, job["id"]))["state"]
                for person, job in zip(people, jobs, strict=True)
            ]
            assert states == ["running"] * 3 + ["queued"] * 2
        finally:
            gate.set()
        await ended(program, jobs[4]["id"], people[4])


async def test_who_cancels_is_told_how_far_it_was(tmp_path: Path) -> None:
    gate, calls = threading.Event(), 0

    def blocked(_: Batch) -> float:
        nonlocal calls
        calls += 1
        assert calls <= 3 or gate.wait(60)
        return 0.0

    async with running(tmp_path, lambda _load, _models: FakeEngine(step_s=blocked)) as program:
        with program.feed.subscribe() as inbox:
            job = await ask(program, "a cat --steps 30")
            try:
                while not any(getattr(told, "step", 0) == 3 for _, told in (await inbox.next())[1]):
                    pass
                await program.studio.cancel(OWNER, PLACE, job["id"])
            finally:
                gate.set()
        sheet = await ended(program, job["id"])
        assert sheet["sentence"] in [f"Cancelled at step {step} of 30. Nothing was charged." for step in (3, 4)]
