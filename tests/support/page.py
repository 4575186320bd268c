"""The chat page on the real program: every part but the device is the one that runs, on a folder of the test's own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

import build
from core.config import load
from core.passwords import Cost
from core.records import milliseconds
from core.sheet import JobSheet
from tests.support.fake_engine import FakeEngine
from web.app import Page

BEARER = "a bearer of the tests"
SECRET = "a-secret-of-the-tests"
QUICK = Cost(n=16, r=1, p=1)
"""What a password takes to try: nothing, in tests that are about something else."""


@dataclass
class Running:
    """Hold a running program and its page."""

    program: build.Program
    page: Page
    url: str

    @property
    def base(self) -> str:
        """Return the page's address without the secret and the last slash."""
        return self.url.partition("/?")[0]

    @property
    def host(self) -> str:
        """Return `name:port`, as a browser sends it."""
        return self.base.removeprefix("http://")

    @property
    def port(self) -> int:
        return int(self.host.rpartition(":")[2])


@asynccontextmanager
async def running(
    data: Path,
    *,
    engine: FakeEngine | None = None,
    port: int = 0,
    secret: str = SECRET,
    body_s: float = 15.0,
    clock: Callable[[], int] = milliseconds,
    environ: dict[str, str] | None = None,
    warm: bool = True,
    public_url: str = "",
    proxies: tuple[str, ...] = (),
    idle_s: float = 130.0,
) -> AsyncIterator[Running]:
    """Run the program with a FakeEngine on a data folder; `warm` waits until it is ready."""
    variables = {"LIMNER__LIMITS__PER_MINUTE": "0", **(environ or {})}
    config = load(build.HOME / "config.toml", data / "config.toml", variables).config
    painter = engine or FakeEngine()
    program = await build.build(
        config, data, make_engine=lambda _load, _models: painter, synchronous="OFF", password_cost=QUICK
    )
    page = Page(
        program.studio,
        program.archive,
        host="127.0.0.1",
        port=port,
        clock=clock,
        bearer=BEARER,
        secret=secret,
        randomness=secrets.token_bytes,
        body_s=body_s,
        idle_s=idle_s,
        public_url=public_url,
        proxies=proxies,
        metrics=program.chronicle.metrics,
    )
    url = await page.start()
    await program.start()
    if warm:
        await program.queue.ready.wait()
    try:
        yield Running(program, page, url)
    finally:
        await page.stop()
        await program.close()


@asynccontextmanager
async def visiting(where: Running, *, enter: bool = True) -> AsyncIterator[aiohttp.ClientSession]:
    """Be a browser at the page: its own Origin, cookies, JSON; `enter` opens a session by the address printed."""
    jar = aiohttp.CookieJar(unsafe=True)
    headers = {"Origin": where.base, "Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession(where.base, cookie_jar=jar, headers=headers) as browser:
        if enter:
            async with browser.get(where.url.removeprefix(where.base)) as answer:
                assert answer.status == 200
        yield browser


async def ask(browser: aiohttp.ClientSession, words: str = "a red heart --steps 2", **body: Any) -> list[JobSheet]:
    """Ask as the page does and return the sheets."""
    async with browser.post("/api/jobs", json={"words": words, **body}) as answer:
        told = await answer.json()
        assert answer.status == 201, told
        sheets: list[JobSheet] = told["jobs"]
        return sheets


async def settled(browser: aiohttp.ClientSession, job_id: str) -> JobSheet:
    """Wait until a Job has ended, by its events, and return its sheet."""
    async with browser.ws_connect("/api/events?after=0") as events, asyncio.timeout(20):
        async for message in events:
            event = message.json()
            if event["type"] == "move" and event["job"]["id"] == job_id and event["job"]["ended_at"] is not None:
                sheet: JobSheet = event["job"]
                return sheet
    raise AssertionError("the events ended before the job did")
