"""A device that hangs or is lost, a program stopped for a while, a disk without a byte left: nothing is lost by any."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from build import STUCK_EXIT
from tests.crash.cradle import Cradle
from tests.crash.harness import Client, History, Server
from tests.crash.random_kills import recovered
from tests.crash.steady import fill, small_disk, sound

SOAK = pytest.mark.soak
DISK_MB = 24
MOST_ASKS = 400


def key(number: int) -> str:
    """Return a request's id."""
    return f"{number:032d}"


async def running(data: Path) -> None:
    """Wait until a Job is being painted."""
    async with asyncio.timeout(30):
        while True:
            with closing(sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True)) as base:
                if base.execute("SELECT 1 FROM jobs WHERE state = 'running'").fetchone():
                    return
            await asyncio.sleep(0.01)


@pytest.mark.fault("F4", "the program ends with 75, its supervisor starts it again, and the jobs are painted")
@pytest.mark.fault("F5", "the program ends with 75, its supervisor starts it again, and the jobs are painted")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["lose", pytest.param("hang", marks=SOAK)])
async def test_a_device_that_is_lost_or_hangs_ends_with_75_and_a_supervisor_goes_on(
    tmp_path: Path, warm: Cradle, how: str
) -> None:
    """A hang is seen after 30 s and no sooner; that of fewer is tests/inference/test_queue.py."""
    history = History(sent={key(0): "a cat --n 2 --steps 6 --seed 1"})
    client = Client(history)
    server = Server(tmp_path / "data", warm=warm)
    await client.ask(server)
    await client.watch(server)
    history.sent |= {key(number): f"a cat --n 2 --steps 100 --seed {number}" for number in (1, 2)}
    await client.ask(server)
    (tmp_path / how).touch()
    lives = 1
    # A supervisor in three lines: deploy/limner.service says RestartForceExitStatus=75.
    while (code := await server.ended(90)) == STUCK_EXIT and lives < 2:
        lives += 1
        server = Server(tmp_path / "data", warm=warm)
        async with asyncio.timeout(60):
            await client.watch(server)
        await server.stop()
    assert (code, lives) == (0, 2)
    verdict = await recovered(tmp_path, client, warm)
    assert verdict.clean and verdict.accepted == 3 and verdict.failed == 0, verdict
    with closing(sqlite3.connect(tmp_path / "data" / "limner.db")) as base:
        assert base.execute("SELECT max(attempt) FROM jobs").fetchone() == (2,), "it was painted by another life"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [1.0, pytest.param(20.0, marks=SOAK)])
async def test_stopped_in_the_middle_of_a_step_and_continued_it_goes_on(
    tmp_path: Path, warm: Cradle, seconds: float
) -> None:
    """As a laptop that is closed; 20 s are longer than a lease."""
    history = History(sent={key(0): "a cat --n 4 --steps 60 --seed 1"})
    client = Client(history)
    server = Server(tmp_path / "data", warm=warm)
    await client.ask(server)
    await running(tmp_path / "data")
    server.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    server.process.send_signal(signal.SIGCONT)
    async with asyncio.timeout(60):
        await client.watch(server)
    assert await server.stop() == 0
    verdict = await recovered(tmp_path, client, warm)
    assert verdict.clean and verdict.accepted == 1 and verdict.failed == 0, verdict


@pytest.mark.fault("F8", "refused in words and not charged, what was accepted is painted when there is room")
@pytest.mark.soak
@pytest.mark.timeout(180)
async def test_a_disk_without_a_byte_left_refuses_in_words_and_loses_nothing(tmp_path: Path, warm: Cradle) -> None:
    data = tmp_path / "data"
    with small_disk(data, DISK_MB) as mounted:
        if not mounted:
            pytest.skip("no small disk may be mounted here")
        history = History(sent={key(0): "a cat --n 4 --steps 30 --size 256x256 --seed 1"})
        client = Client(history)
        server = Server(data, environ={"LIMNER_TEST_MIN_FREE_MB": "0"}, warm=warm)
        await client.ask(server)
        await running(data)
        ballast = fill(data)
        refused = await ask_until_refused(server, history)
        assert refused["code"] == "disk_full" and "nothing charged" in refused["sentence"] and refused["hint"], refused
        async with asyncio.timeout(30):
            # Nothing can be written, and all can be read.
            assert await health(server) == "ready" and server.process.poll() is None
        ballast.unlink()
        async with asyncio.timeout(120):
            await client.ask(server)
            await client.watch(server)
        assert await server.stop() == 0
        verdict = await recovered(tmp_path, client, warm)
        assert verdict.clean and verdict.failed == 0, verdict
        assert sound(data) == []


async def ask_until_refused(server: Server, history: History) -> dict[str, Any]:
    """Ask for one Job after another until one is refused; what is refused is asked again by the client later."""
    url, bearer = await server.address()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {bearer}"}) as session:
        for number in range(1, MOST_ASKS):
            history.sent[key(number)] = f"a cat --steps 2 --seed {number}"
            body = {"words": history.sent[key(number)], "request_id": key(number)}
            async with session.post(f"{url}/api/jobs", json=body) as answer:
                found: dict[str, Any] = await answer.json()
                if answer.status >= 300:
                    return found
                history.accepted[key(number)] = found["jobs"][0]["id"]
    raise AssertionError("the full disk was not felt")


async def health(server: Server) -> str:
    """Return how the program says it is."""
    url, _ = await server.address()
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/health") as answer:
        return str((await answer.json())["state"])
