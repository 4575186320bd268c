"""Remix and Use as sketch: what their modals hold, and what is done when one is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.limits import Limits
from core.person import Person
from core.recipe import Paint, from_json
from tests.support.discord_checks import checked
from tests.support.discord_double import World, drawing, texts
from tests.support.discord_schema import Description

MENU = "Use as sketch"


def last(here: World) -> Paint:
    """Return the newest Recipe."""
    found = from_json(json.loads(here.rows("SELECT recipe FROM pictures ORDER BY id DESC LIMIT 1")[0][0]))
    assert isinstance(found, Paint)
    return found


def kinds(here: World) -> list[str]:
    return [row[0] for row in here.rows("SELECT kind FROM jobs ORDER BY id")]


def fields(shown: Any) -> dict[str, Any]:
    """Return a modal's fields by name."""
    return {part["component"]["custom_id"]: part["component"] for part in shown.modal["components"]}


def filled(shown: Any) -> dict[str, Any]:
    """Return what a modal sends where nothing is changed."""
    found: dict[str, Any] = {}
    for name, field in fields(shown).items():
        chosen = next((each["value"] for each in field.get("options", []) if each.get("default")), None)
        if (value := field.get("value", chosen)) is not None:
            found[name] = value
    return found


async def painted(here: World, words: str = "a heart --seed 1 --steps 3 --no rain") -> Any:
    """Let ann paint, and return her card."""
    ann = here.person("ann")
    await ann.slash(here.channel, "imagine", prompt=words)
    await here.delivered()
    return ann, here.channel.history()[-1]


