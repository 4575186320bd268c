"""Tests of the page as a product: what is offered on cards and while one types, plots, masks, languages, no mouse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from core.person import OWNER
from core.wording import ACTIONS
from tests.support.attachments import holed
from tests.support.browser import chromium, in_browser, say, shot, tab
from tests.support.page import running

__all__ = ["chromium"]
pytestmark = in_browser


async def recipes(page: Page) -> list[dict[str, object]]:
    """Return the recipes of all painted pictures, oldest first."""
    jobs = await page.evaluate("fetch('/api/jobs?limit=50').then((answer) => answer.json()).then(({jobs}) => jobs)")
    return [picture["recipe"] for job in reversed(jobs) for picture in job["pictures"]]


async def test_a_card_offers_what_discord_offers_and_does_it(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        cards = page.locator("article")
        await say(page, "a heart --steps 2 --seed 5")
        await expect(cards.nth(0).locator("img.picture")).to_be_visible()
        for action in ("upscale", "vary", "strong", "reroll", "remix", "sketch", "reproduce", "info", "delete"):
            await expect(cards.nth(0).get_by_role("button", name=ACTIONS[action], exact=True)).to_be_visible()
        await cards.nth(0).get_by_role("button", name="Vary strong").click()
        await expect(cards.nth(1).locator(".facts")).to_contain_text("varied by 0.4")

        await cards.nth(0).get_by_role("button", name="Remix").click()
        dialog = page.get_by_role("dialog", name="Remix")
        await dialog.get_by_label("Prompt").fill("a green heart")
        await dialog.get_by_label("A new seed").check()
        await dialog.get_by_role("button", name="Paint", exact=True).click()
        await expect(cards.nth(2).locator("img.picture")).to_have_attribute("alt", "a green heart")
        await expect(cards.nth(2).locator(".facts")).not_to_contain_text("seed 5,")

        await say(page, "many --n 5 --steps 1 --seed 20")
        many = cards.nth(3)
        await expect(many.locator("img.picture")).to_have_count(5)
        await many.get_by_label("Which picture").select_option(label="Picture 4, seed 23")
        await many.get_by_role("button", name="Upscale x2").click()
        await expect(cards.nth(4).locator(".state")).to_contain_text("Enlarged")

        await cards.nth(0).get_by_role("button", name="Delete").click()
        await expect(cards).to_have_count(4)
        await page.reload()
        await expect(cards).to_have_count(4)
        assert len(await site.program.studio.history(OWNER, None, 10)) == 4

        await say(page, "oom --steps 5")
        failed = page.locator("article[data-state=failed]")
        await failed.get_by_role("button", name="Ask again", exact=True).click()
        await expect(failed).to_have_count(2)


async def test_words_complete_and_lines_are_jobs(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        words = page.get_by_label("Words to paint")
        await words.press_sequentially("/re")
        offers = page.get_by_role("listbox", name="What can be typed here").get_by_role("option")
        await expect(offers.locator("code")).to_have_text(["/reroll", "/reproduce"])
        await page.keyboard.press("Escape")
        await words.fill("")
        await words.press_sequentially("a heart --sa")
        await expect(offers).to_have_count(1)
        await page.keyboard.press("Tab")
        await expect(words).to_have_value("a heart --sampler ")
        await words.press_sequentially("eul")
        await expect(offers.first).to_contain_text("euler")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(words).to_have_value("a heart --sampler euler ")
        await expect(page.locator("article")).to_have_count(0)
        await words.press_sequentially("--steps 2")
        await page.keyboard.press("Enter")
        await expect(page.locator("article .facts")).to_contain_text("euler, 2 steps")

        await words.fill("\n".join(f"line {number} --steps 1" for number in range(17)))
        await page.keyboard.press("Enter")
        await expect(page.locator("#trouble")).to_contain_text("at most 16")
        await words.fill("one --steps 1\n\ntwo --steps 0\nthree --steps 1")
        await expect(page.get_by_label("Each line is a job: 3 jobs")).to_be_checked()
        await page.keyboard.press("Enter")
        await expect(page.locator("#trouble")).to_contain_text("--steps 0")
        await expect(words).to_have_value("two --steps 0\nthree --steps 1")
        await expect(page.locator("article")).to_have_count(2)
        await page.get_by_label("Each line is a job: 2 jobs").uncheck()
        await words.fill("two words\nof one picture --steps 1")
        await words.press("Enter")
        await expect(page.locator("article img.picture")).to_have_count(3)
        await words.fill("/help")
        await words.press("Enter")
        await expect(page.get_by_role("dialog", name="What can I type?")).to_be_visible()


async def test_a_part_of_a_sketch_is_marked_and_painted_anew(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await page.set_input_files("#file", {"name": "h.png", "mimeType": "image/png", "buffer": holed()})
        await expect(page.locator("#sketch .hint")).to_contain_text("Keeps the composition")
        await page.get_by_label("Paint over").fill("20")
        await expect(page.locator("#sketch .hint")).to_contain_text("Keeps nearly all")
        await page.get_by_role("button", name="Paint only a part").click()
        pad = page.get_by_role("dialog", name="Mark what is painted anew")
        paper = pad.get_by_label("Paper to draw on")
        await paper.focus()
        for key in ("Space", *["ArrowRight"] * 6, "Space"):
            await page.keyboard.press(key)
        await pad.get_by_role("button", name="Undo").click()
        await expect(pad.get_by_role("button", name="Undo")).to_be_disabled()
        await pad.get_by_role("button", name="Redo").click()
        await pad.get_by_role("button", name="Use this mask").click()
        await expect(page.locator("#sketch")).to_contain_text("Only the marked part is painted")
        await say(page, "a heart --steps 5")
        await expect(page.locator("article .facts")).to_contain_text("strength 0.2, inpainted")


@pytest.mark.soak
async def test_the_pad_fills_and_takes_back(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await page.get_by_role("button", name="Draw a sketch").click()
        paper = page.locator("canvas.paper")
        await page.get_by_role("button", name="Blue", exact=True).click()
        await page.get_by_role("button", name="Fill").click()
        await paper.click(position={"x": 20, "y": 20})
        corner = "c => [...c.getContext('2d').getImageData(3, 3, 1, 1).data]"
        assert await paper.evaluate(corner) == [47, 111, 208, 255]
        await page.keyboard.press("Control+z")
        assert await paper.evaluate(corner) == [255, 255, 255, 255]
        await page.keyboard.press("Control+Shift+z")
        assert await paper.evaluate(corner) == [47, 111, 208, 255]
        await page.get_by_role("button", name="Clear").click()
        await page.get_by_role("button", name="Undo").click()
        assert await paper.evaluate(corner) == [47, 111, 208, 255]


async def test_two_options_are_laid_out_and_a_walk_is_exact(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await page.get_by_label("Words to paint").fill("a heart")
        await page.get_by_role("button", name="Compare many").click()
        dialog = page.get_by_role("dialog", name="Compare many")
        await dialog.get_by_label("Two options").check(force=True)
        await dialog.get_by_label("Across: Values").fill("1 2 3")
        await dialog.get_by_label("Down: Values").fill("2, 5")
        await expect(dialog.get_by_role("button", name="Paint 6")).to_be_enabled()
        await dialog.get_by_role("button", name="Paint 6").click()
        await expect(page.locator(".compare img.picture")).to_have_count(6)
        assert await page.locator(".compare thead code").all_text_contents() == [f"--steps {n}" for n in (1, 2, 3)]
        assert await page.locator(".compare tbody th").all_text_contents() == ["--guidance 2", "--guidance 5"]
        await shot(page, "compare")
        assert len({json.dumps(each["seed"]) for each in await recipes(page)}) == 1
        await page.reload()
        await expect(page.locator(".compare table img.picture")).to_have_count(6)

        await page.get_by_role("link", name="Chat").click()
        card = page.locator("article").first
        await card.get_by_role("button", name="Compare many").click()
        await dialog.get_by_role("spinbutton", name="To seed").fill("9")
        await dialog.get_by_label("Steps between").fill("3")
        await dialog.get_by_role("button", name="Paint 3").click()
        await expect(page.locator(".compare.flow img.picture")).to_have_count(3)
        walked = [each["vary"] for each in (await recipes(page))[-3:]]
        assert walked == [{"seed": 9, "amount": amount} for amount in (0.0, 0.5, 1.0)]
        await page.get_by_role("link", name="Chat").click()
        await page.locator("article").last.get_by_role("button", name="Reproduce").click()
        await expect(page.locator(".verdict strong")).to_have_text("identical")


async def test_the_page_speaks_the_language_of_its_reader(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url, locale="de-AT") as page:
        assert await page.locator("html").get_attribute("lang") == "de"
        await page.get_by_label("Worte zum Malen").fill("a red heart --steps 2 --seed 7")
        await page.keyboard.press("Enter")
        card = page.locator("article")
        await expect(card.locator(".state")).to_have_text("Fertig, Seed 7.")
        await expect(card.locator(".facts")).to_contain_text("2 Schritte")
        await expect(card.get_by_role("button", name="Neu würfeln")).to_be_visible()
        await page.get_by_label("Sprache").select_option("fr")
        await expect(card.locator(".state")).to_have_text("Fini, graine 7.")
        await page.get_by_label("Mots à peindre").fill("a heart --stepz 3")
        await page.keyboard.press("Enter")
        await expect(page.locator("#trouble")).to_contain_text("L'option --stepz n'existe pas.")
