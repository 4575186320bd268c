"""/imagine in a simulated Discord: from the words to the picture, and every refusal on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import discord
import pytest

from bot.attachments import HOSTS
from core.limits import Limits
from core.recipe import Paint, from_json
from tests.support.attachments import half_mask, holed
from tests.support.discord_checks import checked
from tests.support.discord_double import World, buttons, drawing, gallery, texts

PNG = b"\x89PNG\r\n\x1a\n"


class Unreadable(dict[str, bytes]):
    """A store of files that breaks when it is read."""

    def get(self, *_: object) -> None:  # type: ignore[override]
        raise RuntimeError("planted")


def recipes(here: World) -> list[Paint]:
    found = [from_json(json.loads(row[0])) for row in here.rows("SELECT recipe FROM pictures ORDER BY id")]
    return [each for each in found if isinstance(each, Paint)]


def jobs(here: World) -> int:
    return int(here.rows("SELECT count(*) FROM jobs")[0][0])


async def test_words_become_a_queued_card_and_then_the_same_card_a_picture(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        result = await here.person("ann").slash(here.channel, "imagine", prompt="a red heart --seed 42")
        assert result.acknowledged and not result.deferred and not result.ephemeral
        (first,) = here.sent("POST", "/callback")
        assert first["type"] == 4 and "Queued, next" in str(first["data"]["components"])
        await here.delivered()
        (card,) = here.cards()
        assert result.response is not None and card.id == result.response.id
        assert "a red heart" in texts(card) and "Done, seed 42" in texts(card) and "Queued" not in texts(card)
        (raw,) = here.files(card)
        assert raw.startswith(PNG) and b"a red heart" in raw
        picture_id = here.rows("SELECT id FROM pictures")[0][0]
        assert card.attachments[0]["filename"] == f"limner-{picture_id}.png"
        assert gallery(card)[0]["description"] == "a red heart"
        assert list(buttons(card)) == [
            "Upscale x2", "Vary subtle", "Vary strong", "Reroll", "Remix",
            "Use as sketch", "Info", "Reproduce", "Delete",
        ]  # fmt: skip
        assert not here.sent("POST", "/webhooks/"), "a result is never a follow-up"


async def test_prompt_and_seed_stand_in_the_database_and_painting_is_off_the_loop(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="ein rotes Herz ❤ --seed 4294967295")
        await here.delivered()
        sql = "SELECT json_extract(recipe, '$.prompt'), seed, state FROM pictures"
        assert here.rows(sql) == [("ein rotes Herz ❤", 4294967295, "stored")]
        assert {call.thread for call in here.parts.engine.record if call.name == "step"} == {"limner-device-0_0"}


async def test_options_and_flags_make_the_same_recipe(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        flags = "a cat --no rain --seed 7 --steps 3 --guidance 2.5 --size 96x64 --n 2"
        await ann.slash(here.channel, "imagine", prompt=flags)
        options = {"negative_prompt": "rain", "seed": 7, "steps": 3, "guidance": 2.5, "size": "96 x 64", "count": 2}
        await ann.slash(here.channel, "imagine", prompt="a cat", **options)
        await ann.slash(here.channel, "imagine", prompt="a cat", ar="3:2", seed=7)
        await here.delivered(3)
        first, second, third, fourth, fifth = recipes(here)
        assert (first, second) == (third, fourth) and second.seed == 8 and first.width == 96
        assert fifth.width / fifth.height > 1.3


async def test_an_attachment_is_painted_over(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        raw = drawing()
        result = await here.person("ann").slash(
            here.channel, "imagine", prompt="a blue boat", sketch=("boat.png", raw), strength=0.5
        )
        assert [body["type"] for body in here.sent("POST", "/callback")] == [5], "it is promised before it is fetched"
        await here.delivered()
        (card,) = here.cards()
        assert result.response is not None and card.id == result.response.id
        assert "strength 0.5" in texts(card) and here.files(card)[0].startswith(PNG)
        (recipe,) = recipes(here)
        assert recipe.sketch is not None and recipe.strength == 0.5
        assert here.rows("SELECT digest FROM files WHERE kind = 'sketch'") == [(recipe.sketch.digest,)]


async def test_a_sketch_without_words_and_its_options(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "sketch", sketch=("boat.png", drawing()), seed=3, strength=0.5, steps=8)
        await here.delivered()
        words = "a boat --seed 3 --strength 0.5"
        await ann.slash(here.channel, "sketch", sketch=("boat.png", drawing()), prompt=words, size="64x96", count=2)
        await ann.slash(here.channel, "imagine", sketch=("boat.png", drawing()), prompt=words, size="64x96", count=2)
        await here.delivered(3)
        bare, *others = recipes(here)
        assert bare.prompt == "" and bare.seed == 3 and bare.strength == 0.5 and bare.steps == 8
        assert len(others) == 4 and others[:2] == others[2:] and others[1].seed == 4
        assert others[0].sketch == bare.sketch and (others[0].width, others[0].height) == (64, 96)


async def test_a_mask_or_a_transparent_part_is_painted_alone(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, sketch = here.person("ann"), ("boat.png", holed())
        mask = ("mask.png", half_mask((192, 128)))
        await ann.slash(here.channel, "imagine", prompt="a boat --seed 7", sketch=sketch, mask=mask)
        await ann.slash(here.channel, "imagine", prompt="a boat --seed 7 --inpaint", sketch=sketch)
        await here.delivered(2)
        first, second = recipes(here)
        assert first == second and first.mask is not None
        assert all("inpainted" in texts(card) for card in here.cards())
        for wrong, said in (
            ({"mask": mask}, "A mask goes with its sketch"),
            ({"mask": sketch, "sketch": sketch}, "transparent part"),
            ({"mask": ("mask.txt", b"words"), "sketch": sketch}, "no picture"),
        ):
            result = await ann.slash(here.channel, "imagine", prompt="a boat", **wrong)
            assert result.response is not None and said in result.response.content
        assert jobs(here) == 2


async def test_a_file_that_is_no_picture_is_refused_by_what_is_in_it(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        result = await ann.slash(here.channel, "imagine", prompt="a boat", sketch=("boat.txt", b"words"))
        assert result.response is not None and "no picture" in result.response.content
        result = await ann.slash(here.channel, "imagine", prompt="a boat", sketch=("boat.png", b"<svg/>"))
        assert result.response is not None and "PNG, JPEG, WebP" in result.response.content
        assert jobs(here) == 0


async def test_a_file_elsewhere_than_at_discord_is_never_fetched(tmp_path: Path) -> None:
    async with checked(tmp_path, cdn=HOSTS) as here:
        result = await here.person("ann").slash(here.channel, "imagine", prompt="a", sketch=("a.png", drawing()))
        assert result.ephemeral and result.response is not None
        assert "not on Discord's own file server" in result.response.content
        assert jobs(here) == 0


async def test_wrong_words_are_told_to_one_person_with_a_caret(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        result = await here.person("ann").slash(here.channel, "imagine", prompt="a `red` heart --stepz 4")
        assert result.ephemeral and result.response is not None
        assert "a ˋredˋ heart --stepz 4\n              ^" in result.response.content
        assert "--steps" in result.response.content
        assert jobs(here) == 0
        result = await here.person("bob").slash(here.channel, "imagine", prompt="a heart", size="abc")
        assert result.ephemeral and result.response is not None and "512x768" in result.response.content


async def test_each_person_has_their_own_limits_and_is_told_when_they_open(tmp_path: Path) -> None:
    async with checked(tmp_path, limits=Limits(per_minute=1)) as here:
        ann, bob = here.person("ann"), here.person("bob")
        assert not (await ann.slash(here.channel, "imagine", prompt="one")).ephemeral
        refused = await ann.slash(here.channel, "imagine", prompt="two")
        assert refused.ephemeral and refused.response is not None and "<t:1767225660:R>" in refused.response.content
        assert not (await bob.slash(here.channel, "imagine", prompt="three")).ephemeral
        await here.delivered(2)
        asked = here.rows("SELECT person, typed FROM jobs ORDER BY id")
        assert asked == [(f"discord:{ann.id}", "one"), (f"discord:{bob.id}", "three")]


async def test_one_interaction_brought_twice_is_one_job_and_one_card(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        heard = here.heard("INTERACTION_CREATE")
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        await here.again(list(heard))
        assert jobs(here) == 1 and len(here.cards()) == 1
        assert "Done" in texts(here.cards()[0])


async def test_nothing_in_a_prompt_acts(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        words = f"@everyone <@{bob.id}> <@&{here.guild.id}> ``` **b** [x](http://y.invalid) http://z.invalid \u202egnp"
        await ann.slash(here.channel, "imagine", prompt=words)
        await here.delivered()
        (card,) = here.cards()
        assert not card.mention_everyone and not card.ping_user_ids and not card.ping_role_ids
        bodies = [body.get("data", body) for body in here.sent("POST", "/callback") + here.sent("PATCH", "/webhooks/")]
        assert len(bodies) >= 2
        for body in bodies:
            assert body["allowed_mentions"]["parse"] == [] and not body["allowed_mentions"].get("users")
        inside = texts(card).split("```")
        assert len(inside) == 3 and "@everyone" in inside[1] and "\u202e" not in inside[1]
        assert "everyone" not in inside[0] + inside[2] and "http" not in inside[0] + inside[2]
        assert here.rows("SELECT json_extract(recipe, '$.prompt') FROM pictures") == [(words,)], "stored as typed"


async def test_a_permutation_has_a_card_for_each_prompt(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a {red, blue} heart")
        await here.delivered(2)
        first, second = here.cards()
        assert "a red heart" in texts(first) and "a blue heart" in texts(second)
        assert here.files(first)[0] != here.files(second)[0]
        assert len(first.attachments) == len(second.attachments) == 1


async def test_where_the_bot_may_only_answer_one_card_is_all_there_is(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        silent = discord.PermissionOverwrite(send_messages=False)
        assert here.parts.bot.user is not None
        here.channel = here.guild.create_text_channel("quiet", overwrites={here.parts.bot.user: silent})
        ann = here.person("ann")
        result = await ann.slash(here.channel, "imagine", prompt="a {red, blue} heart")
        assert result.ephemeral and result.response is not None and "one card only" in result.response.content
        assert jobs(here) == 0
        await ann.slash(here.channel, "imagine", prompt="a red heart")
        await here.delivered()
        assert "Done" in texts(here.cards()[0])


async def test_a_job_that_fails_says_so_on_its_card(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="nan heart")
        await here.until(lambda: here.rows("SELECT 1 FROM outbox WHERE state = 'done'"))
        (card,) = here.cards()
        assert "Not painted: The model gave no picture" in texts(card) and "Nothing was charged" in texts(card)
        assert not card.attachments and list(buttons(card)) == ["Ask again", "Remix", "Info", "Delete"]


async def test_what_is_too_large_for_the_device_can_be_asked_for_again_smaller(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="oom heart --size 512x256 --seed 3 --n 2")
        await here.until(lambda: here.rows("SELECT 1 FROM outbox WHERE state = 'done'"))
        card = here.channel.history()[-1]
        assert "512x256 is too large" in texts(here.cards()[0]) and "256x128" in texts(here.cards()[0])
        assert list(buttons(here.cards()[0]))[:2] == ["Ask again smaller", "Ask again"]
        await here.restart()
        await ann.click(card, label="Ask again smaller")
        asked = recipes(here)
        assert [(each.width, each.height, each.seed) for each in asked[2:]] == [(256, 128, 3), (256, 128, 4)]
        assert [replace(each, width=256, height=128) for each in asked[:2]] == asked[2:]


async def test_an_error_of_ours_is_neutral_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with checked(tmp_path) as here:
        here.env.backend.cdn._blobs = Unreadable()
        result = await here.person("ann").slash(here.channel, "imagine", prompt="a", sketch=("a.png", drawing()))
        assert result.response is not None and result.response.content.startswith("Something went wrong on our side")
        assert "RuntimeError: planted" in caplog.text
        assert jobs(here) == 0


async def test_while_it_waits_a_card_shows_progress_with_a_preview(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart --steps 9")
        assert list(buttons(here.cards()[0])) == ["Cancel"]
        here.parts.gate.open()
        await here.delivered()
        shown = [str(body) for body in here.sent("PATCH", "/messages/@original") if body]
        assert any("Painting ▰" in each for each in shown[:-1]) and "Done" in shown[-1]
        assert len(here.cards()[0].attachments) == 1
