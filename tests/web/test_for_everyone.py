"""Tests that the page can be read and used by everyone: names, contrast, no mouse, no motion, a phone's width."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support import axe
from tests.support.axe import SCHEMES
from tests.support.browser import chromium, in_browser, say, tab
from tests.support.page import running

__all__ = ["chromium"]
pytestmark = in_browser
READING = (Path(__file__).parents[1] / "support" / "reading.js").read_text(encoding="utf-8").partition("\n")[2]
FOCUSED = """() => { const node = document.activeElement; const style = (of) => getComputedStyle(of).outlineStyle;
  const label = [...(node.labels ?? [])].map((each) => each.textContent).join('').trim();
  return { name: label || node.ariaLabel || node.getAttribute('aria-label') || node.textContent.trim()
    || node.querySelector('img')?.alt || '', outline: style(node),
    within: style(node.closest('label, .both') ?? node) }; }"""
"""What has the focus: its name, and whether an outline shows it, around itself or around what holds it."""


async def readable(page: Page, where: str) -> None:
    """Fail where something seen has no name or is too faint, or axe-core calls it grave, in light or in dark."""
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        assert await page.evaluate(READING) == [], f"{where}, {scheme}"
    assert await axe.faults(page) == [], where


async def test_all_that_is_seen_has_a_name_and_can_be_read(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await expect(page.locator("#empty")).to_be_visible()
        await readable(page, "empty")
        for words in ("a heart --steps 1", "a cat --n 3 --steps 1", "many --n 5 --steps 1", "oom --steps 2"):
            await say(page, words)
            await expect(page.get_by_label("Words to paint")).to_have_value("")
        await expect(page.locator("article[data-state=delivered]")).to_have_count(3)
        await expect(page.locator("article[data-state=failed]")).to_have_count(1)
        first = page.locator("article").first
        await first.get_by_role("button", name="Reproduce").click()
        await expect(page.locator(".verdict strong")).to_be_visible()
        await first.get_by_role("button", name="Use as sketch").click()
        await expect(page.locator("#sketch img")).to_be_visible()
        await say(page, "a --stepz 3")
        await expect(page.locator("#trouble")).to_be_visible()
        await readable(page, "chat")
        await page.get_by_label("Words to paint").fill("")
        await page.get_by_label("Words to paint").press_sequentially("a --s")
        await expect(page.locator("#offers")).to_be_visible()
        await readable(page, "offers")
        await page.get_by_label("Words to paint").fill("")
        for name in ("Draw a sketch", "Compare many", "What can I type?"):
            await page.locator("#composer").get_by_role("button", name=name).click()
            await expect(page.locator("dialog[open]")).to_be_visible()
            await readable(page, name)
            await page.keyboard.press("Escape")
        for name in ("Remix", "Info"):
            await first.get_by_role("button", name=name).click()
            await readable(page, name)
            await page.keyboard.press("Escape")
        other = await page.locator(".slot").first.get_attribute("data-picture")
        await page.locator("article").nth(1).get_by_role("link", name="Side by side").click()
        await expect(page.locator(".compare img.picture")).to_have_count(3)
        await readable(page, "compare")
        await page.get_by_role("link", name="Pictures", exact=True).click()
        await expect(page.locator(".tile img")).to_have_count(9)
        await readable(page, "pictures")
        await page.locator(".tile a").first.click()
        await expect(page.locator(".tree image").first).to_be_visible()
        await readable(page, "picture")
        await page.get_by_label("or by its id").fill(str(other))
        await page.keyboard.press("Enter")
        await expect(page.locator(".beside .over")).to_be_visible()
        await readable(page, "two pictures")
        await page.get_by_role("link", name="Operate", exact=True).click()
        await expect(page.locator(".chart").first).to_be_visible()
        await readable(page, "operate")


@pytest.mark.soak
async def test_what_is_not_readable_is_found(chromium: Browser, tmp_path: Path) -> None:
    """The check itself: planted faults of each sort are told."""
    async with running(tmp_path, warm=False) as site, tab(chromium, site.url) as page:
        await expect(page.locator("#empty")).to_be_visible()
        await page.evaluate(
            "() => { const p = document.createElement('p'); p.style.color = '#999'; p.id = 'words';"
            " p.append('faint', document.createElement('button'), document.createElement('input'));"
            " document.getElementById('empty').append(p); }"
        )
        told = await page.evaluate(READING)
        assert [each.partition(":")[0] for each in sorted(told)] == ["faint 2.57", "no name", "no name", "twice"]


async def test_the_keyboard_alone_is_enough(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await expect(page.locator("#health-text")).to_have_text("ready")
        await chat_by_keyboard(page)
        # The screens beside the chat: from the head on, in the order they are read.
        await pictures_by_keyboard(page)
        await operate_by_keyboard(page)


async def chat_by_keyboard(page: Page) -> None:
    press = page.keyboard.press
    focused = "document.activeElement.textContent.trim() || document.activeElement.ariaLabel"
    await page.evaluate("document.body.focus()")
    await page.locator("#skip").focus()
    await press("Enter")
    await page.keyboard.type("a heart --steps 1")
    await press("Enter")
    await expect(page.locator("article img.picture")).to_be_visible()
    # Backwards from the words: what was sent stands right before them.
    seen = []
    while "Upscale x2" not in seen and len(seen) < 30:
        await press("Shift+Tab")
        seen.append(await page.evaluate(focused))
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", f"no outline: {seen[-1]}"
    assert seen.index("Delete") < seen.index("Info") < seen.index("Reroll") < seen.index("Upscale x2")
    for _ in range(3):
        await press("Tab")
    assert await page.evaluate(focused) == "Reroll"
    await press("Enter")
    await expect(page.locator("article img.picture")).to_have_count(2)
    await page.get_by_role("button", name="Draw a sketch").focus()
    await press("Enter")
    paper = page.get_by_label("Paper to draw on")
    await paper.focus()
    for key in ("Space", "ArrowDown", "ArrowRight", "Space"):
        await press(key)
    await page.get_by_role("button", name="Use this sketch").focus()
    await press("Enter")
    await expect(page.locator("#sketch img")).to_be_visible()


async def tab_to(page: Page, name: str, most: int = 40) -> None:
    """Go on by the tab key alone until something of this name is focused, and seen to be."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        told = await page.evaluate(FOCUSED)
        assert told["outline"] == "solid" or told["within"] == "solid", told
        if told["name"].startswith(name):
            return
    raise AssertionError(f"{name} is not reached, {told} was the last")


