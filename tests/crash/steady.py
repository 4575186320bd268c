"""Steady work on the whole program while faults strike it: a page client, people in Discord, and what befalls them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import signal
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.crash.chat import Chat
from tests.crash.harness import Client, History, Server
from tests.crash.test_kill import POINTS
from tests.support.loopback.faults import Fault
from tests.support.loopback.server import Discord

DIED = (aiohttp.ClientError, ConnectionError, TimeoutError, asyncio.IncompleteReadError)
TMPFS_MB = 192


@contextmanager
def small_disk(path: Path, megabytes: int = TMPFS_MB) -> Iterator[bool]:
    """Mount a small disk in memory on a folder; False where that is not allowed."""
    path.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(path)], capture_output=True
    )
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(path)], check=True)


@dataclass(slots=True)
class Steady:
    """Be the program, who asks, and whatever strikes; every choice comes from `chance`."""

    discord: Discord
    data: Path
    chance: random.Random
    small: bool
    history: History = field(default_factory=History)
    struck: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    server: Server = field(init=False)
    chat: Chat = field(init=False)

    def __post_init__(self) -> None:
        self.chat = Chat(self.discord, self.data)

    async def start(self, crash_at: str = "") -> None:
        """Start the program, perhaps with a point at which it kills itself."""
        self.server = await self.chat.start(crash_at)

    async def page(self) -> None:
        """Ask on the page, one Job after the other, each until it is accepted or refused in words."""
        number = 0
        while True:
            await asyncio.sleep(self.chance.uniform(0.3, 1.5))
            words = f"a red heart --n {1 + number % 3} --steps {2 + number % 5} --seed {number}"
            self.history.sent.setdefault(f"{number:032d}", words)
            with contextlib.suppress(*DIED):
                if await self._told(f"{number:032d}"):
                    number += 1

    async def _told(self, request_id: str) -> bool:
        url, bearer = await self.server.address()
        wait = aiohttp.ClientTimeout(10)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {bearer}"}, timeout=wait) as session:
            body = {"words": self.history.sent[request_id], "request_id": request_id}
            async with session.post(f"{url}/api/jobs", json=body) as answer:
                found = await answer.json()
        if answer.status < 300:
            self.history.accepted[request_id] = found["jobs"][0]["id"]
        else:
            # Refused in words: asked again under the same id later, as a person would.
            assert found["sentence"], found
            self.refused += 1
        return answer.status < 300

    async def watch(self) -> None:
        """Follow the page's events through every life of the program."""
        while True:
            with contextlib.suppress(*DIED):
                await Client(self.history).watch(self.server, until_ended=False)
            await asyncio.sleep(0.2)

    async def people(self) -> None:
        """Use /imagine in Discord whenever the bot is there."""
        number = 0
        while True:
            await asyncio.sleep(self.chance.uniform(0.5, 2.5))
            if self.discord.gateway.identified.is_set():
                number += 1
                with contextlib.suppress(*DIED):
                    await self.chat.ask(f"a blue boat --n {1 + number % 2} --steps {2 + number % 5} --seed {number}")

    async def strike(self) -> None:
        """Let one fault befall the program, and bring it back."""
        faults: dict[str, Callable[[], Awaitable[None]]] = {
            "kill -9": self._kill, "kill -9 at a named point": self._kill_at, "SIGTERM": self._stop,
            "SIGSTOP and SIGCONT": self._freeze, "database locked": self._lock, "slow delivery": self._slow,
            "Discord says 503": self._refuse, "Discord does it and says 502": self._lie,
        }  # fmt: skip
        if self.small:
            faults["disk full"] = self._fill
        name = self.chance.choice(list(faults))
        await faults[name]()
        self.struck[name] = self.struck.get(name, 0) + 1
        if self.server.process.poll() is not None:
            await self.start()

    async def _kill(self) -> None:
        assert self.server.kill() == -signal.SIGKILL

    async def _kill_at(self) -> None:
        await self._stop()
        await self.start(f"{self.chance.choice(POINTS)}:{self.chance.randint(1, 3)}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                while self.server.process.poll() is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        assert self.server.kill() == -signal.SIGKILL

    async def _stop(self) -> None:
        code = await self.server.stop()
        assert code == 0, f"SIGTERM ended with {code}"

    async def _freeze(self) -> None:
        self.server.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.chance.uniform(0.5, 4))
        self.server.process.send_signal(signal.SIGCONT)

    async def _lock(self) -> None:
        other = sqlite3.connect(self.data / "limner.db", isolation_level=None, timeout=10)
        try:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(self.chance.uniform(0.5, 4))
            other.execute("ROLLBACK")
        finally:
            other.close()

    async def _slow(self) -> None:
        self.discord.rest.slow.clear()
        self.discord.rest.faults.append(Fault("slow", "PATCH", "@original", times=4))
        await asyncio.sleep(self.chance.uniform(1, 5))
        self.discord.rest.slow.set()

    async def _refuse(self) -> None:
        self.discord.rest.faults.append(Fault("refuse", "PATCH", "", status=503, times=6))

    async def _lie(self) -> None:
        self.discord.rest.faults.append(Fault("after", "PATCH", "", status=502, times=3))

    async def _fill(self) -> None:
        ballast = fill(self.data)
        await asyncio.sleep(self.chance.uniform(1, 4))
        ballast.unlink()


def fill(folder: Path) -> Path:
    """Write a file until the disk it lies on has no byte left; return it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    out.write(b"\0" * size)
    return ballast


def sound(data: Path) -> list[str]:
    """Return what is wrong in a log that nobody writes to: the database, each chain of moves, each Picture's file."""
    with contextlib.closing(sqlite3.connect(data / "limner.db")) as base:
        wrong = [str(row[0]) for row in base.execute("PRAGMA integrity_check") if row[0] != "ok"]
        at: dict[str, str] = {}
        for job, came, went in base.execute("SELECT job_id, from_state, to_state FROM moves ORDER BY id"):
            wrong += [f"job {job} went from {came}, but stood at {at.get(job, '')}"] * (at.get(job, "") != came)
            at[job] = went
        states = dict(base.execute("SELECT id, state FROM jobs"))
        wrong += [f"job {job} stands at {state}, its moves at {at[job]}" for job, state in states.items()
                  if at[job] != state]  # fmt: skip
        for (digest,) in base.execute("SELECT file_digest FROM pictures WHERE state = 'stored'"):
            path = data / "pictures" / digest[:2] / f"{digest}.png"
            wrong += [f"{path.name} is not what the log says"] * (
                not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest
            )
    return wrong
