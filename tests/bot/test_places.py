"""Threads, direct messages and mentions: the same rules, roles and wishes hold by every way in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest

from bot.guests import FACE, place_of
from core.person import Person
from tests.support.discord_checks import checked
from tests.support.discord_double import World, drawing, gallery, texts

OWNER = Person("discord:1", is_owner=True)


async def act(here: World, what: str, **detail: Any) -> None:
    place = place_of(here.guild.id, here.channel.id)
    await here.parts.bot.studio.operator.act(OWNER, place, what, **detail)


async def thread(here: World) -> Any:
    channel = here.parts.bot.get_channel(here.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.create_thread(name="sketches", type=discord.ChannelType.public_thread)
    await here.env.settle()
    return here.channel.threads[0]


def told(result: Any) -> str:
    assert result.response is not None
    return str(result.response.content) or texts(result.response)


async def test_a_channels_rules_hold_in_its_threads_by_every_way_in(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, me = here.person("ann"), here.parts.bot.user
        assert me is not None
        inside, elsewhere = await thread(here), here.guild.create_text_channel("elsewhere")
        await act(here, "allow_channel", channel=str(here.channel.id), on=True)
        await act(here, "limit_channel", channel=str(here.channel.id), per_minute=2)
        assert "not used in this channel" in told(await ann.slash(elsewhere, "imagine", prompt="a hut"))
        assert not (await ann.slash(inside, "imagine", prompt="a hut")).ephemeral
        await ann.send(inside, f"{me.mention} a boat", attachments=[("boat.png", drawing())])
        await here.delivered(2)
        assert "Free again" in told(await ann.slash(inside, "imagine", prompt="a third"))
        assert "2 of 2" in told(await ann.slash(inside, "limits"))
        # The thread alone may be named too.
        await act(here, "allow_channel", channel=str(here.channel.id), on=False)
        await act(here, "allow_channel", channel=str(inside.id), on=True)
        assert "not used in this channel" in told(await ann.slash(here.channel, "sketch", sketch=("a.png", drawing())))


async def test_a_categorys_rules_hold_in_its_channels_and_their_threads(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        drawn = here.guild.create_category("drawn")
        inside, elsewhere = here.guild.create_text_channel("pens", category=drawn), here.channel
        await act(here, "allow_channel", channel=str(drawn.id), on=True)
        await act(here, "limit_channel", channel=str(drawn.id), per_minute=1)
        assert "not used in this channel" in told(await ann.slash(elsewhere, "imagine", prompt="a hut"))
        assert not (await ann.slash(inside, "imagine", prompt="a hut")).ephemeral
        channel = here.parts.bot.get_channel(inside.id)
        assert isinstance(channel, discord.TextChannel)
        await channel.create_thread(name="ink", type=discord.ChannelType.public_thread)
        await here.env.settle()
        assert "Free again" in told(await ann.slash(inside.threads[0], "imagine", prompt="a boat"))


async def test_a_card_in_a_thread_is_seen_and_pressed_there_and_not_outside(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob, inside = here.person("ann"), here.person("bob"), await thread(here)
        await ann.slash(inside, "imagine", prompt="a hut")
        await here.delivered()
        id_ = here.rows("SELECT id FROM pictures")[0][0]
        await bob.click(inside.history()[-1], label="Reroll")
        await here.delivered(2)
        assert "a hut" in told(await bob.slash(inside, "show", id=id_))
        assert "no job or picture" in told(await bob.slash(here.channel, "show", id=id_))


@pytest.mark.fault("F19", "a thread deleted: what is open in it is cancelled and released, what is beside it goes on")
async def test_what_is_open_in_a_thread_that_is_deleted_is_cancelled_and_released(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        ann, inside = here.person("ann"), await thread(here)
        await ann.slash(here.channel, "imagine", prompt="a boat")
        for number in range(3):
            await ann.slash(inside, "imagine", prompt=f"a hut {number} --steps 90")
        gone = {"id": str(inside.id), "guild_id": str(here.guild.id), "parent_id": str(here.channel.id), "type": 11}
        here.env.backend.emit("THREAD_DELETE", gone)
        over = "SELECT typed FROM jobs WHERE cancel_requested OR state = 'cancelled' ORDER BY id"
        await here.until(lambda: len(here.rows(over)) == 3)
        assert [typed for (typed,) in here.rows(over)] == [f"a hut {number} --steps 90" for number in range(3)]
        here.parts.gate.open()
        await here.delivered()
        await here.until(lambda: here.rows("SELECT count(*) FROM jobs WHERE state = 'cancelled'") == [(3,)])
        of_it = "FROM ledger JOIN jobs ON jobs.id = job_id WHERE state = 'cancelled' AND ledger.kind ="
        held, released = (here.rows(f"SELECT sum(amount) {of_it} '{kind}'") for kind in ("hold", "release"))
        assert held == released and here.rows(f"SELECT sum(amount) {of_it} 'charge'") == [(0,)]


async def test_every_command_of_ones_own_answers_in_direct_messages(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.env.create_user("ann")
        assert not (await ann.slash("imagine", prompt="a hut --seed 3")).ephemeral
        await here.delivered()
        for name in ("reroll", "vary", "upscale", "reproduce"):
            assert not (await ann.slash(name)).ephemeral, name
        await here.delivered(5)
        for name in ("history", "show", "queue", "limits", "defaults", "help", "models", "styles", "privacy export"):
            assert (await ann.slash(name)).ephemeral, name
        message = await ann.send_dm("a boat")
        assert message.id and len(here.rows("SELECT 1 FROM jobs")) == 5, "not called, so not meant"


async def test_a_mention_knows_roles_rights_and_the_owner_as_a_command_does(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        me, role = here.parts.bot.user, here.guild.create_role("painters")
        assert me is not None
        bob = here.guild.add_member(here.env.create_user("bob"), roles=[role])
        ann = here.person("ann")
        await act(here, "allow_role", role=f"{FACE}:{role.id}", on=True)
        for who, jobs in ((ann, 0), (bob, 1)):
            await who.send(here.channel, f"{me.mention} a boat", attachments=[("boat.png", drawing())])
            assert len(here.rows("SELECT 1 FROM jobs")) == jobs
        await here.delivered()
        refused = [each for each in here.channel.history() if "certain roles" in each.content]
        assert len(refused) == 1 and not here.rows("SELECT 1 FROM files WHERE kind = 'sketch' LIMIT 1 OFFSET 1")


async def test_files_tell_their_recipe_only_where_person_and_server_want_it(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "defaults", recipe=False)
        for who in (ann, bob):
            await who.slash(here.channel, "imagine", prompt="a secret hut")
        await here.delivered(2)
        quiet, loud = (here.files(card)[0] for card in here.cards())
        assert b"secret" not in quiet and b"limner" not in quiet and b"secret" in loud
        await act(here, "recipe", on=False)
        await bob.slash(here.channel, "imagine", prompt="a secret hut")
        shown = await bob.slash(here.channel, "show")
        await here.delivered(3)
        assert b"secret" not in here.files(here.cards()[2])[0] and shown.response is not None


async def test_pictures_are_spoilers_where_the_server_wants_it(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.person("ann")
        await act(here, "spoiler", on=True)
        await ann.slash(here.channel, "imagine", prompt="a hut --n 5")
        await here.delivered()
        assert all(each["spoiler"] for each in gallery(here.cards()[0]))
        shown = await ann.slash(here.channel, "show")
        assert shown.response is not None and all(each["spoiler"] for each in gallery(shown.response))
