"""Following Jobs where it does not go smoothly: Limits that open again, a Studio that goes silent, a full disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.desk import Desk
from cli.files import write_whole
from cli.follow import Follower, ask_for
from core.errors import DiskFull, LimitReached, Unavailable
from core.person import OWNER, Person, Place
from core.records import Event, milliseconds
from core.sheet import JobSheet
from core.studio import Ask, Studio
from tests.support.shell import Terminal, running

PLACE = Place.of("cli")


def desk_at(studio: Studio, terminal: Terminal) -> Desk:
    return Desk(studio, OWNER, PLACE, terminal.console, milliseconds, lambda: "source")


async def ignore(job: JobSheet) -> None:
    """Hear of an ended Job and do nothing."""


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    async with running(tmp_path) as program:
        yield program.studio


async def test_a_limit_that_opens_again_is_waited_for_and_told(studio: Studio) -> None:
    terminal, tries = Terminal(), []
    desk = desk_at(studio, terminal)

    async def ask() -> list[JobSheet]:
        tries.append(milliseconds())
        if len(tries) == 1:
            raise LimitReached("You asked 20 times in the last minute.", "Wait a moment.", milliseconds() + 300)
        return await studio.ask(Ask(OWNER, PLACE, "one", "a heart --steps 1"))

    (job,) = await Follower(desk, lambda _: None, ignore).run([ask])
    assert job["state"] in ("rendered", "delivered")
    assert len(tries) == 2 and tries[1] - tries[0] >= 300
    assert "You asked 20 times in the last minute. Waiting" in terminal.err


async def test_a_limit_that_never_opens_is_an_error(studio: Studio) -> None:
    async def ask() -> list[JobSheet]:
        raise LimitReached("You have 1 of 1 jobs waiting.", "Wait until one is done.")

    with pytest.raises(LimitReached):
        await Follower(desk_at(studio, Terminal()), lambda _: None, ignore).run([ask])


async def test_the_same_source_is_one_job_however_often_it_is_asked(studio: Studio) -> None:
    desk = desk_at(studio, Terminal())
    ask = ask_for(desk, Ask(OWNER, PLACE, "one", "a heart --steps 1"))
    first, second = await Follower(desk, lambda _: None, ignore).run([ask, ask])
    assert first["id"] == second["id"]
    assert len(await studio.history(OWNER)) == 1


async def test_what_goes_wrong_while_a_picture_is_written_is_not_lost(studio: Studio) -> None:
    async def full(job: JobSheet) -> None:
        raise DiskFull("There is no room.")

    desk = desk_at(studio, Terminal())
    with pytest.raises(DiskFull):
        await Follower(desk, lambda _: None, full).run([ask_for(desk, Ask(OWNER, PLACE, "one", "a heart"))])


class Silent(Studio):
    """A Studio whose events end, as a program's do that was stopped."""

    def __init__(self, studio: Studio) -> None:
        self.__dict__ = studio.__dict__

    async def watch(self, person: Person, place: Place, after: int | None = None) -> AsyncIterator[Event]:
        for event in list[Event]():
            yield event


async def test_a_program_that_stops_is_told(studio: Studio) -> None:
    silent = Silent(studio)
    desk = desk_at(silent, Terminal())
    with pytest.raises(Unavailable, match="stopped"):
        await Follower(desk, lambda _: None, ignore).run([ask_for(desk, Ask(OWNER, PLACE, "one", "a heart"))])


class Early(Studio):
    """A Studio that answers an ask only when the asker has heard of the Job's end."""

    def __init__(self, studio: Studio) -> None:
        self.__dict__ = studio.__dict__
        self._heard = asyncio.Event()

    async def ask(self, ask: Ask) -> list[JobSheet]:
        sheets = await super().ask(ask)
        await self._heard.wait()
        return sheets

    async def watch(self, person: Person, place: Place, after: int | None = None) -> AsyncIterator[Event]:
        async for event in super().watch(person, place, after):
            yield event
            if event["type"] == "move" and event["job"]["state"] == "delivered":
                self._heard.set()


async def test_a_job_that_ends_before_its_ask_is_answered_is_not_waited_for_again(studio: Studio) -> None:
    early, ended = Early(studio), list[str]()

    async def hear(job: JobSheet) -> None:
        ended.append(job["state"])

    desk = desk_at(early, Terminal())
    ask = ask_for(desk, Ask(OWNER, PLACE, "one", "a heart --steps 1"))
    (job,) = await asyncio.wait_for(Follower(desk, lambda _: None, hear).run([ask]), 10)
    assert job["state"] == "delivered" and ended == ["delivered"]


async def test_the_end_is_waited_for_until_its_pictures_are_written(studio: Studio) -> None:
    desk, begun, written = desk_at(studio, Terminal()), asyncio.Event(), list[str]()

    async def write_slowly(job: JobSheet) -> None:
        begun.set()
        await studio.health()
        written.append(job["id"])

    async def ask_nothing() -> list[JobSheet]:
        await begun.wait()
        return []

    ask = ask_for(desk, Ask(OWNER, PLACE, "one", "a heart --steps 1"))
    (job,) = await Follower(desk, lambda _: None, write_slowly).run([ask, ask_nothing])
    assert written == [job["id"]]


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "heart.png", b"new")
    assert (tmp_path / "heart.png").read_bytes() == b"new"
    with pytest.raises(DiskFull, match="cannot be written"):
        write_whole(tmp_path / "none" / "heart.png", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["heart.png"]
