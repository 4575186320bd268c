"""Tests of the gallery and one picture's screen in a real browser; words and names in them stay words."""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import Browser, Route, expect

from core.person import OWNER
from tests.support import foreign_files
from tests.support.browser import chromium, in_browser, say, shot, tab
from tests.support.page import running

__all__ = ["chromium"]
pytestmark = in_browser

SCRIPT = '<img src=x onerror="window.hit=1">'

FILES = {
    "PNG with its recipe": (".png", b"PNG", True), "bare PNG": (".png", b"PNG", False),
    "WebP": (".webp", b"WEBP", True), "JPEG": (".jpg", b"\xff\xd8", True),
}  # fmt: skip
"""What a picture is downloaded as: how the name ends, what it begins with, whether its words are in it."""


async def late(route: Route) -> None:
    """Answer a while after it was asked, as a busy server does."""
    await asyncio.sleep(0.3)
    await route.continue_()


async def test_pictures_are_found_kept_followed_compared_and_reproduced(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        cards = page.locator("article img.picture")
        await say(page, f"a red heart {SCRIPT} --steps 2 --seed 7 --n 3")
        await expect(cards).to_have_count(3)
        await page.get_by_role("link", name="Pictures", exact=True).click()
        sibling = str(await page.locator(".slot").nth(2).get_attribute("data-picture"))
        tiles = page.locator(".tile")
        await expect(tiles).to_have_count(3)
        await expect(page.locator(".screen .count")).to_have_text("3 pictures")
        await tiles.nth(0).hover()
        await tiles.nth(0).get_by_role("button", name="Favourite").click()
        await page.get_by_label("Favourites").check(force=True)
        await expect(tiles).to_have_count(1)
        await page.get_by_label("Favourites").uncheck(force=True)
        await page.locator(".search").get_by_label("Words").fill("nothing like it")
        await expect(tiles).to_have_count(0)
        await page.locator(".search").get_by_label("Words").fill("RED")
        await page.locator(".search summary").click()
        await page.locator(".search").get_by_label("Seed").fill("8")
        await expect(tiles).to_have_count(1)
        await shot(page, "pictures")

        await tiles.nth(0).locator("a").click()
        await expect(page.locator(".stage img")).to_be_visible()
        await expect(page.locator(".recipe-facts").first).to_contain_text(SCRIPT)
        await page.get_by_role("button", name="Reproduce").click()
        await expect(page.locator(".screen .verdict strong")).to_have_text("identical")
        here = page.url
        await page.get_by_label("How far, and by what").select_option("3 animevideov3")
        await page.get_by_role("button", name="Enlarge", exact=True).click()
        await expect(cards).to_have_count(5)
        await page.goto(here)
        await page.reload()
        await expect(page.locator(".tree a")).to_have_count(3)
        await expect(page.locator(".tree path.line")).to_have_count(2)
        await page.locator(".beside-with select").select_option(index=1)
        await expect(page.locator(".beside .over")).to_be_visible()
        await page.locator(".beside input").fill("20")
        assert "20%" in await page.locator(".beside .over").evaluate("image => image.style.clipPath")
        await shot(page, "picture")
        await page.route(f"**/api/pictures/{sibling}", late)
        await page.get_by_label("or by its id").fill(sibling)
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Walk from one to the other").click()
        walk = page.get_by_role("dialog", name="Compare many")
        await expect(walk.get_by_role("spinbutton", name="To seed")).to_have_value("9")
        await expect(walk.locator(".trouble")).to_have_text("")
        await walk.get_by_label("Steps between").fill("3")
        await walk.get_by_role("button", name="Paint 3").click()
        await expect(page.locator(".compare.flow img.picture")).to_have_count(3)
        await page.goto(here)
        for name, (end, magic, told) in FILES.items():
            async with page.expect_download() as saved:
                await page.get_by_role("link", name=name, exact=True).click()
            raw = (await (await saved.value).path()).read_bytes()
            assert (await saved.value).suggested_filename.endswith(end) and magic in raw[:16], name
            assert (b"a red heart" in raw or "a red heart".encode("utf-16-be") in raw) is told, name
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.get_by_role("button", name="Copy as command").click()
        await expect(page.locator("#toast")).to_be_visible()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("a red heart <img") and "--seed 8 " in copied
        assert await page.evaluate("window.hit") is None


async def test_a_foreign_file_gives_its_words_and_its_script_stays_words(chromium: Browser, tmp_path: Path) -> None:
    raw = foreign_files.png({"parameters": foreign_files.A1111.replace("fox", SCRIPT)}, (96, 96))
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await page.set_input_files("#file", {"name": f"{SCRIPT}.png", "mimeType": "image/png", "buffer": raw})
        await expect(page.locator(".brought")).to_contain_text("Painted with A1111")
        await expect(page.locator(".brought li").first).to_be_visible()
        await page.get_by_role("button", name="Use its words").click()
        words = await page.get_by_label("Words to paint").input_value()
        assert SCRIPT in words.replace("\\", "") and "--seed 42" in words
        assert await page.evaluate("window.hit") is None


async def test_the_owner_operates_and_erases_only_with_the_word(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await say(page, "a red heart --steps 2")
        await expect(page.locator("article img.picture")).to_have_count(1)
        await page.get_by_role("link", name="Operate", exact=True).click()
        state, told = page.locator(".operate .state"), page.locator(".operate > .told")
        await expect(page.locator(".tiles")).to_contain_text("Pictures1in the last day")
        await expect(page.get_by_role("img", name="Calls by their rows: 2: 2")).to_be_visible()
        await page.get_by_role("button", name="Pause", exact=True).click()
        await expect(state).to_have_text("paused")
        await expect(page.locator(".acts time")).to_have_count(1)
        await page.get_by_role("button", name="Go on", exact=True).click()
        await expect(state).to_have_text("ready")

        await page.get_by_role("button", name="Load", exact=True).click()
        await expect(page.locator(".models")).to_contain_text("builtindefaultin memory")
        await page.get_by_role("button", name="Unload", exact=True).click()
        await expect(told).to_have_text("builtin is taken from memory.")
        await page.locator(".people").get_by_role("button", name="Limits").click()
        await page.get_by_label("Jobs waiting").fill("3")
        await page.get_by_role("button", name="Set", exact=True).click()
        await expect(page.locator(".rules")).to_contain_text("Jobs waiting: 3")
        assert (await site.program.archive.rules("all")).people[OWNER.id].waiting == 3
        job = (await site.program.studio.history(OWNER, None, 1))[0]["id"]
        await page.get_by_label("Id of a job").fill(job[-8:])
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(page.locator(".log .move").first).to_contain_text("new → queued (accept)")
        await expect(page.locator(".log .move").last).to_contain_text("rendered → delivered")
        await shot(page, "operate")
        go, word = page.get_by_role("button", name="Erase all that is kept of"), page.locator(".danger input")
        await page.locator(".people").get_by_role("button", name="Erase").click()
        await word.fill("erase")
        await expect(go).to_be_disabled()
        await page.get_by_role("button", name="Myself instead").click()
        await word.fill("erase")
        await go.click()
        await expect(told).to_contain_text("Erased: 1 jobs, 1 pictures")
