"""/defaults, /limits, /queue, /privacy, /show: one Person's own, told to that Person alone."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from bot.cogs import own
from core.limits import Limits
from tests.bot.test_gallery import told
from tests.support.discord_checks import checked
from tests.support.discord_double import buttons, texts


async def test_defaults_hold_for_what_is_not_typed_and_outlive_the_process(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        assert "options: none" in told(await ann.slash(here.channel, "defaults"))
        text = told(await ann.slash(here.channel, "defaults", options="--steps 3 --sampler euler", suffix="in *ink*"))
        assert "steps 3" in text and "suffix: in \\*ink\\*" in text
        await here.restart()
        for who in (ann, bob):
            await who.slash(here.channel, "imagine", prompt="a hut", guidance=2.0)
        await here.delivered(2)
        sql = "SELECT json_extract(recipe, '$.prompt'), json_extract(recipe, '$.steps') FROM pictures ORDER BY id"
        assert here.rows(sql) == [("a hut in *ink*", 3), ("a hut", 4)]
        refused = told(await ann.slash(here.channel, "defaults", options="--stepz 3"))
        assert "--steps" in refused and "^" in refused
        cleared = told(
            await ann.slash(here.channel, "defaults", options="none", suffix="NONE", remix=True, recipe=False)
        )
        assert all(each in cleared for each in ("options: none", "suffix: none", "remix: on", "recipe: off"))


async def test_limits_say_what_is_used_and_when_it_opens(tmp_path: Path) -> None:
    async with checked(tmp_path, limits=Limits(waiting=3, per_minute=1)) as here:
        ann = here.person("ann")
        assert "0 of 3 jobs are waiting" in told(await ann.slash(here.channel, "limits"))
        await ann.slash(here.channel, "imagine", prompt="one")
        text = told(await ann.slash(here.channel, "limits"))
        assert "1 of 1 jobs" in text and "<t:1767225660:R>" in text and "no limit" in text
        await here.delivered()


async def test_the_queue_shows_others_words_only_where_they_may_be_seen(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        ann, bob = here.person("ann"), here.person("bob")
        other = here.guild.create_text_channel("other")
        assert told(await ann.slash(here.channel, "queue")) == "Nothing waits."
        await ann.slash(here.channel, "imagine", prompt="a secret")
        await bob.slash(other, "imagine", prompt="a *boat*")
        mine = told(await ann.slash(here.channel, "queue"))
        assert "yours: a secret" in mine and "somebody's job" in mine and "boat" not in mine
        assert "boat" not in told(await ann.slash(here.channel, "queue", mine=True))
        theirs = told(await bob.slash(other, "queue"))
        assert "yours: a \\*boat\\*" in theirs and "secret" not in theirs
        here.parts.gate.open()
        await here.delivered(2)


async def test_show_brings_a_card_back_with_its_buttons_to_who_may_see_it(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        assert "nothing here yet" in told(await ann.slash(here.channel, "show"))
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 5 --n 2")
        await here.delivered()
        await here.restart()
        id_ = here.rows("SELECT id FROM pictures WHERE idx = 1")[0][0]
        shown = await bob.slash(here.channel, "show", id=id_[-6:].lower())
        assert "a heart" in told(shown) and f"<@{ann.id}>" in told(shown) and shown.response is not None
        assert len(shown.response.attachments) == 2
        assert list(buttons(shown.response)) == [
            "U1", "U2", "Reroll", "V1", "V2", "Remix", "Use as sketch", "Info", "Reproduce"
        ]  # fmt: skip
        await bob.click(shown.response, label="V2")
        await here.delivered(2)
        assert here.rows("SELECT parent_id FROM pictures WHERE idx = 0 AND parent_id IS NOT NULL") == [(id_,)]
        other = here.guild.create_text_channel("other")
        assert "no job or picture" in told(await bob.slash(other, "show", id=id_))
        mine = await ann.slash(other, "show", id=id_, share=True)
        assert not mine.ephemeral and mine.response is not None and "Delete" in buttons(mine.response)
        refused = await bob.click(mine.response, label="Reroll")
        assert "no job or picture" in told(refused), "what is shown elsewhere is still its person's own"


async def test_an_open_card_is_shown_to_one_person_alone(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart")
        shown = await ann.slash(here.channel, "show", share=True)
        assert "a heart" in told(shown) and shown.response is not None and list(buttons(shown.response)) == ["Cancel"]
        here.parts.gate.open()
        await here.delivered()
        assert len(here.cards()) == 1 and "Done" in texts(here.cards()[0])


async def test_export_is_one_file_or_says_who_can_give_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        result = await ann.slash(here.channel, "privacy export")
        assert result.response is not None and result.response.ephemeral
        (file,) = [here.env.backend.cdn.get(each.url) for each in result.response.attachments]
        assert file is not None
        with zipfile.ZipFile(io.BytesIO(file)) as folder:
            assert json.loads(folder.read("jobs.jsonl"))["typed"] == "a heart"
            assert sum(name.startswith("pictures/") for name in folder.namelist()) == 1
        monkeypatch.setattr(own, "most_bytes", lambda _: 100)
        assert "larger than" in told(await ann.slash(here.channel, "privacy export"))


async def test_erase_wants_the_word_also_in_a_new_process(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        for who in (ann, bob):
            await who.slash(here.channel, "imagine", prompt="a heart")
        await here.delivered(2)
        asked = await ann.slash(here.channel, "privacy erase")
        assert asked.modal is not None
        assert "Nothing was erased" in told(await ann.submit_modal(asked, {"word": "yes"}))
        assert here.rows("SELECT count(*) FROM jobs") == [(2,)]
        asked = await ann.slash(here.channel, "privacy erase")
        await here.restart()
        assert "Erased: " in told(await ann.submit_modal(asked, {"word": " Erase "}))
        assert "a heart" in texts((await bob.slash(here.channel, "history")).response)