async def pictures_by_keyboard(page: Page) -> None:
    press = page.keyboard.press
    await page.get_by_role("link", name="Pictures", exact=True).focus()
    await press("Enter")
    await expect(page.locator(".tile")).to_have_count(2)
    for name in ("Words", "Favourites", "Filters", "a heart"):
        await tab_to(page, name, 2)
    await press("ArrowRight")
    other = await page.locator(".tile a").nth(1).get_attribute("href")
    assert await page.evaluate("document.activeElement.getAttribute('href')") == other
    await press("Enter")
    await expect(page.locator(".stage img")).to_be_visible()
    for name in ("← Pictures", "Compare with", "or by its id"):
        await tab_to(page, name, 2)
    first = str(await page.locator("article .slot").nth(1).get_attribute("data-picture"))
    await page.keyboard.type(first)
    await press("Enter")
    await expect(page.locator(".beside .over")).to_be_visible()
    await page.get_by_label("Compare with").focus()
    await press("Shift+Tab")
    assert (await page.evaluate(FOCUSED))["within"] == "solid"
    await press("ArrowLeft")
    assert "49%" in str(await page.locator(".beside .over").get_attribute("style"))
    for name in (
        "Walk from",
        "Favourite",
        "Upscale x2",
        "Reproduce",
        "Copy as command",
        "PNG with",
        "Share",
        "Ids and",
        "Family tree",
    ):
        await tab_to(page, name, 9)
    await tab_to(page, "Imagine, seed", 3)


