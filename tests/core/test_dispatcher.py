"""Dispatcher against a full disk and a lost lease: what is painted waits, what was left behind is painted again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from build import Program
from core import dispatcher
from core.errors import DiskFull, Lost
from core.job import Job
from core.person import OWNER
from core.picture import Picture
from core.progress import Painted
from core.studio import Studio
from db.archive import SqlArchive
from tests.support.fake_engine import FakeEngine
from tests.support.program import PLACE, ask, ended, running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses; what they wait for is told by events."""
    monkeypatch.setattr(dispatcher, "AGAIN_S", 0.02)
    monkeypatch.setattr(dispatcher, "BEAT_S", 0.05)


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


async def _seen(program: Program, job_id: str, state: str) -> None:
    studio: Studio = program.studio
    async for event in studio.watch(OWNER, PLACE, 0):
        if event["type"] == "move" and event["job"]["id"] == job_id and event["job"]["state"] == state:
            return
