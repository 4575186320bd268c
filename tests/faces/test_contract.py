"""One contract for Discord and the page: what is asked the same way is answered with the same sentences and actions."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.plain import quiet
from core.wording import ACTIONS
from tests.support import page
from tests.support.discord_double import buttons, texts, world

WRONG = (
    "a heart --stepz 4",
    "a heart --size 7x7",
    "a heart --steps 999",
    "a heart --guidance nan",
    "x" * 2001,
)
OFFERED = ("reroll", "vary", "strong", "upscale", "reproduce", "sketch", "info")


@pytest.mark.parametrize("words", WRONG, ids=lambda words: words[:20])
async def test_what_is_refused_is_refused_in_the_same_sentence(tmp_path: Path, words: str) -> None:
    (tmp_path / "page").mkdir()
    async with (
        page.running(tmp_path / "page") as here,
        page.visiting(here) as browser,
        browser.post("/api/jobs", json={"words": words}) as answer,
    ):
        assert answer.status == 400
        told = await answer.json()
    async with world(tmp_path / "discord") as there:
        result = await there.person("ann").slash(there.channel, "imagine", prompt=words)
        assert result.ephemeral and result.response is not None
        assert quiet(f"{told['sentence']} {told['hint']}".strip()) in result.response.content
        assert there.rows("SELECT count(*) FROM jobs") == [(0,)]


async def test_what_is_painted_ends_in_the_same_sentence_with_the_same_actions(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    async with page.running(tmp_path / "page") as here, page.visiting(here) as browser:
        [asked] = await page.ask(browser, "a red heart --seed 42 --steps 2")
        sheet = await page.settled(browser, asked["id"])
    async with world(tmp_path / "discord") as there:
        await there.person("ann").slash(there.channel, "imagine", prompt="a red heart --seed 42 --steps 2")
        await there.delivered()
        (card,) = there.cards()
        assert sheet["sentence"] in texts(card)
        assert set(OFFERED) <= set(sheet["pictures"][0]["actions"])
        assert {ACTIONS[action] for action in OFFERED} <= set(buttons(card))
