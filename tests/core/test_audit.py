"""Audits on the real Archive and a fake clock: only in quiet, behind everybody, called off when somebody asks."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from core.audit import LATER_MS, QUIET_MS, on_battery
from core.errors import ModelUnavailable, NotAllowed
from core.limits import DAY_MS, Usage
from core.person import AUDITOR, OWNER, Person
from core.picture import Picture
from core.sheet import JobSheet
from inference.run import Batch, Run
from tests.support.auditing import HALL, Hall, hall
from tests.support.fake_engine import FakeEngine

ANN, BOB = Person("web:ann"), Person("web:bob")


class Fickle(FakeEngine):
    """Be a device that can go bad: another picture from the same Recipe, or no Model any more."""

    drift = False
    gone = False

    def begin(self, run: Run) -> None:
        if self.gone:
            raise ModelUnavailable("The model is gone.", "Bring it back.")
        super().begin(run)

    def decode(self, run: Run) -> object:
        rgb = super().decode(run)
        assert isinstance(rgb, bytes)
        return bytes([rgb[0] ^ 4]) + rgb[1:] if self.drift else rgb


async def quiet(here: Hall) -> None:
    """Let ten minutes pass since the last move."""
    here.clock.tick(QUIET_MS / 1000)


async def words(here: Hall) -> list[str]:
    return [each["word"] for each in await here.studio.audit(OWNER)]


async def test_nothing_is_audited_within_ten_minutes_of_somebodys_job(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        await here.done("a cat", ANN)
        asked = here.clock.now
        assert await here.audit.look() == asked + QUIET_MS
        here.clock.tick(QUIET_MS / 1000 - 1)
        assert await here.audit.look() == asked + QUIET_MS
        assert await words(here) == []
        here.clock.tick(1)
        begun = here.clock.now
        assert await here.audit.look() == begun + DAY_MS // 4
        assert await words(here) == ["identical"]


async def test_an_open_job_of_somebody_counts_however_old_it_is(tmp_path: Path) -> None:
    gate = threading.Event()
    async with hall(tmp_path, FakeEngine(step_s=lambda _: float(not gate.wait(20)))) as here:
        job = await here.ask("a cat", ANN)
        here.clock.tick(3600)
        assert await here.audit.look() == here.clock.now + QUIET_MS
        gate.set()
        await here.ended(job["id"])


async def test_an_idle_program_sleeps_from_audit_to_audit(tmp_path: Path) -> None:
    async with hall(tmp_path, per_day=4) as here:
        await here.done("a cat", ANN)
        running = asyncio.create_task(here.audit.run())
        naps = [await here.naps.get() for _ in range(4)]
        running.cancel()
        assert naps == [QUIET_MS / 1000, *[24 * 3600 / 4] * 3]
        assert len(await words(here)) >= 3


async def test_none_a_day_is_none(tmp_path: Path) -> None:
    async with hall(tmp_path, per_day=0) as here:
        await here.audit.run()
        assert here.naps.empty()


async def test_on_battery_or_with_nothing_painted_it_looks_again_in_an_hour(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        assert await here.audit.look() == here.clock.now + LATER_MS
        await here.done("a cat", ANN)
        await quiet(here)
        here.device.battery = True
        assert await here.audit.look() == here.clock.now + LATER_MS
        assert await words(here) == []
        here.device.battery = False
        await here.audit.look()
        assert await words(here) == ["identical"]


async def test_chance_draws_among_all_pictures_but_audits(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        first = (await here.done("a cat --n 2", ANN))["pictures"]
        last = (await here.done("a dog --seed 3", BOB))["pictures"]
        await quiet(here)
        for chance in (0.0, 0.999, 0.5, 0.999):
            here.device.chance = chance
            await here.audit.look()
            here.clock.tick(DAY_MS / 4000)
        drawn = [each["picture"] for each in await here.studio.audit(OWNER)]
        assert drawn == [each["id"] for each in (last[0], first[1], last[0], first[0])]


async def test_the_verdict_is_logged_counted_and_told_to_the_owner_alone(tmp_path: Path) -> None:
    device = Fickle()
    async with hall(tmp_path, device) as here:
        picture = (await here.done("a cat", ANN))["pictures"][0]
        await quiet(here)
        for change in ("", "drift", "gone"):
            if change:
                setattr(device, change, True)
            await here.audit.look()
            here.clock.tick(DAY_MS / 4000)
        found = await here.studio.audit(OWNER)
        assert [each["word"] for each in found] == ["cannot", "different", "identical"]
        assert {each["picture"] for each in found} == {picture["id"]}
        assert found[0]["sentence"] == "cannot: The model is gone. Bring it back."
        assert found[1]["sentence"].startswith("different: no recorded field; max 4/255")
        (second,) = await here.studio.audit(OWNER, 1)
        assert second == found[0]
        begun = here.clock.now - DAY_MS // 4
        told = (await here.studio.health())["audit"]
        assert told == {"checked": 3, "identical": 1, "different": 1, "last": begun}
        with pytest.raises(NotAllowed):
            await here.studio.audit(ANN)


async def state_of(here: Hall, person: Person) -> tuple[Picture | None, list[JobSheet], Usage]:
    """Return what a Person would notice; of the windows only that of the day is as long as the audits take."""
    used = await here.archive.usage(person.id)
    return (
        await here.archive.last_picture(person.id),
        await here.studio.history(person),
        replace(used, minute=0, minute_opens=None),
    )


async def test_nobody_notices_audits(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        await here.done("a cat", ANN)
        before = await state_of(here, ANN)
        await quiet(here)
        for _ in range(3):
            await here.audit.look()
            here.clock.tick(DAY_MS / 4000)
        assert before == await state_of(here, ANN) and before[2].day_cost == 64 * 64 * 2 * 2
        assert len(await words(here)) == 3
        assert {move.job_id for move in await here.archive.moves_after(0, ANN.id)} == {before[1][0]["id"]}


async def test_who_asks_goes_first_and_the_audit_is_called_off(tmp_path: Path) -> None:
    """The audit is in a call when Bob asks: he is next in line, and is painted though the audit's calls never end."""
    held, begun = threading.Event(), threading.Event()

    def call(batch: Batch) -> float:
        if any(run.share == AUDITOR.id for run in batch.runs):
            begun.set()
            held.wait(20)
        return 0.0

    async with hall(tmp_path, FakeEngine(step_s=call)) as here:
        await here.done("a cat --steps 9", ANN)
        await quiet(here)
        looking = asyncio.create_task(here.audit.look())
        await asyncio.to_thread(begun.wait, 20)
        asked = await here.ask("a dog", BOB)
        (mine,) = await here.archive.history(AUDITOR.id, None, 9)
        again = await looking
        held.set()
        assert (await here.ended(asked["id"]))["state"] == "delivered"
        assert asked["place"] in (1, None)
        assert (await here.ended(mine.id))["state"] == "cancelled"
        assert again == here.clock.now + QUIET_MS
        assert (await here.archive.audits()).checked == 0
        here.clock.tick(QUIET_MS / 1000)
        await here.audit.look()
        assert await words(here) == ["identical"]


