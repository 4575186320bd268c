"""One contract for Discord and the page: the same Jobs, on the same clock of the Model, end in the same answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import aiohttp

from bot.plain import quiet
from core.sheet import JobSheet
from core.wording import ACTIONS
from tests.bot.test_gallery import told
from tests.support import page
from tests.support.discord_double import World, buttons, drawing, texts, world
from tests.support.fake_engine import FakeEngine

WORDS = "a red heart --seed 42 --steps 2 --size 64x64"
VERBS = ("reroll", "vary", "upscale", "reproduce")
MARK = {"X-Limner": "1"}
STEP = re.compile(r" at step \d+ of \d+")


async def on_the_page(browser: aiohttp.ClientSession) -> dict[str, JobSheet]:
    """Do each thing once and return the ended Jobs by what was done."""
    done: dict[str, JobSheet] = {}

    async def do(name: str, **body: Any) -> None:
        [asked] = await page.ask(browser, **body)
        done[name] = await page.settled(browser, asked["id"])

    await do("imagine", words=WORDS)
    async with browser.post("/api/sketches", data=drawing(), headers=MARK) as answer:
        sketch = (await answer.json())["digest"]
    await do("sketch", words=WORDS, sketch=sketch)
    for verb in VERBS:
        words = "--seed 7" if verb in ("reroll", "vary") else ""
        await do(verb, words=words, kind=verb, parent=done["imagine"]["pictures"][0]["id"])
    return done


async def in_discord(here: World) -> dict[str, Any]:
    """Do the same by commands and return the cards."""
    ann = here.person("ann")
    done: dict[str, Any] = {}

    async def do(name: str, command: str, **options: Any) -> None:
        result = await ann.slash(here.channel, command, **options)
        await here.delivered(len(done) + 1)
        [card] = [each for each in here.cards() if result.response is not None and each.id == result.response.id]
        done[name] = card

    await do("imagine", "imagine", prompt=WORDS)
    [(first,)] = here.rows("SELECT id FROM pictures")
    await do("sketch", "imagine", prompt=WORDS, sketch=("a.png", drawing()))
    for verb in VERBS:
        await do(verb, verb, id=first, **({"seed": 7} if verb in ("reroll", "vary") else {}))
    return done


async def test_what_is_done_ends_in_the_same_sentence_with_the_same_actions(tmp_path: Path) -> None:
    for name in ("page", "discord"):
        (tmp_path / name).mkdir()
    async with page.running(tmp_path / "page") as site, page.visiting(site) as browser:
        sheets = await on_the_page(browser)
    async with world(tmp_path / "discord") as here:
        cards = await in_discord(here)
        assert set(cards) == set(sheets) == {"imagine", "sketch", *VERBS}
        for name, sheet in sheets.items():
            card, picture = cards[name], sheet["pictures"][0]
            assert quiet(sheet["sentence"]) in texts(card), name
            assert set(buttons(card)) == {ACTIONS[each] for each in (*picture["actions"], *sheet["actions"])}, name
        seeds = [row[0] for row in here.rows("SELECT seed FROM pictures ORDER BY id")]
        assert seeds == [sheet["pictures"][0]["seed"] for sheet in sheets.values()]


async def test_cancel_history_and_limits_say_the_same(tmp_path: Path) -> None:
    for name in ("page", "discord"):
        (tmp_path / name).mkdir()
    slow = FakeEngine(step_s=0.05)
    async with page.running(tmp_path / "page", engine=slow) as site, page.visiting(site) as browser:
        [asked] = await page.ask(browser, "a boat --steps 150")
        async with browser.get("/api/limits") as answer:
            limits = (await answer.json())["limits"]
        async with browser.post(f"/api/jobs/{asked['id']}/cancel", headers=MARK) as answer:
            assert answer.status == 200
        sheet = await page.settled(browser, asked["id"])
        async with browser.get("/api/jobs") as answer:
            [listed] = (await answer.json())["jobs"]
    assert sheet["sentence"] == listed["sentence"]
    async with world(tmp_path / "discord", gated=True) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a boat --steps 150")
        said = told(await ann.slash(here.channel, "limits"))
        for each in limits:
            if each["name"] == "day_cost":
                assert quiet(each["sentence"]) in said
        await ann.slash(here.channel, "cancel")
        here.parts.gate.open()
        await here.until(lambda: here.rows("SELECT 1 FROM jobs WHERE state = 'cancelled'"))
        # How far each was is its own.
        said = STEP.sub("", told(await ann.slash(here.channel, "history")))
        assert quiet(STEP.sub("", sheet["sentence"])) in said
