"""A real browser at the page: one for a file of tests, a clean context for each test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
SHOTS = os.environ.get("LIMNER_SHOTS")

needs_browser = pytest.mark.skipif(
    not CHROMIUM.exists() and os.environ.get("LIMNER_STRICT") != "1", reason="no chromium on this machine"
)
# One browser and one event loop for all of a file: each test has a context of its own, as clean as a new browser's.
in_browser = [needs_browser, pytest.mark.asyncio(loop_scope="module")]
expect.set_options(timeout=20_000)
"""The browser shares a busy machine with the program: what must come may take time, what must not is not awaited."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS, timeout=60_000)
        yield browser
        await browser.close()


@asynccontextmanager
async def tab(chromium: Browser, url: str, **context: Any) -> AsyncIterator[Page]:
    """Open a page and fail the test where it had an error of its own (refused answers and lost lines are none)."""
    wide = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", "locale": "en-GB"}
    where = await chromium.new_context(**{**wide, **context})
    page = await where.new_page()
    troubles: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        harmless = "Failed to load resource" in message.text or "WebSocket connection" in message.text
        if message.type == "error" and not harmless:
            troubles.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.set_default_timeout(15_000)
    try:
        await page.goto(url)
        yield page
        assert troubles == []
    finally:
        await where.close()


async def shot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


async def say(page: Page, words: str) -> None:
    await page.get_by_label("Words to paint").fill(words)
    await page.keyboard.press("Enter")