async def test_remix_has_five_parts_and_unchanged_it_varies(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, card = await painted(here)
        shown = await ann.click(card, label="Remix")
        assert list(fields(shown)) == ["prompt", "negative_prompt", "seed", "strength", "sketch"]
        assert filled(shown) == {"prompt": "a heart", "negative_prompt": "rain", "seed": "keep"}
        await ann.submit_modal(shown, filled(shown))
        await here.delivered(2)
        assert kinds(here) == ["imagine", "vary"] and last(here).vary is not None


async def test_a_modal_sent_to_a_new_process_paints_what_was_changed(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, card = await painted(here)
        shown = await ann.click(card, label="Remix")
        await here.restart()
        await ann.submit_modal(shown, {**filled(shown), "prompt": "a blue boat --guidance 2"})
        await here.delivered(2)
        recipe, parent = last(here), here.rows("SELECT id FROM pictures ORDER BY id")[0][0]
        assert (recipe.prompt, recipe.guidance, recipe.steps, recipe.seed) == ("a blue boat", 2.0, 3, 1)
        assert recipe.negative_prompt == "rain" and recipe.vary is None
        assert here.rows("SELECT kind, parent_id FROM jobs JOIN pictures ON job_id = jobs.id ORDER BY jobs.id DESC")[
            0
        ] == ("remix", parent)
        assert "Remix" in texts(here.cards()[-1])


async def test_every_part_of_remix_is_heeded(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, card = await painted(here, "a heart --seed 1 --no rain --n 2")
        shown = await ann.click(card, label="Remix")
        sent = {"prompt": "a heart", "negative_prompt": "", "seed": "new", "strength": "0.5",
                "sketch": ("boat.png", drawing())}  # fmt: skip
        await ann.submit_modal(shown, sent)
        await here.delivered(2)
        recipe = last(here)
        assert (recipe.prompt, recipe.negative_prompt, recipe.seed, recipe.strength) == ("a heart", "", 78, 0.5)
        assert recipe.sketch is not None and recipe.width == 64, "the size stays as it was"
        assert here.rows("SELECT count(*) FROM pictures") == [(4,)], "as many as its job has"


async def test_who_wants_it_remixes_before_each_vary_and_reroll(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, card = await painted(here)
        await here.parts.bot.studio.people.set_defaults(Person(f"discord:{ann.id}"), remix=True)
        for label, kind in (("Reroll", "reroll"), ("Vary strong", "vary")):
            shown = await ann.click(card, label=label)
            assert filled(shown)["seed"] == ("new" if kind == "reroll" else "keep")
            await ann.submit_modal(shown, filled(shown))
            await here.delivered(len(kinds(here)))
            assert kinds(here)[-1] == kind
        assert last(here).vary is not None and last(here).vary.amount == 0.4  # type: ignore[union-attr]


async def test_a_modal_is_checked_when_it_is_sent(tmp_path: Path) -> None:
    async with checked(tmp_path, limits=Limits(per_minute=2)) as here:
        ann, card = await painted(here)
        for changes, said in (
            ({"prompt": "a --stepz 3"}, "--steps"),
            ({"strength": "much"}, "takes a number"),
            ({"sketch": ("a.png", b"<svg/>")}, "no picture"),
        ):
            shown = await ann.click(card, label="Remix")
            refused = await ann.submit_modal(shown, {**filled(shown), **changes})
            assert refused.response is not None and said in refused.response.content
        shown = [await ann.click(card, label="Remix") for _ in range(2)]
        assert not (await ann.submit_modal(shown[0], {**filled(shown[0]), "prompt": "b"})).ephemeral
        refused = await ann.submit_modal(shown[1], {**filled(shown[1]), "prompt": "c"})
        assert refused.ephemeral and "Free again" in refused.response.content
        await here.delivered(2)


async def test_use_as_sketch_asks_which_of_several(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, card = await painted(here, "a {b} --seed 1 --n 3")
        shown = await ann.click(card, label="Use as sketch")
        assert list(fields(shown)) == ["picture", "prompt", "strength"]
        third = here.rows("SELECT id FROM pictures WHERE idx = 2")[0][0]
        assert [each["value"] for each in fields(shown)["picture"]["options"]][2] == third
        await ann.submit_modal(shown, {"picture": third, "prompt": "in oil", "strength": "0.3"})
        await here.delivered(2)
        assert last(here).prompt == "in oil" and last(here).strength == 0.3 and last(here).sketch is not None
        assert here.rows("SELECT parent_id FROM pictures ORDER BY id DESC LIMIT 1") == [(third,)]


async def test_above_ten_pictures_a_menu_asks_which(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, card = await painted(here, "a --n 11")
        shown = await ann.click(card, label="Use as sketch")
        assert len(fields(shown)["picture"]["options"]) == 11 and fields(shown)["picture"]["type"] == 3
        eleventh = fields(shown)["picture"]["options"][10]["value"]
        await ann.submit_modal(shown, {"picture": [eleventh], "prompt": "in oil"})
        await here.delivered(2)
        assert here.rows("SELECT parent_id FROM pictures ORDER BY id DESC LIMIT 1") == [(eleventh,)]


async def test_every_door_gives_the_same_recipe(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        assert here.parts.bot.user is not None
        ann, words, me = here.person("ann"), "a boat --seed 5 --size 64x64", here.parts.bot.user.mention
        file = ("boat.png", drawing())
        await ann.slash(here.channel, "imagine", prompt=words, sketch=file)
        message = await ann.send(here.channel, f"{me} {words}", attachments=[file])
        await ann.send(here.channel, f"{words} {me}", reply_to=message)
        silent = await ann.send(here.channel, "look", attachments=[("a.txt", file[1])])
        shown = await ann.context_menu(here.channel, MENU, silent)
        await ann.submit_modal(shown, {"prompt": words})
        await here.delivered(4)
        await ann.slash(here.channel, "imagine", prompt=words)
        await here.delivered(5)
        shown = await ann.click(here.channel.history()[-1], label="Remix")
        await ann.submit_modal(shown, {**filled(shown), "sketch": file})
        await here.delivered(6)
        digests = [row[0] for row in here.rows("SELECT recipe_digest FROM pictures ORDER BY id")]
        plain = digests.pop(4)
        assert len(digests) == 5 and len(set(digests)) == 1 and plain not in digests


async def test_the_menu_on_a_card_and_on_words_alone(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, card = await painted(here)
        shown = await ann.context_menu(here.channel, MENU, card)
        assert filled(shown)["prompt"] == "a heart"
        refused = await ann.context_menu(here.channel, MENU, await ann.send(here.channel, "words"))
        assert refused.ephemeral and refused.response is not None and "no picture" in refused.response.content
        message = await ann.send(here.channel, "two", attachments=[("a.png", drawing()), ("b.png", drawing(64, 96))])
        shown = await ann.context_menu(here.channel, MENU, message)
        await ann.submit_modal(shown, {"picture": "1", "prompt": "a hut"})
        await here.delivered(2)
        assert last(here).height > last(here).width, "the second file was chosen"
        shown = await ann.context_menu(here.channel, MENU, message)
        await here.restart()
        refused = await ann.submit_modal(shown, {"picture": "1", "prompt": "a hut"})
        assert refused.ephemeral and refused.response is not None
        assert "Use the message's menu again" in refused.response.content


async def test_modals_and_private_answers_are_what_discord_describes(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, card = await painted(here, f"{'*_`[' * 480} --n 11")
        for label in ("Remix", "Use as sketch", "Info"):
            await ann.click(card, label=label)
        description = Description()
        for each in here.env.http_requests:
            assert not description.findings(each.method, each.path, each.params or {}, each.json)[1]