async def operate_by_keyboard(page: Page) -> None:
    press = page.keyboard.press
    await page.get_by_role("link", name="Operate", exact=True).focus()
    await press("Enter")
    await expect(page.locator(".tiles")).to_be_visible()
    await tab_to(page, "Pause", 2)
    await press("Enter")
    await expect(page.locator(".operate .state")).to_have_text("paused")
    await tab_to(page, "Set a limit")
    await press("Enter")
    await tab_to(page, "Jobs waiting", 3)
    await page.keyboard.type("7")
    await press("Enter")
    await expect(page.locator(".rules")).to_contain_text("Jobs waiting: 7")


async def test_nothing_moves_for_who_wants_no_motion_and_all_fits_a_phone(chromium: Browser, tmp_path: Path) -> None:
    phone = {"width": 360, "height": 740}
    async with running(tmp_path) as site, tab(chromium, site.url, viewport=phone, has_touch=True) as page:
        await say(page, "a cat --n 4 --steps 1")
        await expect(page.locator("article img.picture")).to_have_count(4)
        assert await page.evaluate("document.getAnimations().length") == 0
        widest = (
            "Math.max(...[...document.querySelectorAll('body *')]"
            ".filter((each) => each.checkVisibility() && !each.closest('.scrolls > *, .tree > *, .unseen'))"
            ".map((each) => each.getBoundingClientRect().right))"
        )
        for opened in ("Draw a sketch", "Compare many", "What can I type?"):
            await page.get_by_role("button", name=opened).first.click()
            await expect(page.locator("dialog[open]")).to_be_visible()
            assert await page.evaluate(widest) <= 361, opened
            await page.keyboard.press("Escape")
        assert await page.evaluate(widest) <= 361
        one, two = [await page.locator(".slot").nth(nth).get_attribute("data-picture") for nth in (0, 1)]
        job = str(await page.locator("article").get_attribute("id")).removeprefix("job-")
        for screen, there in (
            ("pictures?seed=7", ".narrows"), ("pictures", ".tile img"), (f"picture/{one}", ".tree image"),
            (f"picture/{one}?with={two}", ".beside .over"), (f"compare/{job}", ".compare img.picture"),
            (f"operate/{job}", ".log .move"),
        ):  # fmt: skip
            await page.goto(f"{site.base}/#/{screen}")
            await expect(page.locator(there).first).to_be_visible()
            assert await page.evaluate(widest) <= 361, screen
            assert await page.evaluate("document.getAnimations().length") == 0, screen
        await page.goto(f"{site.base}/#/")
        await a_pen_presses_and_a_finger_draws(page)


INKED = """c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;
  for (let i = 0; i < d.length; i += 4) n += d[i] < 128; return n; }"""


async def a_pen_presses_and_a_finger_draws(page: Page) -> None:
    """Draw with a pen, softly and hard, then with a finger, and tap at once on what takes the sketch."""
    await page.get_by_role("button", name="Draw a sketch").tap()
    paper = page.get_by_label("Paper to draw on")
    box = await paper.bounding_box()
    assert box is not None
    device = await page.context.new_cdp_session(page)
    inked = [0]
    for down, force in ((0.2, 0.1), (0.5, 1.0)):
        y = box["y"] + down * box["height"]
        for kind, across in (("mousePressed", 0.2), ("mouseMoved", 0.5), ("mouseMoved", 0.8), ("mouseReleased", 0.8)):
            at = {"x": box["x"] + across * box["width"], "y": y, "button": "left", "pointerType": "pen"}
            await device.send("Input.dispatchMouseEvent", {"type": kind, **at, "force": force, "clickCount": 1})
        inked.append(await paper.evaluate(INKED) - sum(inked))
    assert inked[2] > 2 * inked[1] > 0
    for kind, across in (("touchStart", 0.2), ("touchMove", 0.4), ("touchMove", 0.8), ("touchEnd", None)):
        here = {"x": box["x"] + (across or 0) * box["width"], "y": box["y"] + 0.8 * box["height"]}
        points = [] if across is None else [here]
        await device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert await paper.evaluate(INKED) > sum(inked)
    await page.get_by_role("button", name="Use this sketch").tap()
    await expect(page.locator("#sketch img")).to_be_visible()
