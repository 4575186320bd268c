"""What is offered while somebody types: within Discord's numbers, their own alone, and never late."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot import choices
from tests.support.discord_checks import checked


async def test_models_and_the_samplers_of_the_one_that_is_chosen(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        assert await ann.autocomplete(here.channel, "imagine", "model", "") == [{"name": "tiny", "value": "tiny"}]
        found = await ann.autocomplete(here.channel, "imagine", "sampler", "eu", model="tiny")
        assert [each["value"] for each in found] == ["euler"]
        found = await ann.autocomplete(here.channel, "imagine", "sampler", "")
        assert [each["value"] for each in found] == ["ddim", "euler"]
        assert await ann.autocomplete(here.channel, "imagine", "model", "nothing like it") == []


async def test_loras_one_after_the_other(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")

        async def offered(typed: str) -> list[str]:
            return [each["value"] for each in await ann.autocomplete(here.channel, "imagine", "lora", typed)]

        assert await offered("") == ["ink", "grain"]
        assert await offered("K") == ["ink"] and await offered("gr") == ["grain"]
        assert await offered("ink:0.8, g") == ["ink:0.8, grain"]
        refused = await ann.slash(here.channel, "imagine", prompt="a heart", lora="ink:0.8, grain")
        assert refused.response is not None and "takes no LoRA" in refused.response.content
        refused = await ann.slash(here.channel, "imagine", prompt="a <lora:ink:1> heart", lora="grain")
        assert refused.response is not None and "given twice" in refused.response.content


async def test_pictures_are_the_persons_own_newest_first_and_25_at_most(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1 --n 13")
        await ann.slash(here.channel, "imagine", prompt="a blue boat --seed 50 --n 14")
        await here.delivered(2)
        found = await ann.autocomplete(here.channel, "reroll", "id", "")
        assert len(found) == 25 and "a blue boat" in found[0]["name"] and "1 of 14" in found[0]["name"]
        assert found[0]["value"] == here.rows("SELECT id FROM pictures WHERE seed = 50")[0][0]
        found = await ann.autocomplete(here.channel, "vary", "id", "HEART")
        assert len(found) == 13 and all("a heart" in each["name"] for each in found)
        tail = found[2]["value"][-6:].lower()
        assert [each["value"] for each in await ann.autocomplete(here.channel, "upscale", "id", tail)] == [
            found[2]["value"]
        ]
        assert await bob.autocomplete(here.channel, "reproduce", "id", "") == []
        by = await ann.autocomplete(here.channel, "upscale", "by", "LAN")
        assert [each["value"] for each in by] == ["lanczos"]


async def test_a_choice_that_was_made_is_understood(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart", model="tiny", sampler="euler", seed=1)
        await here.delivered()
        (choice,) = await ann.autocomplete(here.channel, "vary", "id", "")
        (strong,) = await ann.autocomplete(here.channel, "vary", "amount", "str")
        assert strong == {"name": "strong (0.4)", "value": 0.4}
        await ann.slash(here.channel, "vary", id=choice["value"], amount=strong["value"], seed=9)
        await here.delivered(2)
        sql = "SELECT json_extract(recipe, '$.sampler'), json_extract(recipe, '$.vary') FROM pictures ORDER BY id"
        assert here.rows(sql) == [("euler", None), ("euler", '{"amount":0.4,"seed":9}')]


async def test_choices_that_would_be_late_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with checked(tmp_path) as here:
        monkeypatch.setattr(choices, "ANSWER_S", 0.0)
        monkeypatch.setattr(here.parts.bot.studio, "models", never)
        assert await here.person("ann").autocomplete(here.channel, "imagine", "model", "") == []


async def never() -> Any:
    await asyncio.Event().wait()
