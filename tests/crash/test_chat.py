"""Kill -9 behind a Discord of our own, from accept to delivered: exactly one message a Job, whatever was told."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import pytest

from tests.crash.chat import Chat, ChatVerdict, check
from tests.crash.test_kill import POINTS
from tests.support.loopback.program import Skewed
from tests.support.loopback.server import loopback

CHOSEN = ("after_accept_before_answer", "after_store_commit", "after_deliver_before_commit")
"""Everyday points; the soak takes all."""

HEARD = (("POST", "/callback"), ("PATCH", "@original"))
"""Requests that Discord does, but whose answer the program does not live to hear."""

SOAK = pytest.mark.soak
EXPIRED_S = 1000


@pytest.mark.fault("F1", "painted again with the same seed, delivered once, charged once")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("points", [CHOSEN, pytest.param(POINTS, marks=SOAK)], ids=["chosen", "all"])
async def test_killed_between_accept_and_delivered_one_message_a_job(tmp_path: Path, points: tuple[str, ...]) -> None:
    async with loopback() as discord:
        chat = Chat(discord, tmp_path / "data")
        for number, point in enumerate(points):
            server = await chat.start(crash_at=point)
            await chat.ask(f"a red heart --n 2 --steps 4 --seed {number}")
            assert await chat.dead(server) == -signal.SIGKILL, point
            if points is POINTS:
                # So that each point strikes the Job asked for under it, not what the one before left.
                await chat.recover()
        for number, (method, path) in enumerate(HEARD):
            server = await chat.start()
            chat.plant(server, method, path)
            await chat.ask(f"a blue boat --n 2 --steps 4 --seed {number}")
            assert await chat.dead(server) == -signal.SIGKILL, path
        await finished(chat)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("rounds", "kills"), [(1, 2), pytest.param(10, 50, marks=SOAK)], ids=["few", "500"])
async def test_killed_at_random_moments_one_message_a_job(tmp_path: Path, rounds: int, kills: int) -> None:
    chance, theirs = random.Random(kills), Skewed()
    async with loopback(theirs) as discord:
        chat = Chat(discord, tmp_path / "data")
        for _ in range(rounds):
            for number in range(kills):
                server = await chat.start()
                await chat.ask(f"a blue fish --n 3 --steps 6 --seed {number}")
                await asyncio.sleep(chance.uniform(0.0, 0.8))
                assert server.kill() == -signal.SIGKILL
                if number % 2:
                    # Every other time the tokens are over when the program comes back.
                    theirs.tick(EXPIRED_S)
            await finished(chat)


async def finished(chat: Chat) -> ChatVerdict:
    """Let everything end, print the books and hold them."""
    await chat.recover()
    verdict = check(chat)
    print(verdict)
    assert verdict.clean, verdict
    assert verdict.accepted == verdict.delivered > 0
    return verdict
