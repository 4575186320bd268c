"""A picture of another tool in Discord: its recipe as a line to type, what is lost, and a button that paints it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bot.test_gallery import told
from tests.bot.test_modals import last
from tests.support import foreign_files
from tests.support.discord_checks import checked
from tests.support.discord_double import buttons, drawing, texts

MENU = "Show recipe"
LONG = {"prompt": "`" * 1950, "base_model": "m", "seed": 1}


async def test_a_picture_of_another_tool_is_offered_as_a_line_and_painted_by_its_button(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        first = ("fox.png", foreign_files.png({"parameters": foreign_files.A1111}))
        message = await bob.send(here.channel, "look", attachments=[first, ("b.png", drawing())])
        offered = await ann.context_menu(here.channel, MENU, message)
        text = told(offered)
        assert "recipe of A1111" in text and "first of 2 pictures" in text and "LoRA paws is left out" in text
        assert "sampler DPM++ 2M is not here" in text, "of the Model that paints instead"
        assert "/imagine prompt: " in text and "--seed 42" in text and "--steps 20" in text
        assert here.rows("SELECT count(*) FROM jobs") == [(0,)]
        await here.restart()
        result = await ann.click(offered.response, label="Paint it")
        assert not result.ephemeral, "all see what is painted"
        await here.delivered()
        recipe = last(here)
        assert recipe.prompt == "a (red:1.2) fox, snow\nsecond line" and recipe.negative_prompt is not None
        assert (recipe.seed, recipe.steps, recipe.guidance, recipe.width) == (42, 20, 7.5, 512)
        # The line itself says the same.
        line = text.partition("/imagine prompt: ")[2].partition("\n```")[0]
        await ann.slash(here.channel, "imagine", prompt=line)
        await here.delivered(2)
        assert here.rows("SELECT count(DISTINCT recipe_digest) FROM pictures") == [(1,)]


async def test_a_file_of_ours_comes_back_as_its_line_and_names_what_is_in_the_log(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a `red` heart --seed 5 --steps 2")
        await here.delivered()
        ((picture, digest),) = here.rows("SELECT id, recipe_digest FROM pictures")
        (file,) = here.files(here.cards()[0])
        message = await ann.send(here.channel, "mine", attachments=[("a.png", file)])
        offered = await ann.context_menu(here.channel, MENU, message)
        assert "recipe of Limner" in told(offered) and f"/show {picture[-8:]}" in told(offered)
        assert list(buttons(offered.response)) == ["Paint it"]
        await ann.click(offered.response, label="Paint it")
        await here.delivered(2)
        assert here.rows("SELECT DISTINCT recipe_digest FROM pictures") == [(digest,)]
        # What a message cannot show as it stands is a file: copied from there, it is the same Recipe.
        info = await ann.click(here.channel.history()[0], label="Info")
        assert "as a file" in str(info.response and info.response.content)
        line = here.env.backend.cdn.get(info.response.attachments[0].url).decode().partition("/imagine prompt: ")[2]
        await ann.slash(here.channel, "imagine", prompt=line)
        await here.delivered(3)
        assert here.rows("SELECT DISTINCT recipe_digest FROM pictures") == [(digest,)]


async def test_what_tells_nothing_is_no_picture_or_is_asked_by_who_may_not_is_refused_in_words(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        for name, raw, said in (
            ("a.png", drawing(), "tells no recipe"),
            ("a.txt", b"words", "no picture I can read"),
            ("long.png", foreign_files.png({"parameters": json.dumps(LONG)}), "recipe of Fooocus"),
        ):
            message = await ann.send(here.channel, "look", attachments=[(name, raw)])
            result = await ann.context_menu(here.channel, MENU, message)
            assert result.ephemeral and result.response is not None
            assert said in (texts(result.response) or str(result.response.content)), name
        # The newest was too long for a message: its line is a file.
        assert [file.filename for file in result.response.attachments] == ["limner-words.txt"]
        assert not buttons(result.response)
