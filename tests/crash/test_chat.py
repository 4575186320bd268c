"""Kill -9 behind a Discord of our own, from accept to delivered: exactly one message a Job, whatever was told."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from core.wording import BROKEN_PROMISE
from tests.crash.chat import Chat, ChatVerdict, check
from tests.crash.cradle import Cradle
from tests.crash.random_kills import EXPIRED_S, in_discord
from tests.crash.test_kill import POINTS
from tests.support.loopback.program import Skewed
from tests.support.loopback.server import loopback

CHOSEN = ("before_accept_commit", "after_accept_before_answer", "after_store_commit", "after_finish_commit",
          "after_deliver_before_commit", "after_deliver_commit")  # fmt: skip
"""Everyday points; the soak takes all."""

HEARD = (("POST", "/callback"), ("PATCH", "@original"))
"""Requests that Discord does, but whose answer the program does not live to hear."""

SOAK = pytest.mark.soak


@pytest.mark.fault("F1", "painted again with the same seed, delivered once, charged once")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("points", [CHOSEN, pytest.param(POINTS, marks=SOAK)], ids=["chosen", "all"])
async def test_killed_between_accept_and_delivered_one_message_a_job(
    tmp_path: Path, warm: Cradle, points: tuple[str, ...]
) -> None:
    theirs = Skewed()
    async with loopback(theirs) as discord:
        chat = Chat(discord, tmp_path / "data", warm)
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
            chat.chatter()
            await chat.ask(f"a blue boat --n 2 --steps 4 --seed {number}")
            assert await chat.dead(server) == -signal.SIGKILL, path
            # Its card stands, and nothing says where but the channel, in which others talk.
            theirs.tick(EXPIRED_S)
        await chat.recover()
        held(check(chat))


@pytest.mark.fault("F16", "a promise is written down before it is given; who got one is told at the next start")
@pytest.mark.timeout(300)
async def test_killed_between_a_promise_and_its_job_it_is_told_at_the_next_start(tmp_path: Path) -> None:
    async with loopback() as discord:
        chat = Chat(discord, tmp_path / "data")
        server = await chat.start()
        await chat.ask("a red heart --steps 2")
        await chat.ended(1)
        server.kill()
        ((picture,),) = chat.rows("SELECT id FROM pictures")
        server = await chat.start(crash_at="before_accept_commit")
        words = {"type": 18, "component": {"type": 4, "custom_id": "prompt", "value": "a blue heart"}}
        data = {"custom_id": f"lim1:modal.sketch:{picture}", "components": [words]}
        asked = await discord.interact(5, data, 100, discord.store.cards()[0])
        assert await chat.dead(server) == -signal.SIGKILL
        assert asked.callbacks[0]["type"] == 5 and chat.rows("SELECT count(*) FROM replies WHERE job_id IS NULL") == [
            (1,)
        ]
        await chat.recover()
        assert asked.answer_id is not None
        assert discord.store.messages[asked.answer_id]["content"] == BROKEN_PROMISE
        assert chat.rows("SELECT count(*) FROM jobs") == [(1,)] and check(chat).clean
        assert chat.rows("SELECT count(*) FROM replies WHERE job_id IS NULL") == [(0,)]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kills", [6, pytest.param(500, marks=SOAK)])
async def test_killed_at_random_moments_one_message_a_job(tmp_path: Path, warm: Cradle, kills: int) -> None:
    held(await in_discord(tmp_path, kills, random.Random(kills), warm))


def held(verdict: ChatVerdict) -> None:
    """Print the books and hold them."""
    print(verdict)
    assert verdict.clean, verdict
    assert verdict.accepted == verdict.delivered + verdict.failed > 0
