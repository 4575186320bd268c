"""Two copies of the bot under one token: whatever is asked for, one of them answers and paints it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.attachments import Attachments
from bot.client import LimnerBot
from build import Program
from tests.support.discord_double import drawing
from tests.support.fake_engine import FakeEngine
from tests.support.loopback.program import SHORT_S, Wired, wired
from tests.support.loopback.store import BOT_ID, texts
from tests.support.program import running

OPEN = "id IN (SELECT job_id FROM outbox WHERE state = 'todo')"
ENDED = f"state IN ('delivered', 'cancelled', 'undeliverable') AND NOT {OPEN}"


@asynccontextmanager
async def second_copy(one: Wired, program: Program) -> AsyncIterator[LimnerBot]:
    """Log a second copy in under the same token."""
    two = LimnerBot(
        program.studio, guilds=(), clock=one.clock, pause=lambda _: asyncio.sleep(SHORT_S), book=program.archive
    )
    program.faces.setdefault("discord", two.face)
    task = asyncio.create_task(two.serve("a token for tests"))
    one.bots.append((two, task))
    await one.until(two.is_ready)
    for bot, _ in one.bots:
        bot.attachments = Attachments(fetch)
    yield two
    await two.close()


async def fetch(_: str) -> bytes:
    return drawing()


@asynccontextmanager
async def two_programs(folder: Path) -> AsyncIterator[tuple[Wired, Wired]]:
    """Run two programs with a log of their own under one token."""
    for name in ("a", "b"):
        (folder / name).mkdir()
    async with (
        wired(folder / "a") as one,
        running(folder / "b", lambda *_: FakeEngine()) as program,
        second_copy(one, program),
    ):
        yield one, Wired(folder / "b", one.discord, program, one.clock, one.theirs, one.gate)


def ended(here: Wired) -> list[str]:
    """Return the states of the Jobs nothing more happens to: delivered, or cancelled and closed."""
    return [state for (state,) in here.rows(f"SELECT state FROM jobs WHERE {ENDED}")]


async def settled(both: tuple[Wired, Wired], jobs: int) -> None:
    """Wait until each has ended so many Jobs; of every two alike one was painted, and the other charged nothing."""
    await both[0].until(lambda: all(len(ended(each)) == jobs for each in both))
    assert sum(state == "delivered" for each in both for state in ended(each)) == jobs
    cards = both[0].cards()
    assert len(cards) == jobs and all("Done" in texts(card) for card in cards)
    charged = [here.rows("SELECT count(*) FROM ledger WHERE kind = 'charge' AND amount > 0")[0][0] for here in both]
    cancelled = [ended(here).count("cancelled") for here in both]
    assert sum(charged) + sum(cancelled) == 2 * jobs


async def test_who_is_alone_on_the_log_looks_for_no_copy_now_and_then(tmp_path: Path) -> None:
    looks: list[float] = []

    async def pause(seconds: float) -> None:
        looks.append(seconds)
        raise AssertionError("an idle program asks its database nothing")

    async with wired(tmp_path) as here:
        await here.bot.reception.promises.watch(lambda: True, pause)
    assert looks == []


@pytest.mark.fault("two copies", "one of them answers, the other cancels its own job, uncharged")
async def test_commands_and_further_cards(tmp_path: Path) -> None:
    async with two_programs(tmp_path) as both:
        for number in range(3):
            await both[0].discord.slash("imagine", prompt=f"a heart {number}")
        await both[0].discord.slash("imagine", prompt="a {red, green, blue} heart")
        await settled(both, 6)


@pytest.mark.fault("two copies", "a message is answered once, by the name of the message, with a picture or a refusal")
async def test_mentions_with_a_sketch_and_without(tmp_path: Path) -> None:
    async with two_programs(tmp_path) as both:
        for number in range(3):
            await both[0].discord.say(f"<@{BOT_ID}> a hut {number}", files={"a.png": drawing()})
        await settled(both, 3)
        before = len(both[0].sent("POST", "/messages"))
        await both[0].discord.say(f"<@{BOT_ID}> a hut")
        await both[0].until(lambda: len(both[0].sent("POST", "/messages")) == before + 2)
        answers = [each for each in both[0].cards() if "There is no picture in that message" in each["content"]]
        assert len(answers) == 1


async def test_two_clients_on_one_log_make_one_job_of_a_message(tmp_path: Path) -> None:
    async with wired(tmp_path) as one, second_copy(one, one.program):
        for number in range(3):
            await one.discord.say(f"<@{BOT_ID}> a hut {number}", files={"a.png": drawing()})
        await one.state("delivered", 3)
        await one.until(lambda: len(one.sent("POST", "/messages")) >= 3)
        assert one.rows("SELECT count(*) FROM jobs") == [(3,)]
        assert len(one.cards()) == 3 and all("Done" in texts(card) for card in one.cards())


async def test_a_crowd_is_promised_answers_and_gets_each_of_them_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.delivery.CROWD", 0)
    async with two_programs(tmp_path) as both:
        asked = [await both[0].discord.slash("imagine", prompt=f"a heart {number}") for number in range(6)]
        await settled(both, 6)
        assert any(each.callbacks[0]["type"] == 5 for each in asked), "some were promised"
        for here in both:
            assert here.rows("SELECT count(*) FROM replies WHERE job_id IS NULL") == [(0,)]
