"""/admin: who may, what it does, and a row for every act; Discord hides it, core decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import simcord

from tests.bot.test_gallery import told
from tests.support.discord_checks import checked
from tests.support.discord_double import World, texts

EVERY = (
    "limit all", "limit role", "limit channel", "limit person", "allow channel", "allow role", "words", "ban", "unban",
    "set spoiler", "set age-only", "set recipe", "pause", "resume", "drain", "sync", "stats", "acts", "rules",
)  # fmt: skip


def manager(here: World) -> simcord.MemberActor:
    role = here.guild.create_role("boss", permissions=discord.Permissions(manage_guild=True))
    return here.guild.add_member(here.env.create_user("mia"), roles=[role])


def owner(here: World) -> simcord.MemberActor:
    application = here.parts.bot.application
    assert application is not None
    role = here.guild.create_role("root", permissions=discord.Permissions(manage_guild=True))
    user: Any = simcord.UserHandle(here.env, here.env.backend.get_user(application.owner.id))
    return here.guild.add_member(user, roles=[role])


async def test_every_act_is_told_to_discord_for_who_manages_a_server(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        (commands,) = here.sent("PUT", "/commands")
        (admin,) = [each for each in commands if each["name"] == "admin"]
        assert int(admin["default_member_permissions"]) == discord.Permissions(manage_guild=True).value
        assert set(here.person("ann").available_commands(here.channel)) & {f"admin {each}" for each in EVERY} == set()
        offered = set(manager(here).available_commands(here.channel))
        assert {each for each in offered if each.startswith("admin ")} == {f"admin {each}" for each in EVERY}


async def test_limits_by_role_and_channel_hold_for_who_has_the_role(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        mia, ann = manager(here), here.person("ann")
        few = here.guild.create_role("few")
        bob = here.guild.add_member(here.env.create_user("bob"), roles=[few])
        assert "are set" in told(await mia.slash(here.channel, "admin limit role", role=few, per_minute=1))
        for who in (ann, bob):
            assert not (await who.slash(here.channel, "imagine", prompt="one")).ephemeral
        assert "1 is the limit" in told(await bob.slash(here.channel, "imagine", prompt="two"))
        assert not (await ann.slash(here.channel, "imagine", prompt="two")).ephemeral
        await mia.slash(here.channel, "admin limit channel", channel=here.channel, per_minute=2)
        assert "2 is the limit" in told(await ann.slash(here.channel, "imagine", prompt="three"))
        await here.delivered(3)
        await here.restart()
        assert "1 of 1" in told(await bob.slash(here.channel, "limits"))


async def test_channels_roles_words_and_bans_refuse_in_words_and_charge_nothing(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        mia, ann = manager(here), here.person("ann")
        other = here.guild.create_text_channel("other")
        await mia.slash(here.channel, "admin allow channel", channel=other)
        assert "not used in this channel" in told(await ann.slash(here.channel, "imagine", prompt="a"))
        await mia.slash(here.channel, "admin allow channel", channel=other, on=False)
        artists = here.guild.create_role("artists")
        await mia.slash(here.channel, "admin allow role", role=artists)
        assert "certain roles" in told(await ann.slash(here.channel, "imagine", prompt="a"))
        await mia.slash(here.channel, "admin allow role", role=artists, on=False)
        said = told(await mia.slash(here.channel, "admin words", words="gore, blood bath", pattern="h[ae]te"))
        assert "gore" not in said
        for words in ("some GORE", "a blood  bath", "I hate it"):
            refused = told(await ann.slash(here.channel, "imagine", prompt=words))
            assert "not painted here" in refused and "blood" not in refused
        await mia.slash(here.channel, "admin words", words="gore", on=False)
        await ann.slash(here.channel, "imagine", prompt="some gore")
        await here.delivered()
        await mia.slash(here.channel, "admin ban", who=ann, why="spam")
        assert "may not use" in told(await ann.slash(here.channel, "imagine", prompt="a"))
        assert "may not use" in told(await ann.click(here.channel.history()[-1], label="Upscale x2"))
        await mia.slash(here.channel, "admin unban", who=ann)
        assert not (await ann.slash(here.channel, "imagine", prompt="a")).ephemeral
        await here.delivered(2)
        acts = told(await mia.slash(here.channel, "admin acts"))
        assert f"<@{mia.id}>" in acts and "may ask again" in acts and "gore" not in acts
        assert here.rows("SELECT count(*) FROM acts")[0][0] == 8
        rules = told(await mia.slash(here.channel, "admin rules"))
        assert "blood bath" in rules and "gore" not in rules.replace("blood", "")


async def test_core_decides_again_who_may(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        mia, ann = manager(here), here.person("ann")
        # A server may show the command to everyone; that alone gives no right.
        root = here.env.backend.commands[None]["admin", 1]
        here.guild.set_command_permissions(int(root["id"]), {ann: True})
        assert "Only the owner" in told(await ann.slash(here.channel, "admin set spoiler", on=True))
        assert "Only the owner" in told(await ann.slash(here.channel, "admin stats"))
        for act in ("pause", "resume", "drain", "sync"):
            assert "Only the owner of this Limner" in told(await mia.slash(here.channel, f"admin {act}"))
        assert here.rows("SELECT count(*) FROM acts") == [(0,)]


async def test_the_owner_pauses_drains_and_goes_on(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        boss, ann = owner(here), here.person("ann")
        assert "Paused" in told(await boss.slash(here.channel, "admin pause"))
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await here.restart()
        assert "Painting is paused" in told(await ann.slash(here.channel, "queue"))
        stats = told(await boss.slash(here.channel, "admin stats"))
        assert "paused" in stats and "open jobs: 1" in stats and "heart" not in stats and str(ann.id) not in stats
        await boss.slash(here.channel, "admin resume")
        await here.delivered()
        await boss.slash(here.channel, "admin drain")
        assert "run empty" in told(await ann.slash(here.channel, "imagine", prompt="a heart"))
        await boss.slash(here.channel, "admin resume")
        before = len(here.sent("PUT", "/commands"))
        assert "registered anew" in told(await boss.slash(here.channel, "admin sync"))
        assert len(here.sent("PUT", "/commands")) == before + 1
        assert "Done" in texts(here.cards()[0])


async def test_what_holds_for_every_picture_of_a_server_is_switched(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        mia, ann = manager(here), here.person("ann")
        await mia.slash(here.channel, "admin set age-only", on=True)
        assert "age-restricted channels alone" in told(await ann.slash(here.channel, "imagine", prompt="a"))
        adults = here.guild.create_text_channel("adults")
        await here.env.settle()
        known: Any = here.parts.bot.get_channel(adults.id)
        known.nsfw = True
        await mia.slash(here.channel, "admin set spoiler", on=True)
        assert not (await ann.slash(adults, "imagine", prompt="a heart")).ephemeral
        await mia.slash(here.channel, "admin set age-only", on=False)
        assert "recipe" in told(await mia.slash(here.channel, "admin set recipe", on=False))
        await ann.slash(here.channel, "imagine", prompt="a hut")
        await here.delivered(2)
        assert len(here.cards()) == 1


async def test_every_act_that_changes_something_leaves_one_row_and_says_who_and_where(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        boss, ann, few = owner(here), here.person("ann"), here.guild.create_role("few")
        acts: list[tuple[str, str, dict[str, Any]]] = [
            ("limit all", "limit", {"waiting": 9}),
            ("limit role", "limit_role", {"role": few, "per_minute": 3, "weight": 2}),
            ("limit channel", "limit_channel", {"channel": here.channel, "per_minute": 3}),
            ("limit person", "limit_person", {"who": ann, "day_cost": 10**9, "priority": 1}),
            ("allow channel", "allow_channel", {"channel": here.channel}),
            ("allow role", "allow_role", {"role": few}),
            ("words", "refuse_words", {"words": "gore"}),
            ("ban", "ban", {"who": ann, "why": "spam"}),
            ("unban", "unban", {"who": ann}),
            ("set spoiler", "spoiler", {"on": True}),
            ("set age-only", "age_only", {"on": True}),
            ("set recipe", "recipe", {"on": False}),
            ("pause", "pause", {}),
            ("resume", "resume", {}),
            ("drain", "drain", {}),
            ("sync", "sync", {}),
        ]
        told_only = {"stats", "acts", "rules"}
        assert {name for name, *_ in acts} | told_only == set(EVERY)
        for name in told_only:
            told(await boss.slash(here.channel, f"admin {name}"))
        for name, _, options in acts:
            told(await boss.slash(here.channel, f"admin {name}", **options))
        rows = here.rows("SELECT what, person FROM acts ORDER BY id")
        assert rows == [(what, f"discord:{boss.id}") for _, what, _ in acts]
