"""The program on the loopback Discord in this process: real bot, real HTTP, real gateway, an Engine with a gate."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.client import LimnerBot
from build import Program
from tests.support.discord_double import PATIENCE_S, Gate
from tests.support.fake_engine import FakeEngine
from tests.support.loopback.server import Discord, loopback, pointed_at
from tests.support.loopback.store import CHANNEL_ID, wall
from tests.support.program import running

SHORT_S = 0.005


@dataclass
class Skewed:
    """Be the wall clock, moved by so many ms."""

    by_ms: int = 0

    def __call__(self) -> int:
        return wall() + self.by_ms

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.by_ms += int(seconds * 1000)


@dataclass
class Wired:
    """Hold both ends of the line: Discord, the program, its bot, its clock and the gate before each step."""

    data: Path
    discord: Discord
    program: Program
    clock: Skewed
    theirs: Skewed
    gate: Gate
    page: str = ""
    bots: list[tuple[LimnerBot, asyncio.Task[None]]] = field(default_factory=list)

    @property
    def bot(self) -> LimnerBot:
        """Return the first copy of the bot."""
        return self.bots[0][0]

    async def connect(self, heartbeat_s: float = 60.0) -> LimnerBot:
        """Start a bot, as main.py does, and wait until it is ready."""
        studio, book = self.program.studio, self.program.archive
        bot = LimnerBot(
            studio, guilds=(), clock=self.clock, pause=lambda _: asyncio.sleep(SHORT_S), book=book, page=self.page
        )
        bot._connection.heartbeat_timeout = heartbeat_s
        self.program.faces["discord"] = bot.face
        task = asyncio.create_task(bot.serve("a token for tests"), name="discord")
        self.bots.append((bot, task))
        async with asyncio.timeout(PATIENCE_S):
            while not bot.is_ready():  # noqa: ASYNC110 - nobody tells
                assert not task.done(), task
                await asyncio.sleep(0.005)
        return bot

    async def until(self, happened: Callable[[], Any]) -> Any:
        """Wait until something is true; discord.py's reading task must live all the while."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := happened()):
                assert all(not task.done() for _, task in self.bots), "the bot's connection ended"
                await asyncio.sleep(0.005)
        return found

    async def state(self, wanted: str, count: int = 1) -> None:
        """Wait until so many Jobs are in a state."""
        await self.until(lambda: self.rows(f"SELECT count(*) FROM jobs WHERE state = '{wanted}'")[0][0] >= count)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database file in plain SQL."""
        with closing(sqlite3.connect(self.data / "limner.db")) as connection:
            return connection.execute(sql).fetchall()

    def cards(self, channel_id: int = CHANNEL_ID) -> list[dict[str, Any]]:
        """Return the bot's messages in a channel."""
        return self.discord.store.cards(channel_id)

    def sent(self, method: str, part: str) -> list[Any]:
        """Return the requests of a kind."""
        return [call for call in self.discord.store.calls if call.method == method and part in call.path]


@asynccontextmanager
async def wired(
    data: Path, *, gated: bool = False, connect: bool = True, page: str = "", environ: Mapping[str, str] | None = None
) -> AsyncIterator[Wired]:
    """Run Discord and the program on one line; gated: the device waits for `gate`; page: its public address."""
    theirs, clock, gate = Skewed(), Skewed(), Gate()
    if not gated:
        gate.open()
    engine = FakeEngine(step_s=gate.wait)
    async with loopback(theirs) as discord:
        # How fast an answer is, is measured by bench/discord.py on a quiet machine.
        discord.rest.ack_s = PATIENCE_S
        with pointed_at(discord.url):
            async with running(data, lambda *_: engine, environ) as program:
                here = Wired(data, discord, program, clock, theirs, gate, page)
                try:
                    if connect:
                        await here.connect()
                    yield here
                finally:
                    gate.open()
                    for bot, task in here.bots:
                        await bot.close()
                        task.cancel()
                        await asyncio.gather(task, return_exceptions=True)
