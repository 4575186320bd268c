"""Tests that a gallery of any length is light: what stands in the page is what is in view, and each is built once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from core.person import OWNER
from core.records import milliseconds
from tests.support.archive import open_archive
from tests.support.browser import chromium, in_browser, tab
from tests.support.grown import KEY, grow
from tests.support.page import running

__all__ = ["chromium"]
pytestmark = in_browser

SCROLL = """async (all) => {
  const screen = document.getElementById('screen');
  const told = { seen: new Set(), built: 0, tiles: 0, nodes: 0, steps: 0, most: 0 };
  const watcher = new MutationObserver((records) => {
    const built = records.reduce((sum, { addedNodes }) => sum + addedNodes.length, 0);
    told.built += built;
    told.most = Math.max(told.most, built);
  });
  watcher.observe(document.querySelector('.gallery'), { childList: true });
  for (let still = 0; told.seen.size < all && still < 600; told.steps += 1) {
    const tiles = document.querySelectorAll('.tile a');
    const before = told.seen.size;
    tiles.forEach((tile) => told.seen.add(tile.getAttribute('href')));
    still = told.seen.size === before ? still + 1 : 0;
    told.tiles = Math.max(told.tiles, tiles.length);
    told.nodes = Math.max(told.nodes, document.querySelectorAll('*').length);
    screen.scrollTop += window.innerHeight / 2;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  }
  return { ...told, seen: told.seen.size };
}"""


async def grown(home: Path, pictures: int) -> None:
    """Leave a log with so many Pictures of the owner; their files are gone, so that nothing is asked for but pages."""
    await (await open_archive(home, payer_key=KEY)).close()
    grow(home / "limner.db", pictures, milliseconds())
    with closing(sqlite3.connect(home / "limner.db")) as base, base:
        base.execute("UPDATE gallery SET person = ?", (OWNER.id,))
        base.execute("UPDATE pictures SET file_digest = NULL")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("pictures", [1500, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_scrolling_through_all_pictures_keeps_the_page_light(
    chromium: Browser, tmp_path: Path, pictures: int
) -> None:
    await grown(tmp_path, pictures)
    async with running(tmp_path, warm=False) as site, tab(chromium, site.url) as page:
        await page.goto(f"{site.base}/#/pictures")
        await expect(page.locator(".screen .count")).to_have_text(f"{pictures:,} pictures")
        first = await page.locator(".when").inner_text()
        bare = await page.evaluate("document.querySelectorAll(':not(.tile, .tile *)').length")
        told = await page.evaluate(SCROLL, pictures)
        print(told)
        assert told["seen"] == pictures
        # Six across, the rows in view and three more at each end: as many after 100,000 as after 100.
        assert told["tiles"] <= 84 and told["nodes"] <= bare + 8 * 84, told
        # No step builds more than comes into view, and nothing is built twice on the way.
        assert told["most"] <= 84 and told["built"] <= pictures, told
        if pictures > 10_000:
            assert await page.locator(".when").inner_text() != first
