"""/reroll and the buttons, on messages of whatever age, each on the presser's own Limits."""

from __future__ import annotations

from pathlib import Path

import discord

from core.limits import Limits
from core.person import Person, Place
from tests.support.discord_checks import checked
from tests.support.discord_double import buttons, gallery, texts


async def test_reroll_by_id_and_seed(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1")
        await here.delivered()
        picture_id = here.rows("SELECT id FROM pictures")[0][0]
        await ann.slash(here.channel, "reroll", id=picture_id[-8:].lower(), seed=9)
        await here.delivered(2)
        assert here.rows("SELECT seed, parent_id FROM pictures ORDER BY id") == [(1, None), (9, picture_id)]
        old, new = here.cards()
        assert "seed 9" in texts(new) and f"from [{picture_id[-8:]}](https://discord.com/channels/" in texts(new)
        assert f"/{here.channel.id}/{old.id})" in texts(new), "a link to the card it comes from"
        assert here.files(old)[0] != here.files(new)[0]
        await ann.slash(here.channel, "reroll")
        await here.delivered(3)
        assert here.rows("SELECT seed FROM pictures ORDER BY id DESC LIMIT 1") == [(77,)]


async def test_reroll_of_what_is_not_here_is_refused(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        result = await here.person("ann").slash(here.channel, "reroll", id="7F3K2A9Q")
        assert result.ephemeral and result.response is not None and "no picture" in result.response.content


async def test_a_button_from_before_a_restart_works_for_somebody_else_in_a_new_process(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1")
        await here.delivered()
        await here.restart()
        old = here.channel.history()[-1]
        result = await bob.click(old, label="Reroll")
        assert not result.ephemeral and result.response is not None and result.response.id != old.id
        await here.delivered(2)
        people = here.rows("SELECT person, kind FROM jobs ORDER BY id")
        assert people == [(f"discord:{ann.id}", "imagine"), (f"discord:{bob.id}", "reroll")]
        assert here.rows("SELECT seed FROM pictures ORDER BY id") == [(1,), (77,)]
        assert f"<@{bob.id}>" in texts(here.cards()[-1]) and "Done, seed 77" in texts(here.cards()[-1])
        assert "seed 1" in texts(here.cards()[0]), "the old card stays as it is"


async def test_a_press_counts_on_the_pressers_limits(tmp_path: Path) -> None:
    async with checked(tmp_path, limits=Limits(per_minute=1)) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        card = here.channel.history()[-1]
        assert (await ann.click(card, label="Reroll")).ephemeral
        assert not (await bob.click(card, label="Reroll")).ephemeral
        assert (await bob.click(card, label="Vary subtle")).ephemeral
        await here.delivered(2)


async def test_vary_upscale_and_reproduce(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1")
        await here.delivered()
        card = here.channel.history()[-1]
        for count, label in enumerate(("Vary subtle", "Upscale x2", "Reproduce", "Vary strong"), 2):
            await ann.click(card, label=label)
            await here.delivered(count)
        shown = [texts(each) for each in here.cards()]
        assert "varied by 0.15" in shown[1] and "Enlarged to 128 x 128" in shown[2] and "identical" in shown[3]
        assert "varied by 0.4" in shown[4]


async def test_several_pictures_have_a_button_each(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1 --n 4")
        await here.delivered()
        assert list(buttons(here.cards()[0])) == [
            "U1", "U2", "U3", "U4", "Reroll", "V1", "V2", "V3", "V4", "Remix",
            "Use as sketch", "Info", "Reproduce", "Delete",
        ]  # fmt: skip
        await ann.click(here.channel.history()[-1], label="U3")
        await here.delivered(2)
        third = here.rows("SELECT id FROM pictures WHERE idx = 2")[0][0]
        assert here.rows("SELECT parent_id FROM pictures ORDER BY id DESC LIMIT 1") == [(third,)]


async def test_only_who_asked_may_cancel(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="first")
        await here.until(lambda: here.rows("SELECT 1 FROM jobs WHERE state = 'running'"))
        # More rows than the device takes in hand: what comes after them waits.
        await ann.slash(here.channel, "imagine", prompt="large --n 16")
        await ann.slash(here.channel, "imagine", prompt="last")
        assert here.rows("SELECT state FROM jobs WHERE typed = 'last'") == [("queued",)]
        last = here.channel.history()[-1]
        refused = await bob.click(last, label="Cancel")
        assert refused.ephemeral and refused.response is not None and "Only who asked" in refused.response.content
        await ann.click(last, label="Cancel")
        assert "Cancelled. Nothing was charged." in texts(here.cards()[-1]) and list(buttons(here.cards()[-1])) == [
            "Ask again", "Remix", "Info", "Delete",
        ]  # fmt: skip
        await ann.click(here.channel.history()[0], label="Cancel")
        here.parts.gate.open()
        await here.delivered(1)
        await here.until(lambda: here.rows("SELECT count(*) FROM outbox WHERE state = 'done'") == [(3,)])
        assert "Cancelled" in texts(here.cards()[0]) and "Cancelled" in texts(here.cards()[-1])
        assert len(here.cards()) == 3


async def test_every_button_in_a_new_process_by_somebody_else(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1")
        await here.delivered()
        await here.restart()
        card = here.channel.history()[-1]
        for label in ("Remix", "Use as sketch"):
            assert (await bob.click(card, label=label)).modal is not None
        told = await bob.click(card, label="Info")
        assert told.ephemeral and told.response is not None and "seed 1" in told.response.content
        assert "/imagine prompt: a heart --seed 1" in told.response.content and "Fingerprint" in told.response.content
        for count, label in enumerate(("Upscale x2", "Vary subtle", "Vary strong", "Reroll", "Reproduce"), 2):
            assert not (await bob.click(card, label=label)).ephemeral
            await here.delivered(count)
        refused = await bob.click(card, label="Delete")
        assert refused.ephemeral and refused.response is not None and "Only who asked" in refused.response.content
        people = here.rows("SELECT DISTINCT person FROM jobs WHERE kind != 'imagine'")
        assert people == [(f"discord:{bob.id}",)]


async def test_a_card_is_taken_down_by_who_asked_or_moderates_and_the_log_stays(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, role = (
            here.person("ann"),
            here.guild.create_role("mods", permissions=discord.Permissions(manage_messages=True)),
        )
        mod = here.guild.add_member(here.env.create_user("mod"), roles=[role])
        for words in ("one", "two"):
            await ann.slash(here.channel, "imagine", prompt=words)
        await here.delivered(2)
        first, second = here.channel.history()
        await ann.click(first, label="Delete")
        assert [each.id for each in here.cards()] == [second.id]
        await mod.click(second, label="Delete")
        assert not here.cards()
        assert here.rows("SELECT count(*) FROM pictures WHERE state = 'stored'") == [(2,)]


async def test_what_failed_is_asked_again_with_the_same_seed(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="nan heart --seed 6")
        await here.until(lambda: here.rows("SELECT 1 FROM outbox WHERE state = 'done'"))
        await ann.click(here.channel.history()[-1], label="Ask again")
        await here.until(lambda: here.rows("SELECT count(*) FROM outbox WHERE state = 'done'") == [(2,)])
        told = here.rows("SELECT kind, seed, recipe_digest FROM jobs JOIN pictures ON job_id = jobs.id")
        assert len(told) == 2 and len(set(told)) == 1 and told[0][:2] == ("imagine", 6)


async def test_above_four_pictures_a_menu_shows_the_chosen_one_to_who_chose(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1 --n 12")
        await here.delivered()
        await here.restart()
        twelfth = here.rows("SELECT id FROM pictures WHERE idx = 11")[0][0]
        chosen = await bob.select(here.channel.history()[-1], [twelfth])
        assert chosen.ephemeral and chosen.response is not None
        assert "Picture 12 of 12" in str(chosen.response.components)
        await bob.click(chosen.response, label="Vary subtle")
        await here.delivered(2)
        assert here.rows("SELECT parent_id FROM pictures ORDER BY id DESC LIMIT 1") == [(twelfth,)]
        assert "Vary" in texts(here.cards()[-1]), "for all to see"


async def test_what_is_too_long_for_a_message_is_a_file(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt=f"{'x' * 1890} beside")
        await here.delivered()
        told = await ann.click(here.channel.history()[-1], label="Info")
        assert told.ephemeral and told.response is not None
        assert [file.filename.rpartition("-")[2] for file in told.response.attachments][:1] == ["prepared.webp"]
        assert [file.filename.endswith(".txt") for file in told.response.attachments] == [False, True]


async def test_pictures_and_previews_are_spoilers_where_the_server_says_so(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        owner = Person("discord:1", is_owner=True)
        there = Place.of("discord", {"guild": str(here.guild.id), "channel": str(here.channel.id)})
        await here.parts.bot.studio.operator.act(owner, there, "spoiler", on=True)
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        assert [item["spoiler"] for item in gallery(here.cards()[-1])] == [True]
        channel = here.parts.bot.get_channel(here.channel.id)
        assert isinstance(channel, discord.TextChannel)
        channel.nsfw = True
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await here.delivered(2)
        assert [item.get("spoiler", False) for item in gallery(here.cards()[-1])] == [False]
