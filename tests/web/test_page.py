"""Tests of the page in a real browser: words, sketches, buttons, and what survives a refresh or a restart."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Route, expect

from core.person import OWNER
from tests.support.archive import png
from tests.support.attachments import holed
from tests.support.browser import chromium, in_browser, say, shot, tab
from tests.support.fake_engine import FakeEngine
from tests.support.page import running

__all__ = ["chromium"]
pytestmark = in_browser


async def test_from_words_to_a_picture_and_on(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path, engine=FakeEngine(step_s=0.03)) as site, tab(chromium, site.url) as page:
        assert "secret" not in page.url
        await expect(page.locator("#health-text")).to_have_text("ready")
        await expect(page.locator("#builtin")).to_contain_text("data/config.toml")
        await shot(page, "empty")
        await say(page, "/imagine a red heart beside --steps 20 --seed 7")
        card = page.locator("article").first
        await expect(card.locator(".state")).to_contain_text("Painting")
        await expect(card.locator("progress")).to_be_visible()
        await expect(card.locator("img.preview")).to_be_visible()
        await shot(page, "painting")
        # In mid-job: the card comes back from the log, and goes on.
        await page.reload()
        await expect(page.locator("article")).to_have_count(1)
        await expect(card.locator("img.picture")).to_have_attribute("alt", "a red heart beside")
        await expect(card.locator(".state")).to_have_text("Done, seed 7.")
        await expect(page.get_by_label("Words to paint")).to_have_value("")

        await card.get_by_role("button", name="Reproduce").click()
        await expect(page.locator("article").nth(1).locator(".verdict strong")).to_have_text("identical")
        await card.get_by_role("button", name="Reroll").click()
        await expect(page.locator("article").nth(2).locator("img.picture")).to_be_visible()
        await page.locator("article").nth(2).get_by_role("button", name="Upscale x2").click()
        await expect(page.locator("article").nth(3).locator("img.picture")).to_be_visible()
        await shot(page, "cards")
        await page.locator("article").nth(2).get_by_text("from ").click()
        await expect(page.locator("article.found")).to_have_count(1)
        await card.get_by_role("button", name="Info").click()
        await expect(page.locator("#viewer")).to_contain_text("Fingerprint")
        await shot(page, "viewer")
        kept = page.locator("#viewer .kept-beside img")
        await expect(kept).to_have_attribute("alt", "The sketch as it was prepared")
        await expect(kept).to_have_js_property("complete", True)
        assert await kept.evaluate("(each) => each.naturalWidth") > 0
        await page.keyboard.press("Escape")

        before = await page.locator("article").evaluate_all("all => all.map((each) => each.id)")
        await page.reload()
        await expect(page.locator("article")).to_have_count(4)
        assert await page.locator("article").evaluate_all("all => all.map((each) => each.id)") == before
        await expect(page.locator(".verdict strong")).to_have_text("identical")

        await page.get_by_label("Words to paint").focus()
        await page.keyboard.press("ArrowUp")
        await expect(page.get_by_label("Words to paint")).to_have_value(
            "/imagine a red heart beside --steps 20 --seed 7"
        )
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_label("Words to paint")).to_have_value("")


async def test_a_sketch_is_drawn_and_sent(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await page.get_by_role("button", name="Draw a sketch").click()
        paper = await page.get_by_label("Paper to draw on").bounding_box()
        assert paper is not None
        x, y, side = paper["x"], paper["y"], paper["width"]
        for colour, line in (("Red", [(0.2, 0.3), (0.5, 0.8), (0.8, 0.3)]), ("Blue", [(0.1, 0.1), (0.9, 0.1)])):
            await page.get_by_role("button", name=colour, exact=True).click()
            await page.mouse.move(x + line[0][0] * side, y + line[0][1] * side)
            await page.mouse.down()
            for across, down in line[1:]:
                await page.mouse.move(x + across * side, y + down * side, steps=6)
            await page.mouse.up()
        await shot(page, "pad")
        colours = (
            "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;"
            " for (let i = 0; i < d.length; i += 4) n += d[i] < 100 && d[i + 2] > 150; return n; }"
        )
        assert await page.locator("canvas").evaluate(colours) > 500
        await page.get_by_role("button", name="Undo").click()
        assert await page.locator("canvas").evaluate(colours) == 0
        await page.get_by_role("button", name="Use this sketch").click()
        await expect(page.locator("#sketch")).to_contain_text("512 × 512")
        await page.get_by_label("Paint over").fill("60")
        await shot(page, "sketch")
        await say(page, "a red heart --steps 5")
        await expect(page.locator("article img.picture")).to_be_visible()
        await expect(page.locator("article .facts")).to_contain_text("strength 0.6")
        await expect(page.locator("article img.start")).to_be_visible()
        await expect(page.locator("#sketch")).to_be_hidden()

        await page.get_by_role("button", name="Use as sketch").click()
        await expect(page.locator("#sketch img")).to_be_visible()
        await page.get_by_role("button", name="Draw on it").click()
        await expect(page.locator("canvas")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Remove the sketch").click()

        await page.set_input_files("#file", {"name": "h.png", "mimeType": "image/png", "buffer": png(size=(80, 96))})
        await expect(page.locator("#sketch")).to_contain_text("80 × 96")
        await page.get_by_role("button", name="Remove the sketch").click()
        for event in ("drop", "paste"):
            dropped = await page.evaluate_handle(FILES, base64.b64encode(png(size=(96, 72))).decode())
            holder = "dataTransfer" if event == "drop" else "clipboardData"
            await page.evaluate(GIVE, [event, holder, dropped])
            await expect(page.locator("#sketch")).to_contain_text("96 × 72")
            await page.get_by_role("button", name="Remove the sketch").click()
        await page.set_input_files(
            "#file", {"name": "h.png", "mimeType": "image/png", "buffer": b"<svg onload=alert(1)>"}
        )
        await expect(page.locator("#sketch [role=alert]")).to_be_visible()


async def test_only_the_transparent_part_is_painted_where_that_is_chosen(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        box = page.get_by_label("Paint only the transparent part")
        for raw, offered in ((png(), 0), (holed(), 1)):
            await page.set_input_files("#file", {"name": "h.png", "mimeType": "image/png", "buffer": raw})
            await expect(page.locator("#sketch img")).to_be_visible()
            await expect(box).to_have_count(offered)
            await say(page, "a red heart --steps 5")
            await expect(page.locator("#sketch")).to_be_hidden()
        facts = page.locator("article[data-state=delivered] .facts")
        await expect(facts).to_have_count(2)
        assert not any("inpainted" in each for each in await facts.all_text_contents())

        await page.set_input_files("#file", {"name": "h.png", "mimeType": "image/png", "buffer": holed()})
        await expect(page.locator("#sketch output")).to_have_text("75 %")
        await box.check()
        await expect(page.locator("#sketch output")).to_have_text("100 %")
        await shot(page, "inpaint")
        await say(page, "a red heart --steps 5 --seed 7")
        card = page.locator("article").nth(2)
        await expect(card.locator(".facts")).to_contain_text("strength 1, inpainted")
        await card.get_by_role("button", name="Reroll").click()
        await expect(page.locator("article").nth(3).locator(".facts")).to_contain_text("inpainted")

        await page.set_input_files("#file", {"name": "h.png", "mimeType": "image/png", "buffer": holed()})
        await box.check()
        await page.get_by_label("Paint over").fill("60")
        await box.uncheck()
        await expect(page.locator("#sketch output")).to_have_text("60 %")
        await box.check()
        await say(page, "a red heart --steps 5")
        await expect(page.locator("article").nth(4).locator(".facts")).to_contain_text("strength 0.6, inpainted")


RIGHT_EDGES = """() => [...document.querySelectorAll('body, main, article, article *')]
  .map((each) => each.getBoundingClientRect().right)"""
FILES = """(text) => { const d = new DataTransfer();
  d.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], 'x.png', {type: 'image/png'}));
  return d; }"""
GIVE = """([name, holder, data]) => document.body.dispatchEvent(name === 'drop'
  ? new DragEvent(name, {[holder]: data, bubbles: true, cancelable: true})
  : new ClipboardEvent(name, {[holder]: data, bubbles: true, cancelable: true}))"""


async def test_a_file_of_ours_is_reproduced_from_the_page(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await say(page, "a red heart --steps 2")
        async with page.expect_download() as saved:
            await page.get_by_role("link", name="Download the PNG with its recipe").click()
        file = await (await saved.value).path()
        await page.set_input_files("#file", {"name": "f.png", "mimeType": "image/png", "buffer": file.read_bytes()})
        await page.get_by_role("button", name="Reproduce this file").click()
        await expect(page.locator(".verdict strong")).to_have_text("identical")


async def test_it_fits_a_phone(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await page.set_viewport_size({"width": 390, "height": 844})
        for words in ("a cat --n 4 --steps 2", "w" * 300, "many --n 12 --steps 1", "badstep heart"):
            await say(page, words)
            await expect(page.get_by_label("Words to paint")).to_have_value("")
        await expect(page.locator("article[data-state=delivered]")).to_have_count(3)
        await expect(page.locator("article[data-state=failed]")).to_have_count(1)
        assert max(await page.evaluate(RIGHT_EDGES)) <= 390
        await shot(page, "phone")


async def test_mistakes_are_shown_and_words_kept(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await say(page, "a red heart --stepz 5")
        await expect(page.locator("#trouble pre")).to_have_text("a red heart --stepz 5\n            ^")
        await expect(page.get_by_label("Words to paint")).to_have_value("a red heart --stepz 5")
        await shot(page, "caret")
        await page.reload()
        await expect(page.get_by_label("Words to paint")).to_have_value("a red heart --stepz 5")
        await say(page, "oom --steps 5")
        await expect(page.locator("article[data-state=failed] .state")).to_contain_text("Nothing was charged")
        await shot(page, "failed")
        await page.get_by_role("button", name="Type it again").click()
        await expect(page.get_by_label("Words to paint")).to_have_value("oom --steps 5")


async def test_hostile_words_are_shown_as_words(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        hostile = ["<img src=x onerror=alert(1)>", "@everyone <script>alert(1)</script>", "\u202egnp.exe heart"]
        for nth, words in enumerate(hostile):
            await say(page, f"{words} --steps 1")
            said = page.locator("article .words").nth(nth)
            await expect(said).to_have_text(f"{words} --steps 1".replace("\u202e", ""))
        await expect(page.locator("article img.picture")).to_have_count(len(hostile))
        assert await page.locator("article script, article img:not([class])").count() == 0


async def test_four_pictures_are_chosen_one_by_one(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await say(page, "a cat --n 4 --steps 3 --seed 10")
        card = page.locator("article")
        await expect(card.locator("img.picture")).to_have_count(4)
        await expect(card.locator(".facts")).to_contain_text("seed 10")
        await card.locator(".frame").nth(2).click()
        await expect(card.locator(".facts")).to_contain_text("seed 12")
        await shot(page, "four")
        await card.get_by_role("button", name="Vary subtle, Picture 3").click()
        third = await card.locator(".slot").nth(2).get_attribute("data-picture")
        await expect(page.locator("article").nth(1).locator(".meta")).to_contain_text(f"from {(third or '')[-6:]}")
        await say(page, "many --n 12 --steps 1")
        many = page.locator("article").nth(2)
        await expect(many.locator("img.picture")).to_have_count(10)
        await many.get_by_role("button", name="2 more").click()
        await expect(many.locator("img.picture")).to_have_count(12)


async def test_waiting_jobs_tell_their_place_and_can_be_cancelled(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path, engine=FakeEngine(step_s=0.2)) as site, tab(chromium, site.url) as page:
        await say(page, "{one, two, three, four, five, six} heart --steps 60 --n 2")
        question = page.get_by_role("dialog", name="Paint 6 jobs?")
        await question.get_by_role("button", name="Not now").click()
        await expect(page.get_by_label("Words to paint")).to_have_value(
            "{one, two, three, four, five, six} heart --steps 60 --n 2"
        )
        await expect(page.locator("article")).to_have_count(0)
        await page.get_by_label("Words to paint").press("Enter")
        await question.get_by_role("button", name="Paint 6").click()
        await expect(page.locator("article")).to_have_count(6)
        last = page.locator("article").nth(5)
        await expect(last.locator(".state")).to_contain_text("Queued, place")
        await shot(page, "queue")
        for number in range(5, -1, -1):
            await page.locator("article").nth(number).get_by_role("button", name="Cancel").click()
        await expect(page.locator("article[data-state=cancelled]")).to_have_count(6)


async def test_an_answer_lost_on_the_way_doubles_nothing(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        lost: list[str] = []

        async def lose_first(route: Route) -> None:
            if lost or route.request.method != "POST":
                await route.fallback()
                return
            lost.append((await route.fetch()).status_text)
            await route.abort()

        await page.route("**/api/jobs", lose_first)
        await say(page, "a red heart --steps 2")
        await expect(page.get_by_label("Words to paint")).to_have_value("")
        await expect(page.locator("article img.picture")).to_have_count(1)
        assert lost == ["Created"]
        assert len(await site.program.studio.history(OWNER, None, 10)) == 1


async def test_every_screen_has_an_address_and_the_chat_waits_behind_it(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, tab(chromium, site.url) as page:
        await say(page, "a red heart --steps 1")
        await expect(page.locator("article img.picture")).to_be_visible()
        screens = page.get_by_role("navigation", name="Screens")
        await screens.get_by_role("link", name="Pictures").click()
        await expect(page.locator("#screen h2")).to_be_visible()
        await expect(page.locator("#composer")).to_be_hidden()
        await page.reload()
        await expect(screens.locator("[aria-current=page]")).to_have_text("Pictures")
        await page.go_back()
        await expect(page.locator("article img.picture")).to_be_visible()
        await page.goto(f"{site.base}/#/nothing/like%that?x")
        await expect(page.locator("article img.picture")).to_be_visible()


async def test_a_browser_without_a_session_is_told_what_to_do(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path, warm=False) as site, tab(chromium, site.base) as page:
        await expect(page.locator("#locked")).to_contain_text("?secret=")
        await expect(page.get_by_label("Words to paint")).to_be_disabled()


@asynccontextmanager
async def evil_site() -> AsyncIterator[str]:
    """Serve an empty page without any policy of its own, on the same machine: as near as a foreign page can come."""

    async def index(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>evil</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", index)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/"))


async def test_another_site_in_the_same_browser_can_neither_read_nor_act(chromium: Browser, tmp_path: Path) -> None:
    async with running(tmp_path) as site, evil_site() as evil, tab(chromium, site.url) as page:
        await say(page, "my secret heart --steps 1")
        await expect(page.locator("article img.picture")).to_be_visible()
        picture = await page.locator(".slot").get_attribute("data-picture")
        other = await page.context.new_page()
        await other.goto(evil)
        tried = await other.evaluate(ATTACK, [site.base, site.host, picture])
        assert tried == {
            "read": "refused",
            "post": "refused",
            "socket": "refused",
            "image": "refused",
            "frame": "empty",
        }
        assert len(await site.program.studio.history(OWNER, None, 10)) == 1


ATTACK = """async ([base, host, picture]) => {
  const told = (work) => work.then(() => 'got through', () => 'refused');
  const post = (mode, type) => fetch(`${base}/api/jobs`, {method: 'POST', mode, credentials: 'include',
    headers: {'Content-Type': type}, body: '{"words": "evil heart"}'});
  const found = {
    read: await told(fetch(`${base}/api/jobs`, {credentials: 'include'})),
    post: await told(post('cors', 'application/json')),
    socket: await told(new Promise((yes, no) => { const s = new WebSocket(`ws://${host}/api/events?after=0`);
      s.onopen = yes; s.onerror = no; })),
    image: await told(new Promise((yes, no) => { const i = new Image(); i.onload = yes; i.onerror = no;
      i.src = `${base}/api/pictures/${picture}/file`; })),
  };
  await told(post('no-cors', 'text/plain'));
  const frame = document.createElement('iframe');
  await new Promise((done) => { frame.onload = done; frame.src = base; document.body.append(frame); });
  found.frame = frame.contentDocument === null ? 'empty' : 'shown';
  return found;
}"""
