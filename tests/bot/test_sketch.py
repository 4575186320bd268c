"""A mention with a picture, in a reply or of its own: the picture is painted over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.limits import Limits
from core.recipe import Paint, from_json
from tests.support.discord_checks import checked
from tests.support.discord_double import World, drawing, texts


def call(here: World, words: str) -> str:
    """Return words that mention the bot."""
    assert here.parts.bot.user is not None
    return f"{here.parts.bot.user.mention} {words}"


def painted(here: World) -> Paint:
    """Return the last Recipe."""
    found = from_json(json.loads(here.rows("SELECT recipe FROM pictures ORDER BY id DESC LIMIT 1")[0][0]))
    assert isinstance(found, Paint)
    return found


async def answered(here: World, message: Any, count: int = 1) -> Any:
    """Wait for the result under a message and return its card."""
    await here.delivered(count)
    card = here.cards()[-1]
    assert card.reference is not None and card.reference["message_id"] == str(message.id)
    assert "Done" in texts(card) and len(card.attachments) == 1
    return card


async def test_a_mention_with_a_picture_is_painted_over(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        message = await here.person("ann").send(
            here.channel, call(here, "a blue boat --strength 0.5"), attachments=[("boat.png", drawing())]
        )
        await answered(here, message)
        recipe = painted(here)
        assert recipe.prompt == "a blue boat" and recipe.strength == 0.5 and recipe.sketch is not None
        assert len(here.cards()) == 1, "the queued card became the result"


async def test_a_reply_with_its_own_picture_takes_that_one(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        before = await ann.send(here.channel, call(here, "look"), attachments=[("a.png", drawing(96, 64))])
        await answered(here, before)
        first = painted(here).sketch
        message = await ann.send(
            here.channel, call(here, "a hut"), reply_to=before, attachments=[("b.png", drawing(64, 96))]
        )
        await answered(here, message, 2)
        assert painted(here).prompt == "a hut" and painted(here).sketch not in (None, first)


async def test_a_reply_of_words_takes_the_picture_of_the_message_replied_to(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        before = await ann.send(here.channel, call(here, "a boat"), attachments=[("a.png", drawing())])
        await answered(here, before)
        message = await bob.send(here.channel, call(here, "a castle"), reply_to=before)
        await answered(here, message, 2)
        recipe = painted(here)
        assert recipe.prompt == "a castle"
        sketches = {row[0] for row in here.rows("SELECT json_extract(recipe, '$.sketch.digest') FROM pictures")}
        assert len(sketches) == 1, "one file by two doors is one Sketch"
        people = [row[0] for row in here.rows("SELECT person FROM jobs ORDER BY id")]
        assert people == [f"discord:{ann.id}", f"discord:{bob.id}"]


async def test_a_reply_to_a_card_takes_its_picture_from_the_log(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        result = await ann.slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        assert result.response is not None
        here.env.backend.cdn._blobs.clear()
        message = await ann.send(here.channel, call(here, "in oil"), reply_to=result.response)
        await answered(here, message, 2)
        assert painted(here).prompt == "in oil" and painted(here).sketch is not None


async def test_a_picture_discord_hides_from_bots_is_named_as_such(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        before = await ann.send(here.channel, "no mention here", attachments=[("a.png", drawing())])
        await ann.send(here.channel, call(here, "a castle"), reply_to=before)
        assert "cannot see a picture" in here.cards()[-1].content
        await ann.send(here.channel, call(here, "a castle"))
        assert "no picture in that message" in here.cards()[-1].content
        assert here.rows("SELECT count(*) FROM jobs") == [(0,)]


async def test_a_message_that_does_not_mention_the_bot_is_left_alone(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        await here.person("ann").send(here.channel, "a boat", attachments=[("boat.png", drawing())])
        assert not here.cards() and here.rows("SELECT count(*) FROM jobs") == [(0,)]


async def test_a_message_brought_twice_is_one_job_and_one_card(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        heard = here.heard("MESSAGE_CREATE")
        message = await here.person("ann").send(here.channel, call(here, "a"), attachments=[("a.png", drawing())])
        await answered(here, message)
        await here.again([event for event in heard if event[1]["id"] == str(message.id)])
        assert here.rows("SELECT count(*) FROM jobs") == [(1,)] and len(here.cards()) == 1


async def test_a_refusal_answers_the_message_and_pings_nobody(tmp_path: Path) -> None:
    async with checked(tmp_path, limits=Limits(per_minute=1)) as here:
        ann = here.person("ann")
        await ann.send(here.channel, call(here, "a"), attachments=[("a.png", drawing())])
        await ann.send(here.channel, call(here, "@everyone --stepz 3"), attachments=[("a.png", drawing())])
        refusal = here.cards()[-1]
        assert "--steps" in refusal.content and not refusal.mention_everyone and not refusal.ping_user_ids
        await here.delivered()
