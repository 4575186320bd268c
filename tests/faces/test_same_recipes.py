"""One contract for Discord and the page: defaults, Remix, a Picture as Sketch, a question give the same Recipes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.plain import quiet
from tests.support import page
from tests.support.discord_double import World, buttons, texts, world

MARK = {"X-Limner": "1"}
DEFAULTS, SUFFIX = "--steps 3 --sampler euler --size 64x64 --guidance 4", "in ink"
FIRST = "a heart --seed 1 --no rain"
REMIXED = "a blue boat --guidance 2"
SKETCHED, STRENGTH = "in oil", "0.5"
SIX = "a {red, blue, green} {cat, dog} --seed 9"
JOBS = 1 + 1 + 1 + 6


async def on_the_page(data: Path) -> str:
    """Do each thing once over HTTP; return what is asked before six Jobs are made."""
    async with page.running(data) as site, page.visiting(site) as browser:

        async def painted(**body: Any) -> str:
            sheets = await page.ask(browser, **body)
            ended = [await page.settled(browser, each["id"]) for each in sheets]
            return ended[0]["pictures"][0]["id"]

        body = {"typed": DEFAULTS, "suffix": SUFFIX}
        async with browser.post("/api/defaults", json=body, headers=MARK) as answer:
            assert answer.status == 200
        first = await painted(words=FIRST)
        await painted(kind="remix", parent=first, words=REMIXED, options={"keep_seed": True})
        async with browser.post(f"/api/sketches/from/{first}", headers=MARK) as answer:
            sketch = (await answer.json())["digest"]
        options = {"strength": float(STRENGTH)}
        await painted(words=f"{SKETCHED} --seed 5", parent=first, sketch=sketch, options=options)
        async with browser.post("/api/jobs", json={"words": SIX}) as answer:
            assert answer.status == 409
            asked = (await answer.json())["sentence"]
        await painted(words=SIX, sure=True)
        return str(asked)


async def in_discord(here: World) -> str:
    """Do the same by commands, buttons and modals; return what the question says."""
    ann = here.person("ann")
    await ann.slash(here.channel, "defaults", options=DEFAULTS, suffix=SUFFIX)
    await ann.slash(here.channel, "imagine", prompt=FIRST)
    await here.delivered(1)
    card = here.channel.history()[-1]
    shown = await ann.click(card, label="Remix")
    await ann.submit_modal(shown, {"prompt": REMIXED, "negative_prompt": "rain", "seed": "keep"})
    await here.delivered(2)
    shown = await ann.click(card, label="Use as sketch")
    await ann.submit_modal(shown, {"prompt": f"{SKETCHED} --seed 5", "strength": STRENGTH})
    await here.delivered(3)
    result = await ann.slash(here.channel, "imagine", prompt=SIX)
    assert result.response is not None
    question = texts(result.response)
    assert list(buttons(result.response)) == ["Paint 6 jobs", "Not now"]
    await ann.click(result.response, label="Paint 6 jobs")
    await here.delivered(JOBS)
    return question


def made(data: Path) -> list[tuple[str, Any]]:
    """Return the kind and the Recipe of each Job, by what it asks for."""
    with closing(sqlite3.connect(data / "limner.db")) as log:
        rows = log.execute("SELECT kind, recipe FROM jobs JOIN pictures ON job_id = jobs.id").fetchall()
    return sorted(((kind, json.loads(recipe)) for kind, recipe in rows), key=lambda row: (row[0], row[1]["prompt"]))


async def test_what_is_pressed_kept_and_meant_comes_to_the_same_recipes(tmp_path: Path) -> None:
    for name in ("page", "discord"):
        (tmp_path / name).mkdir()
    asked = await on_the_page(tmp_path / "page")
    async with world(tmp_path / "discord") as here:
        question = await in_discord(here)
    assert quiet(asked) in question
    ours, theirs = made(tmp_path / "page"), made(tmp_path / "discord")
    assert len(ours) == JOBS and {recipe["steps"] for _, recipe in ours} == {3}
    for _, recipe in (*ours, *theirs):
        # Each face has a Model double of its own, whose Pictures, and so Sketches, are its own too.
        recipe.pop("model")
        recipe.pop("sampler_config", None)
        recipe.update({"sketch": "a picture"} if "sketch" in recipe else {})
    assert ours == theirs
