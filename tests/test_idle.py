"""An idle bot does no work: while nobody asks, half an hour passes without a statement to the database or a step."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from core.chronicle import LagProbe
from tests.support import page
from tests.support.fake_engine import FakeEngine

SECONDS = 1800
ROUNDS = 4
"""Times round the loop in each second: enough for whatever wakes to go on and to rest again."""


class Hours:
    """Let seconds pass on a loop's clock without waiting for them."""

    def __init__(self, loop: Any) -> None:
        self._ahead_s = 0.0
        loop.time = lambda: time.monotonic() + self._ahead_s

    async def second(self) -> None:
        """Let one pass, and whatever was due be done."""
        self._ahead_s += 1.0
        for _ in range(ROUNDS):
            await asyncio.sleep(0)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect every statement to any database."""
    found: list[str] = []

    def note(_: object, __: object, statement: str, *rest: object) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_an_idle_bot_does_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    async with page.running(tmp_path, engine=engine) as site, page.visiting(site) as browser:
        [asked] = await page.ask(browser)
        await page.settled(browser, asked["id"])
        for part in (site.program.dispatcher, site.program.courier):
            part.wake()
        async with browser.ws_connect(f"/api/events?after={2**40}"):
            lag = LagProbe(site.program.chronicle.meters)
            lag.start()
            # Until all that the Job left to do is done.
            await asyncio.sleep(0.3)
            hours, steps, woken = Hours(asyncio.get_running_loop()), len(engine.record), Counter[str]()
            mine, real = asyncio.current_task(), asyncio.Handle._run  # type: ignore[attr-defined]

            def counted(handle: Any) -> None:
                if getattr(handle._callback, "__self__", None) is not mine:
                    woken[repr(handle._callback)[:80]] += 1
                real(handle)

            with statements() as said, monkeypatch.context() as patched:
                patched.setattr(asyncio.Handle, "_run", counted)
                for _ in range(SECONDS):
                    await hours.second()
            lag.stop()
            assert len(engine.record) == steps, "the device was asked"
    assert said == [], Counter(said)
    rang = sum(count for name, count in woken.items() if "LagProbe" in name)
    assert SECONDS - 2 <= rang <= SECONDS + 2, "the one timer, once a second"
    # Whatever else wakes is the browser's socket, which is asked now and then whether it lives.
    assert sum(woken.values()) - rang < SECONDS / 2, woken
