"""Two programs on one PostgreSQL: who was promised an answer by one that is gone is told by the other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.attachments import Attachments
from bot.client import LimnerBot
from build import Program
from core.wording import BROKEN_PROMISE
from tests.support.fake_engine import FakeEngine
from tests.support.loopback.program import SHORT_S, Wired, wired
from tests.support.loopback.store import Asked
from tests.support.postgres import Cluster, postgres
from tests.support.program import running

__all__ = ["postgres"]

FILE = {"id": "7", "filename": "a.png", "size": 99, "url": "https://cdn.discordapp.com/a.png", "proxy_url": "x"}
PROMPT = {"name": "prompt", "type": 3, "value": "a heart"}
AGED = "UPDATE replies SET promised_at = promised_at - 90000"
"""So old as a promise may be before a program that lost its line to the database has its name back."""


class Over(Exception):
    """Ends a watch after a look."""


def bot_on(one: Wired, program: Program) -> LimnerBot:
    """Return another program's bot under the same token."""
    bot = LimnerBot(
        program.studio, guilds=(), clock=one.clock, pause=lambda _: asyncio.sleep(SHORT_S), book=program.archive
    )
    program.faces["discord"] = bot.face
    return bot


async def promised(here: Wired, bot: LimnerBot) -> Asked:
    """Ask with a sketch whose bytes never come: the answer is promised, and no Job stands behind it."""

    async def never(_: str) -> bytes:
        await asyncio.Event().wait()
        return b""

    bot.attachments = Attachments(never)
    options = [PROMPT, {"name": "sketch", "type": 11, "value": "7"}]
    data = {"id": "1", "name": "imagine", "type": 1, "options": options, "resolved": {"attachments": {"7": FILE}}}
    asked = await here.discord.interact(2, data, 100)
    await here.until(lambda: asked.callbacks)
    return asked


@pytest.mark.fault("F16", "of two programs on one database the other tells who was promised an answer, once")
async def test_who_was_promised_an_answer_by_a_program_that_died_is_told_by_the_other(
    tmp_path: Path, postgres: Cluster
) -> None:
    environ = {"LIMNER__STORAGE__DATABASE": postgres.fresh(), "LIMNER__STORAGE__FILES": str(tmp_path / "files")}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    async def look(bot: LimnerBot, *, aged: bool) -> None:
        """Let the watch look once, as it does every so often."""
        looks = 0

        async def pause(_: float) -> None:
            nonlocal looks
            looks += 1
            if looks > 1:
                raise Over
            if aged:
                with postgres.connect() as base:
                    base.execute(AGED)

        with pytest.raises(Over):
            await bot.reception.promises.watch(bot.is_ready, pause)

    async with wired(tmp_path / "one", connect=False, environ=environ) as lives:
        async with running(tmp_path / "two", lambda *_: FakeEngine(), environ) as dies:
            bot = bot_on(lives, dies)
            task = asyncio.create_task(bot.serve("a token for tests"))
            await lives.until(bot.is_ready)
            asked = await promised(lives, bot)
            # It has heard nothing of what was asked of the other.
            await lives.connect()
            await look(lives.bot, aged=True)
            assert not lives.sent("PATCH", asked.token), "whoever promised it lives"
            for each in asyncio.all_tasks():
                if each.get_name() == "CommandTree-invoker":
                    each.cancel()
            await bot.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await look(lives.bot, aged=True)
        assert asked.answer_id is not None
        assert lives.discord.store.messages[asked.answer_id]["content"] == BROKEN_PROMISE
        await look(lives.bot, aged=True)
        assert len(lives.sent("PATCH", asked.token)) == 1, "told once"
        with postgres.connect() as base:
            assert base.execute("SELECT count(*) FROM replies").fetchall() == [(0,)]
            assert base.execute("SELECT count(*) FROM jobs").fetchall() == [(0,)]
