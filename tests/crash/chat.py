"""The program as a process behind the loopback Discord: whoever asks there, and the checker over what Discord keeps."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.crash.cradle import Cradle
from tests.crash.harness import ENDED, Server, balanced
from tests.support.loopback.faults import Fault
from tests.support.loopback.server import Discord
from tests.support.loopback.store import BOT_ID, CHANNEL_ID, EPHEMERAL, Asked, Call

PATIENCE_S = 60.0
CHATTER = 60
DIED = (aiohttp.ClientError, ConnectionError)


@dataclass(slots=True)
class ChatHistory:
    """What the chat saw: who asked, and pictures shown whose row or file was not there at that moment."""

    asked: list[Asked] = field(default_factory=list)
    too_early: set[str] = field(default_factory=set)


class Chat:
    """Ask in a loopback Discord while the program behind it is killed again and again."""

    def __init__(self, discord: Discord, data: Path, warm: Cradle | None = None) -> None:
        self.discord, self.data, self._warm = discord, data, warm
        self.history = ChatHistory()
        discord.rest.watch = self._look
        discord.rest.ack_s = PATIENCE_S

    async def start(self, crash_at: str = "") -> Server:
        """Start the program and wait until its bot is connected, or it is dead."""
        self.discord.gateway.forget()
        server = Server(self.data, crash_at, self.discord.url, warm=self._warm)
        async with asyncio.timeout(PATIENCE_S):
            while not self.discord.gateway.identified.is_set() and server.process.poll() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        with contextlib.suppress(*DIED):
            await server.models_read()
        return server

    def plant(self, server: Server, method: str, path: str) -> None:
        """Kill the program when Discord has done what it asked for and before it hears so."""
        self.discord.rest.faults.append(
            Fault("drop", method, path, hit=lambda: server.process.send_signal(signal.SIGKILL))
        )

    async def ask(self, words: str) -> Asked:
        """Let somebody use /imagine."""
        asked = await self.discord.slash("imagine", prompt=words)
        self.history.asked.append(asked)
        return asked

    def chatter(self) -> None:
        """Let somebody say more than the bot reads at once when it looks for a card."""
        for number in range(CHATTER):
            self.discord.store.post(CHANNEL_ID, {"content": f"hello {number}"}, {}, author=100)

    async def dead(self, server: Server) -> int:
        """Wait until the program has killed itself; return its exit code."""
        async with asyncio.timeout(PATIENCE_S):
            while server.process.poll() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        self.discord.rest.faults.clear()
        return server.kill()

    async def recover(self) -> None:
        """Start once more without a killer and wait until every Job has ended."""
        server = await self.start()
        async with asyncio.timeout(2 * PATIENCE_S):
            while any(state not in ENDED for state in self._states()):
                assert server.process.poll() is None, "the program ended"
                await asyncio.sleep(0.05)
        assert await server.stop() == 0

    async def ended(self, jobs: int) -> None:
        """Wait until so many Jobs have ended."""
        async with asyncio.timeout(PATIENCE_S):
            while sum(state in ENDED for state in self._states()) < jobs:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database file in plain SQL."""
        with closing(sqlite3.connect(f"file:{self.data / 'limner.db'}?mode=ro", uri=True)) as base:
            return base.execute(sql).fetchall()

    def _states(self) -> list[str]:
        return [state for (state,) in self.rows("SELECT state FROM jobs")]

    def _look(self, call: Call) -> None:
        """Hold each picture that comes against the log as it is at that moment."""
        shown = {name.removeprefix("limner-").partition(".")[0] for name in call.files if "preview" not in name}
        if not shown:
            return
        with closing(sqlite3.connect(f"file:{self.data / 'limner.db'}?mode=ro", uri=True)) as base:
            stored = dict(base.execute("SELECT id, file_digest FROM pictures WHERE state = 'stored'"))
        for picture in shown:
            digest = stored.get(picture)
            if digest is None or not (self.data / "pictures" / digest[:2] / f"{digest}.png").exists():
                self.history.too_early.add(picture)


@dataclass(frozen=True, slots=True)
class ChatVerdict:
    """Count what was asked and accepted, and what must be zero; failed: after three attempts."""

    asked: int
    accepted: int
    delivered: int
    lost: int
    doubled: int
    charged_twice: int
    shown_before_logged: int
    failed: int

    @property
    def clean(self) -> bool:
        """Say whether every promise held."""
        return not (self.lost or self.doubled or self.charged_twice or self.shown_before_logged)


def check(chat: Chat) -> ChatVerdict:
    """Compare what Discord keeps with the database: one card a Job, with all its pictures, and balanced books."""
    with closing(sqlite3.connect(chat.data / "limner.db")) as base:
        jobs = dict(base.execute("SELECT id, state FROM jobs WHERE face = 'discord'"))
        keys = {
            key.split("/")[0]: job
            for job, key in base.execute("SELECT id, dedupe_key FROM jobs WHERE face = 'discord'")
        }
        ledger = list(base.execute("SELECT job_id, kind, amount FROM ledger"))
        pictures = list(base.execute("SELECT id, job_id, state FROM pictures"))
        moved = dict(base.execute("SELECT job_id, count(*) FROM moves WHERE to_state = 'delivered' GROUP BY job_id"))
    cards = {job: cards_of(chat.discord, job, [p for p, of, _ in pictures if of == job]) for job in jobs}
    stored = {job: sum(of == job and state == "stored" for _, of, state in pictures) for job in jobs}
    # Told "queued": its Job must be there; and every Job's pictures must stand in the chat.
    told = [asked for asked in chat.history.asked if any(queued(each) for each in asked.callbacks)]
    return ChatVerdict(
        asked=len(chat.history.asked),
        accepted=len(jobs),
        delivered=sum(state == "delivered" for state in jobs.values()),
        lost=sum(f"discord:{asked.id}" not in keys for asked in told)
        + sum(state not in ENDED for state in jobs.values())
        + sum(
            state == "delivered" and sorted(len(each["attachments"]) for each in cards[job])[-1:] != [stored[job]]
            for job, state in jobs.items()
        ),
        doubled=sum(len(found) > 1 for found in cards.values())
        + sum(count > 1 for count in moved.values())
        + (len(jobs) - len(keys)),
        charged_twice=sum(not balanced(job, ledger) for job in jobs),
        shown_before_logged=len(chat.history.too_early),
        failed=sum(state == "failed" for state in jobs.values()),
    )


def queued(callback: dict[str, Any]) -> bool:
    """Say whether an answer promises a Job; who is refused alone sees it."""
    return not int((callback.get("data") or {}).get("flags") or 0) & EPHEMERAL


def cards_of(discord: Discord, job: str, pictures: list[str]) -> list[dict[str, Any]]:
    """Return every message that is a card of a Job: by its buttons or the id it shows."""
    marks = [f":{job}", *(f":{each}" for each in pictures), *(f"id `{each[-8:]}`" for each in pictures)]
    mine = [each for each in discord.store.messages.values() if each["author"]["id"] == str(BOT_ID)]
    return [each for each in mine if any(mark in json.dumps(each["components"]) for mark in marks)]