async def test_an_audit_left_by_an_earlier_process_is_called_off(tmp_path: Path) -> None:
    held, begun = threading.Event(), threading.Event()

    def call(batch: Batch) -> float:
        if any(run.share == AUDITOR.id for run in batch.runs):
            begun.set()
            held.wait(20)
        return 0.0

    async with hall(tmp_path, FakeEngine(step_s=call)) as here:
        await here.done("a cat --steps 9", ANN)
        await quiet(here)
        looking = asyncio.create_task(here.audit.look())
        await asyncio.to_thread(begun.wait, 20)
        await here.audit.stop()
        held.set()
        await looking
        (mine,) = await here.archive.history(AUDITOR.id, None, 9)
        assert (await here.ended(mine.id))["state"] == "cancelled" and mine.place != HALL


def supply(folder: Path, name: str, **facts: str) -> None:
    (folder / name).mkdir()
    for fact, value in facts.items():
        (folder / name / fact).write_text(value + "\n")


def test_the_battery_is_read_from_the_system(tmp_path: Path) -> None:
    assert not on_battery(tmp_path / "none") and not on_battery(tmp_path)
    supply(tmp_path, "AC", type="Mains", online="0")
    supply(tmp_path, "mouse", type="Battery", scope="Device", status="Discharging")
    supply(tmp_path, "BAT0", type="Battery", status="Full")
    assert not on_battery(tmp_path)
    (tmp_path / "BAT0" / "status").write_text("Discharging\n")
    assert on_battery(tmp_path)
