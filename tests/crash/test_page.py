"""The page in a real browser while the program behind it is killed, stands still, or cannot be reached."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.crash.cradle import Cradle
from tests.crash.harness import Server, balanced
from tests.support.browser import chromium, in_browser, say, tab

__all__ = ["chromium"]
pytestmark = in_browser
HELD = "SELECT job_id, kind, amount FROM ledger"


async def painting(page: Page, home: Path, words: str) -> None:
    """Ask, and hold the device at a step in the middle of it: until the program dies, it goes no further."""
    await say(page, words)
    await expect(page.locator("article").last.locator("img.preview").first).to_be_visible()
    (home / "hang").touch()
    while (home / "hang").exists():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(home / "data" / "limner.db") as base:
        return base.execute(query).fetchall()


async def test_killed_and_started_in_mid_job_then_cut_off_the_page_goes_on_and_doubles_nothing(
    chromium: Browser, tmp_path: Path, warm: Cradle
) -> None:
    server = Server(tmp_path / "data", warm=warm)
    try:
        await server.models_read()
        url = json.loads((tmp_path / "data" / "run.json").read_text())["url"]
        async with tab(chromium, url) as page:
            cards, done = page.locator("article"), page.locator("article[data-state=delivered]")
            health, words = page.locator("#health-text"), page.get_by_label("Words to paint")
            await painting(page, tmp_path, "a red heart --n 2 --steps 150 --seed 7")
            server.kill()
            assert rows(tmp_path, "SELECT state, attempt FROM jobs") == [("running", 1)]
            await expect(health).to_contain_text("no connection")
            await expect(cards).to_have_count(1)

            port = url.partition("?")[0].rstrip("/").rpartition(":")[2]
            server = Server(tmp_path / "data", environ={"LIMNER_TEST_PORT": port}, warm=warm)
            # Nothing is pressed: the page finds back by itself, the card goes on where it stands and ends.
            await expect(done).to_have_count(1, timeout=60_000)
            await expect(page.locator("article img.picture")).to_have_count(2)
            await expect(page.locator("article .state")).to_have_text("Done, seeds 7 to 8.")
            await expect(health).to_have_text("ready")

            # The network goes in mid-job: what is typed meanwhile stays, what is painted meanwhile is seen later.
            await say(page, "a blue fish --steps 90 --seed 9")
            await expect(cards.nth(1).locator("img.preview")).to_be_visible()
            await page.context.set_offline(True)
            await expect(health).to_contain_text("no connection")
            await say(page, "a green leaf --steps 2")
            await expect(page.locator("#trouble")).to_contain_text("does not answer")
            await expect(words).to_have_value("a green leaf --steps 2")
            await page.context.set_offline(False)
            await expect(done).to_have_count(2)
            await page.keyboard.press("Enter")
            await expect(done).to_have_count(3)

            # The program stands still, as behind a network that loses everything, and goes on.
            await say(page, "a yellow star --steps 60 --seed 3")
            await expect(cards.nth(3).locator("img.preview")).to_be_visible()
            server.process.send_signal(signal.SIGSTOP)
            await words.fill("two at once --steps 2")
            await words.press("Enter")
            await words.press("Enter")
            server.process.send_signal(signal.SIGCONT)
            await expect(done).to_have_count(5)
            await expect(words).to_have_value("")
            before = await cards.evaluate_all("all => all.map((each) => each.id)")
            assert len(before) == len(set(before)) == 5
            await page.reload()
            await expect(done).to_have_count(5)
            assert await cards.evaluate_all("all => all.map((each) => each.id)") == before
        jobs = [str(each) for (each,) in rows(tmp_path, "SELECT id FROM jobs WHERE state = 'delivered'")]
        assert sorted(f"job-{each}" for each in jobs) == before
        held = rows(tmp_path, HELD)
        assert all(balanced(each, held) for each in jobs)
    finally:
        server.kill()
