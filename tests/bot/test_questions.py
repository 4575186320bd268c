"""Many Jobs at once are asked about: nothing is written before the button, which works in a new process too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.limits import Limits
from tests.support.discord_checks import checked
from tests.support.discord_double import World, buttons, drawing, texts

SIX = "a {red, blue, green} {cat, dog} --steps 2"


def jobs(here: World) -> int:
    return int(here.rows("SELECT count(*) FROM jobs")[0][0])


async def test_more_than_five_jobs_wait_for_the_button_even_in_a_new_process(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        result = await ann.slash(here.channel, "imagine", prompt=SIX, seed=9)
        (asked,) = here.cards()
        assert jobs(here) == 0 and not result.ephemeral
        assert "6 jobs at once" in texts(asked) and list(buttons(asked)) == ["Paint 6 jobs", "Not now"]
        await here.restart()
        assert result.response is not None
        refused = await bob.click(result.response, label="Paint 6 jobs")
        assert refused.ephemeral and refused.response is not None and "Only who asked" in refused.response.content
        assert jobs(here) == 0
        await ann.click(result.response, label="Paint 6 jobs")
        await here.delivered(6)
        cards = here.cards()
        assert len(cards) == 6 and cards[0].id == asked.id, "the question became the first card"
        assert "a red cat" in texts(cards[0]) and "jobs at once" not in texts(cards[0])
        assert here.rows("SELECT DISTINCT seed, person FROM pictures") == [(9, f"discord:{ann.id}")]


async def test_a_second_press_asks_for_nothing_more(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        heard = here.heard("INTERACTION_CREATE")
        result = await ann.slash(here.channel, "imagine", prompt=SIX)
        assert result.response is not None
        await ann.click(result.response, label="Paint 6 jobs")
        await here.delivered(6)
        await here.again(heard[1:])
        assert jobs(here) == 6 and len(here.cards()) == 6


async def test_not_now_takes_the_question_away(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        result = await ann.slash(here.channel, "imagine", prompt=SIX)
        assert result.response is not None
        assert (await bob.click(result.response, label="Not now")).ephemeral and len(here.cards()) == 1
        await ann.click(result.response, label="Not now")
        assert here.cards() == [] and jobs(here) == 0


@pytest.mark.parametrize(
    "words",
    ["`a` ``` {1,2,3,4,5,6}``", "@everyone\n {a,b,c,d,e,f} [x](http://y.invalid) `\u200b`", "❤ \\{ {1,2,3,4,5,6}"],
)
async def test_words_read_back_exactly(tmp_path: Path, words: str) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        result = await ann.slash(here.channel, "imagine", prompt=words)
        assert result.response is not None
        await ann.click(result.response, label="Paint 6 jobs")
        await here.delivered(6)
        assert {row[0] for row in here.rows("SELECT typed FROM jobs")} == {words}


async def test_sketch_mask_and_options_stand_in_the_question(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        result = await ann.slash(
            here.channel, "imagine", prompt=SIX, sketch=("boat.png", drawing()), strength=0.5, negative_prompt="`rain`"
        )
        assert result.response is not None and jobs(here) == 0
        await here.restart()
        await ann.click(result.response, label="Paint 6 jobs")
        await here.delivered(6)
        recipes = [json.loads(row[0]) for row in here.rows("SELECT recipe FROM pictures")]
        assert {each["strength"] for each in recipes} == {0.5} and all(each["sketch"] for each in recipes)
        assert {each["negative_prompt"] for each in recipes} == {"`rain`"}


async def test_a_mention_with_many_jobs_is_asked_about_too(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, me = here.person("ann"), here.parts.bot.user
        assert me is not None
        await ann.send(here.channel, f"<@{me.id}> {SIX}", attachments=[("boat.png", drawing())])
        (asked,) = here.cards()
        assert jobs(here) == 0 and "6 jobs at once" in texts(asked)
        await ann.click(here.channel.history()[-1], label="Paint 6 jobs")
        await here.delivered(6)
        assert len(here.cards()) == 6


async def test_limits_hold_at_the_press_and_the_question_stays(tmp_path: Path) -> None:
    async with checked(tmp_path, limits=Limits(per_minute=3)) as here:
        ann = here.person("ann")
        result = await ann.slash(here.channel, "imagine", prompt=SIX)
        assert result.response is not None
        refused = await ann.click(result.response, label="Paint 6 jobs")
        assert refused.response is not None and jobs(here) == 0 and "6 jobs at once" in texts(here.cards()[0])


async def test_words_too_long_for_a_question_are_refused(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        words = "`" * 1980 + "{1,2,3,4,5,6}"
        result = await here.person("ann").slash(here.channel, "imagine", prompt=words, negative_prompt="x" * 60)
        assert result.ephemeral and result.response is not None and "too long to ask" in result.response.content
        assert jobs(here) == 0
