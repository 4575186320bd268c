"""A client that keeps its own log, a process to kill, and a checker over both and the database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.crash.cradle import HOME, Cradle, Forked

START_S = 60.0
DIED = (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError)
"""What a client meets when the program is killed under it."""

ENDED = ("delivered", "failed", "cancelled", "undeliverable")


@dataclass(slots=True)
class History:
    """What the client saw: words sent by request id, jobs it was told of, pictures it was shown."""

    sent: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)


class Server:
    """Be one life of the program; `crash_at` names the point where it kills itself."""

    process: Forked | subprocess.Popen[bytes]

    def __init__(
        self,
        data: Path,
        crash_at: str = "",
        discord: str = "",
        environ: Mapping[str, str] | None = None,
        warm: Cradle | None = None,
    ) -> None:
        """discord: the URL of the loopback Discord; without one there is no token. environ: for the entry.

        warm: forks it; without one it is started as anybody starts a program.
        """
        self.data = data
        mine = {**(environ or {}), "LIMNER_CRASH_AT": crash_at, "LIMNER_TEST_DISCORD": discord}
        self._log = (data.parent / "server.log").open("ab")
        if warm is not None:
            self.process = warm.fork(data, mine)
            return
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.entry", str(data)],
            cwd=HOME,
            env={**os.environ, **mine, "PYTHONPATH": str(HOME), "PYTHONWARNINGS": "ignore"},
            stdout=self._log,
            stderr=self._log,
        )

    async def address(self) -> tuple[str, str]:
        """Wait until it listens; return its base URL and bearer."""
        note = self.data / "run.json"
        for _ in range(int(START_S / 0.01)):
            if self.process.poll() is not None:
                told = (self.data.parent / "server.log").read_text(errors="replace")[-2000:]
                raise ConnectionError(f"the program ended with {self.process.returncode}:\n{told}")
            if note.exists():
                found = json.loads(note.read_text())
                if found["pid"] == self.process.pid:
                    return found["url"].split("?")[0].rstrip("/"), found["bearer"]
            await asyncio.sleep(0.01)
        raise TimeoutError("the program did not start")

    async def models_read(self) -> None:
        """Wait until the Models are known: before that every Job is refused, on a busy machine for seconds."""
        url, _ = await self.address()
        async with aiohttp.ClientSession() as session:
            for _ in range(int(START_S / 0.05)):
                async with session.get(f"{url}/api/health") as answer:
                    if (await answer.json())["state"] != "reading models":
                        return
                await asyncio.sleep(0.05)
        raise TimeoutError("the models were not read")

    def kill(self) -> int:
        """Send SIGKILL, wait and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        code = self.process.wait(30)
        self._log.close()
        return code

    async def stop(self, timeout_s: float = 30.0) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return await self.ended(timeout_s)

    async def ended(self, timeout_s: float) -> int:
        """Wait for the process to end by itself and return its exit code."""
        code = await asyncio.to_thread(self.process.wait, timeout_s)
        self._log.close()
        return code


class Client:
    """Send every ask until it is acknowledged, under the same request id; remember what was shown."""

    def __init__(self, history: History) -> None:
        self.history = history

    async def ask(self, server: Server) -> None:
        """Send what was not acknowledged yet; raises ClientError when the program dies under it."""
        url, bearer = await server.address()
        await server.models_read()
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {bearer}"}) as session:
            for request_id, words in self.history.sent.items():
                if request_id not in self.history.accepted:
                    body = {"words": words, "request_id": request_id}
                    async with session.post(f"{url}/api/jobs", json=body) as answer:
                        assert answer.status < 300, await answer.text()
                        self.history.accepted[request_id] = (await answer.json())["jobs"][0]["id"]

    async def watch(self, server: Server, until_ended: bool = True) -> None:
        """Follow the events until every accepted job has ended (or the program dies)."""
        url, bearer = await server.address()
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {bearer}"}) as session,
            session.ws_connect(f"{url}/api/events?after=0") as socket,
        ):
            open_ = set(self.history.accepted.values())
            async for message in socket:
                event = json.loads(message.data)
                if event["type"] != "move":
                    continue
                job: dict[str, Any] = event["job"]
                self.history.shown |= {p["id"] for p in job["pictures"] if p["state"] == "stored"}
                if job["state"] in ENDED:
                    open_.discard(job["id"])
                if not open_ and until_ended:
                    return


@dataclass(frozen=True, slots=True)
class Verdict:
    """Count what must be zero, and what was done; failed: after three attempts."""

    accepted: int
    lost: int
    doubled: int
    charged_twice: int
    shown_before_logged: int
    failed: int

    @property
    def clean(self) -> bool:
        """Say whether every promise held."""
        return not (self.lost or self.doubled or self.charged_twice or self.shown_before_logged)


def check(data: Path, history: History) -> Verdict:
    """Compare the client's log with the SQLite database and the files beside it."""
    with sqlite3.connect(data / "limner.db") as base:
        return judge(lambda sql: base.execute(sql).fetchall(), data, history)


def judge(rows: Callable[[str], list[tuple[Any, ...]]], files: Path, history: History) -> Verdict:
    """Compare the client's log with what stands in a database and in a folder of files."""
    jobs = dict(rows("SELECT id, state FROM jobs WHERE face != 'discord'"))
    ledger = rows("SELECT job_id, kind, amount FROM ledger")
    stored = dict(rows("SELECT id, file_digest FROM pictures WHERE state = 'stored'"))
    ended = rows("SELECT job_id, count(*) FROM moves WHERE to_state = 'delivered' GROUP BY job_id")
    cut = rows("SELECT id FROM jobs WHERE face != 'discord' AND state = 'failed' AND attempt = max_attempts")
    accepted = set(history.accepted.values())
    return Verdict(
        accepted=len(accepted),
        lost=sum(jobs.get(job) not in ENDED for job in accepted),
        doubled=len(set(jobs) - accepted) + sum(count > 1 for _, count in ended),
        charged_twice=sum(not balanced(job, ledger) for job in jobs),
        shown_before_logged=sum(
            picture not in stored or not (files / "pictures" / stored[picture][:2] / f"{stored[picture]}.png").exists()
            for picture in history.shown
        ),
        failed=len(cut),
    )


def balanced(job: str, ledger: list[tuple[Any, ...]]) -> bool:
    """Say whether a Job was held, charged and released once each, and the sums agree."""
    amounts: dict[str, list[int]] = {"hold": [], "charge": [], "release": []}
    for _, kind, amount in _rows_of(job, ledger):
        amounts[kind].append(amount)
    once = all(len(found) == 1 for found in amounts.values())
    return once and amounts["hold"][0] == amounts["charge"][0] + amounts["release"][0]


def _rows_of(job: str, ledger: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    return (row for row in ledger if row[0] == job)
