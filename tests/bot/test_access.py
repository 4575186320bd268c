"""Every door by which something is painted, under every rule that forbids it: refused in words, nothing written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.guests import place_of
from core.limits import Limits
from core.person import Person
from tests.support.discord_checks import checked
from tests.support.discord_double import World, drawing

OWNER = Person("discord:1", is_owner=True)
FILE = ("boat.png", drawing())
Door = Callable[[World, Any, Any], Awaitable[Any]]


def filled(detail: Mapping[str, Any], **known: str) -> dict[str, Any]:
    return {name: known.get(value, value) if isinstance(value, str) else value for name, value in detail.items()}


def command(name: str, **options: Any) -> Door:
    def door(here: World, who: Any, _: Any) -> Awaitable[Any]:
        id_ = here.rows("SELECT id FROM pictures ORDER BY id")[0][0]
        return who.slash(here.channel, name, **filled(options, ID=id_))  # type: ignore[no-any-return]

    return door


def button(label: str) -> Door:
    return lambda _, who, card: who.click(card, label=label)


def modal(label: str, **typed: Any) -> Door:
    async def door(_: World, who: Any, card: Any) -> Any:
        return await who.submit_modal(await who.click(card, label=label), typed)

    return door


def menu(name: str, **typed: Any) -> Door:
    async def door(here: World, who: Any, card: Any) -> Any:
        opened = await who.context_menu(here.channel, name, card)
        return await who.submit_modal(opened, typed) if typed else opened

    return door


async def mention(here: World, who: Any, _: Any) -> Any:
    me = here.parts.bot.user
    assert me is not None
    return await who.send(here.channel, f"{me.mention} a hut", attachments=[FILE])


async def reply(here: World, who: Any, card: Any) -> Any:
    me = here.parts.bot.user
    assert me is not None
    return await who.send(here.channel, f"{me.mention} a hut", reply_to=card)


DOORS: Mapping[str, Door] = {
    "/imagine": command("imagine", prompt="a hut"),
    "/imagine with a sketch": command("imagine", prompt="a hut", sketch=FILE),
    "/sketch": command("sketch", sketch=FILE),
    "/reroll": command("reroll", id="ID"),
    "/vary": command("vary", id="ID"),
    "/upscale": command("upscale", id="ID"),
    "/reproduce": command("reproduce", id="ID"),
    "Upscale x2": button("Upscale x2"),
    "Vary subtle": button("Vary subtle"),
    "Vary strong": button("Vary strong"),
    "Reroll": button("Reroll"),
    "Reproduce": button("Reproduce"),
    "Remix": modal("Remix", prompt="a hut", negative_prompt="", seed="keep", strength=""),
    "Remix with a sketch": modal("Remix", prompt="a hut", negative_prompt="", seed="keep", strength="", sketch=FILE),
    "Use as sketch": modal("Use as sketch", prompt="a hut", strength=""),
    "Apps, Reroll": menu("Reroll"),
    "Apps, Use as sketch": menu("Use as sketch", prompt="a hut", strength=""),
    "a mention": mention,
    "a reply": reply,
}
RULES: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "banned": ("ban", {"who": "BOB"}, "may not use Limner here"),
    "not of the role": ("allow_role", {"role": "discord:7", "on": True}, "for certain roles"),
    "not in the channel": ("allow_channel", {"channel": "7", "on": True}, "not used in this channel"),
    "not age-restricted": ("age_only", {"on": True}, "age-restricted channels alone"),
    "a role's limit": ("limit_role", {"role": "ROLE", "per_minute": 1}, "Free again"),
    "everyone's limit": ("limit", {"per_minute": 1}, "Free again"),
    "drained": ("drain", {}, "run empty"),
}


def said(here: World, result: Any) -> str:
    """Return what somebody was told: by the answer, else by a message of the bot's."""
    response = getattr(result, "response", None)
    return str(response.content if response is not None else here.channel.history()[-1].content)


@pytest.mark.parametrize("rule", RULES)
async def test_no_door_passes_by_a_rule(tmp_path: Path, rule: str) -> None:
    what, detail, told = RULES[rule]
    async with checked(tmp_path, limits=Limits()) as here:
        ann, role = here.person("ann"), here.guild.create_role("painters")
        bob = here.guild.add_member(here.env.create_user("bob"), roles=[role])
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await bob.slash(here.channel, "imagine", prompt="a house")
        await here.delivered(2)
        card = here.channel.history()[0]
        known = {"BOB": f"discord:{bob.id}", "ROLE": f"discord:{role.id}"}
        place = place_of(here.guild.id, here.channel.id)
        await here.parts.bot.studio.operator.act(OWNER, place, what, **filled(detail, **known))
        fetched = len(here.rows("SELECT 1 FROM files"))
        for name, door in DOORS.items():
            assert told in said(here, await door(here, bob, card)), name
        assert here.rows("SELECT count(*) FROM jobs") == [(2,)]
        if told != "Free again":
            assert len(here.rows("SELECT 1 FROM files")) == fetched, "nothing is fetched for who may not ask"


async def test_every_door_is_open_to_who_may(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        card = here.channel.history()[0]
        for count, (name, door) in enumerate(DOORS.items(), 2):
            await door(here, bob, card)
            assert here.rows("SELECT count(*) FROM jobs") == [(count,)], name
            await here.delivered(count)
        assert here.rows(f"SELECT count(*) FROM jobs WHERE person = 'discord:{bob.id}'") == [(len(DOORS),)]


@pytest.mark.parametrize(("moderates", "may"), [(False, False), (True, True)])
async def test_cancel_and_delete_are_the_askers_and_moderators(tmp_path: Path, moderates: bool, may: bool) -> None:
    async with checked(tmp_path, gated=True) as here:
        ann = here.person("ann")
        role = here.guild.create_role("wardens", permissions=discord.Permissions(manage_messages=moderates))
        bob = here.guild.add_member(here.env.create_user("bob"), roles=[role])
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await bob.click(here.channel.history()[-1], label="Cancel")
        state = here.rows("SELECT cancel_requested OR state = 'cancelled' FROM jobs")[0][0]
        assert bool(state) is may
        here.parts.gate.open()
        await here.until(lambda: here.rows("SELECT 1 FROM outbox WHERE state = 'done'"))
        await bob.click(here.channel.history()[-1], label="Delete")
        assert (here.cards() == []) is may
