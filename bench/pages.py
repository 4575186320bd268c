"""Measure the page itself: its first load in a browser, and many open pages that receive progress."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from bench.common import write
from tests.support.fake_engine import FakeEngine
from tests.support.page import BEARER, Running, ask, running, visiting

CHROMIUM = "/usr/bin/chromium"
LOADS = 7
STEPS, STEP_S = 100, 0.1
DRAWN = """() => {
  const [page] = performance.getEntriesByType('navigation');
  const all = [page, ...performance.getEntriesByType('resource').filter(({name}) => !name.includes('/api/'))];
  return {interactive_ms: page.domContentLoadedEventEnd,
    bytes: all.reduce((sum, {encodedBodySize}) => sum + encodedBodySize, 0),
    unzipped: all.reduce((sum, {decodedBodySize}) => sum + decodedBodySize, 0)};
}"""


async def loads(site: Running) -> dict[str, float]:
    """Load the page as a new browser does, some times over: bytes of its own files, ms until all of it listens."""
    from playwright.async_api import async_playwright, expect

    found = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(LOADS):
            context = await browser.new_context()
            page = await context.new_page()
            await page.goto(site.url)
            await expect(page.locator("#health-text")).to_have_text("ready")
            found.append(await page.evaluate(DRAWN))
            await context.close()
        await browser.close()
    times = sorted(each["interactive_ms"] for each in found)
    sizes = {name: found[0][name] for name in ("bytes", "unzipped")}
    return {**sizes, "median_ms": round(times[LOADS // 2], 1), "most_ms": round(times[-1], 1)}


async def listen(url: str, pages: int) -> None:
    """Be so many open pages; print when each heard of each step (monotonic ns), once the first Job has ended."""
    heard: list[tuple[int, int]] = []

    async def page(client: aiohttp.ClientSession) -> None:
        async with client.ws_connect("/api/events?after=0", max_msg_size=2**24) as socket:
            sys.stdout.write("open\n")
            sys.stdout.flush()
            async for message in socket:
                event = message.json()
                if event["type"] == "stepping":
                    heard.append((event["step"], time.monotonic_ns()))
                elif event["type"] == "move" and event["job"]["ended_at"] is not None:
                    return

    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {BEARER}"}
    async with aiohttp.ClientSession(url, headers=headers, connector=connector) as client:
        await asyncio.gather(*(page(client) for _ in range(pages)))
    sys.stdout.write(json.dumps(heard) + "\n")


async def progress(pages: int) -> dict[str, Any]:
    """Paint one picture of many steps before so many open pages in a process beside this one."""
    stepped: list[int] = []

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        stepped.append(time.monotonic_ns())

    engine = FakeEngine(step_s=STEP_S, sleep=sleep)
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), engine=engine) as site, visiting(site) as browser:
            listener = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.pages", "--listen", site.base, "--pages", str(pages),
                stdout=asyncio.subprocess.PIPE, limit=2**26,
            )  # fmt: skip
            assert listener.stdout is not None
            for _ in range(pages):
                await listener.stdout.readline()
            cpu, wall = time.process_time(), time.monotonic()
            await ask(browser, f"a red heart --steps {STEPS}")
            heard = json.loads(await listener.stdout.readline())
            share = (time.process_time() - cpu) / (time.monotonic() - wall)
            await listener.wait()
    late = sorted((at - stepped[step - 1]) / 1e6 for step, at in heard)
    return {
        "pages": pages,
        "steps_a_second": 1 / STEP_S,
        "events": len(late),
        "of": pages * STEPS,
        "p50_ms": round(late[len(late) // 2], 1),
        "p99_ms": round(late[int(len(late) * 0.99)], 1),
        "most_ms": round(late[-1], 1),
        "cpu_share": round(share, 3),
    }


async def measure(pages: int) -> dict[str, Any]:
    """Return both."""
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder)) as site:
            first = await loads(site)
    return {"first_load": first, "open_pages": await progress(pages)}


def main() -> None:
    """Measure, print and keep it."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--pages", type=int, default=200)
    given.add_argument("--listen", metavar="URL", help=argparse.SUPPRESS)
    chosen = given.parse_args()
    if chosen.listen:
        asyncio.run(listen(chosen.listen, chosen.pages))
        return
    write("pages", asyncio.run(measure(chosen.pages)))


if __name__ == "__main__":
    main()
