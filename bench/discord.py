"""Discord under load: first answers and loop lag while a thousand people type, and memory from job 1,000 to 10,000.

usage: python -m bench.discord [interactions] [jobs]; the Discord is the tests' own, in a process beside the program's.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from collections.abc import AsyncIterator, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.common import run, write
from bench.drive import percentiles
from tests.support.loopback.server import Discord, loopback

SPAN_S = 10.0
PEOPLE = 200
BEAT_S = 0.01
GOALS = {"first_answer_p99_s": 1.0, "loop_lag_p99_ms": 50.0, "growth_mb": 20.0}


def main(interactions: int, jobs: int) -> None:
    """Ask in ten seconds, then paint until so many Jobs are done."""
    ours, theirs = multiprocessing.Pipe()
    program = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    program.start()
    with TemporaryDirectory() as folder:
        run(drive(ours, Path(folder), interactions, jobs))
    program.join(30)


async def drive(line: Connection, data: Path, interactions: int, jobs: int) -> None:
    """Be Discord: bring the interactions, note when each was answered."""
    async with loopback() as discord:
        line.send((discord.url, str(data)))
        await asyncio.wait_for(discord.gateway.identified.wait(), 60)
        await asyncio.to_thread(line.recv)
        discord.rest.checks, discord.rest.watch = False, lambda call: call.files.clear()
        found: dict[str, Any] = {"interactions": interactions, "span_s": SPAN_S, "goals": GOALS}
        found["first_answer_s"] = await burst(discord, interactions, SPAN_S)
        line.send("lag")
        found["loop_lag_ms"] = await asyncio.to_thread(line.recv)
        found["drained_s"] = await drain(discord, line, interactions)
        async for rss in grow(discord, line, interactions, jobs):
            # What was measured so far stands, should it be ended early.
            write("discord", {**found, "rss_mb": rss})
        line.send("stop")


async def burst(discord: Discord, count: int, span_s: float) -> dict[str, float]:
    """Let many people type, evenly over a time; return the seconds to each first answer."""
    began, asked = time.perf_counter(), []
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number * span_s / count - time.perf_counter()))
        asked.append(await discord.slash("imagine", 1000 + number % PEOPLE, prompt=f"a heart {number} --steps 2"))
    for _ in range(600):
        if all(each.answered_at for each in asked):
            break
        await asyncio.sleep(0.1)
    waits = [((each.answered_at or each.at + 60_000) - each.at) / 1000 for each in asked]
    ordered = sorted(waits)
    return {**percentiles(waits), "p99": ordered[int(0.99 * len(ordered)) - 1], "most": ordered[-1]}


async def drain(discord: Discord, line: Connection, jobs: int) -> float:
    """Wait until so many Jobs are delivered; return the seconds."""
    began = time.perf_counter()
    while await told(line, "delivered") < jobs:  # noqa: ASYNC110 - another process, which tells nobody
        await asyncio.sleep(0.25)
    return time.perf_counter() - began


async def grow(discord: Discord, line: Connection, done: int, jobs: int) -> AsyncIterator[dict[str, float]]:
    """Paint on, a hundred at a time; yield the memory held at each thousand Jobs so far."""
    rss = {str(done): await told(line, "rss")}
    yield rss
    while done < jobs:
        await burst(discord, 100, 2.0)
        done += 100
        await drain(discord, line, done)
        discord.store.messages.clear()
        discord.store.files.clear()
        discord.store.calls.clear()
        discord.store.asked.clear()
        for session in discord.gateway.sessions.values():
            session.events[:] = [""] * len(session.events)
        if done % 1000 == 0:
            rss[str(done)] = await told(line, "rss")
            yield rss


async def told(line: Connection, what: str) -> float:
    """Ask the program for a figure."""
    line.send(what)
    return float(await asyncio.to_thread(line.recv))


def serve(line: Connection) -> None:
    """Be the program's process."""
    url, data = line.recv()
    run(program(line, url, Path(data)))


async def program(line: Connection, url: str, data: Path) -> None:
    """Run the program behind Discord with an engine of stripes, and answer for its figures."""
    from bot.client import start
    from parts import answer_soon, settle
    from tests.support.fake_engine import FakeEngine
    from tests.support.loopback.server import point_at
    from tests.support.program import running

    point_at(url)
    answer_soon()
    engine = FakeEngine(step_s=0.002)
    async with running(data, lambda *_: engine) as parts:
        book = parts.archive
        stop = await start(parts.studio, parts.faces, "a token for tests", (), (0, 1), print, book=book)
        lags: list[float] = []
        beats = asyncio.create_task(beat(lags))
        await settle(parts.queue.ready)
        await asyncio.sleep(2.0)
        lags.clear()
        line.send("ready")
        figures: dict[str, Callable[[], Any]] = {"lag": lambda: spread_ms(lags), "rss": rss_mb}
        while (asked := await asyncio.to_thread(line.recv)) != "stop":
            engine.record.clear()
            line.send(await delivered(data) if asked == "delivered" else figures[asked]())
        beats.cancel()
        await stop()


async def delivered(data: Path) -> int:
    """Count delivered Jobs."""
    import sqlite3
    from contextlib import closing

    def count() -> int:
        with closing(sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True)) as base:
            return int(base.execute("SELECT count(*) FROM jobs WHERE state = 'delivered'").fetchone()[0])

    return await asyncio.to_thread(count)


async def beat(lags: list[float]) -> None:
    """Note how late the loop wakes."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(BEAT_S)
        lags.append(time.perf_counter() - began - BEAT_S)


def spread_ms(lags: list[float]) -> dict[str, float]:
    """Return the lags in ms, and forget them."""
    ordered = sorted(1000 * lag for lag in lags) or [0.0]
    found = {**percentiles(ordered), "p99": ordered[int(0.99 * len(ordered)) - 1], "most": ordered[-1]}
    lags.clear()
    return found


def rss_mb() -> float:
    """Return the memory this process holds now."""
    for row in Path("/proc/self/status").read_text().splitlines():
        if row.startswith("VmRSS"):
            return int(row.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
