"""Tests of files brought along: any tool's recipe comes back in words, and the page offers them."""

from __future__ import annotations

import io

import aiohttp
from sd_parsers import ParserManager

from core.grammar import parse
from tests.support import foreign_files
from tests.support.page import ask, settled

MARK = {"X-Limner": "1"}


async def test_a_file_of_any_tool_is_offered_in_words_and_said_what_is_lost(browser: aiohttp.ClientSession) -> None:
    files = {name: foreign_files.png(texts) for name, texts in foreign_files.ALL.items()}
    files["a1111 as jpeg"] = foreign_files.with_comment(foreign_files.A1111)
    for name, raw in files.items():
        async with browser.post("/api/recipe", data=raw, headers=MARK) as answer:
            told = await answer.json()
            assert answer.status == 200, (name, told)
        assert told["tool"].lower().startswith(name[:4].lower()), told
        assert "will not be the same picture" in " ".join(told["notes"])
        assert told["picture"] is None
        assert parse(told["words"], ["builtin"])[0].prompt
    async with browser.post("/api/recipe", data=foreign_files.png({"title": "mine"}), headers=MARK) as answer:
        assert answer.status == 400
        assert "no recipe" in (await answer.json())["sentence"]


async def test_a_file_of_ours_gives_its_words_and_its_picture(browser: aiohttp.ClientSession) -> None:
    (asked,) = await ask(browser, "a {red} heart --seed 5 --steps 2 --n 1")
    (picture,) = (await settled(browser, asked["id"]))["pictures"]
    for form in ("png", "jpeg", "webp"):
        async with browser.get(f"/api/pictures/{picture['id']}/file?form={form}&recipe=1") as answer:
            raw = await answer.read()
        async with browser.post("/api/recipe", data=raw, headers=MARK) as answer:
            told = await answer.json()
        assert told == {"tool": "Limner", "words": picture["command"], "notes": [], "picture": picture["id"]}, form


async def test_another_reader_of_recipes_reads_ours_and_agrees_on_theirs(browser: aiohttp.ClientSession) -> None:
    (asked,) = await ask(browser, "a red heart --seed 5 --steps 2 --no hats --n 1")
    (picture,) = (await settled(browser, asked["id"]))["pictures"]
    async with browser.get(f"/api/pictures/{picture['id']}/file?form=png&recipe=1") as answer:
        ours = ParserManager().parse(io.BytesIO(await answer.read()))
    assert ours is not None
    assert (ours.full_prompt, ours.full_negative_prompt) == ("a red heart", "hats")
    (sampler,) = ours.samplers
    assert str(sampler.parameters["seed"]) == "5" and str(sampler.parameters["steps"]) == "2"
    raw = foreign_files.png({"parameters": foreign_files.A1111})
    theirs = ParserManager().parse(io.BytesIO(raw))
    async with browser.post("/api/recipe", data=raw, headers=MARK) as answer:
        draft = parse((await answer.json())["words"], ["builtin"])[0]
    assert theirs is not None
    (sampler,) = theirs.samplers
    assert (str(draft.seed), str(draft.steps)) == (sampler.parameters["seed"], sampler.parameters["steps"])
    assert draft.negative_prompt == theirs.full_negative_prompt
