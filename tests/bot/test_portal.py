"""What the set-up learns from Discord: whose token it is, what keeps the bot from working, what to do."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import discord as library
import pytest

from bot.needs import INTENTS, PERMISSIONS, SCOPES, invite, named
from bot.portal import Portal, check_shape
from bot.registry import commands
from core.errors import BadConfig, Unavailable
from core.finding import Application
from tests.support.discord_schema import Description
from tests.support.portal_double import OTHER, TOKEN, Discord, discord


async def look(here: Discord, *guilds: int, token: str = TOKEN) -> Application:
    async with Portal(token, here.base) as portal:
        return await portal.application(guilds, await commands())


def words(found: Application) -> dict[str, str]:
    return {each.name: each.word for each in found.findings}


async def test_a_good_token_is_named_and_the_invite_asks_for_what_is_needed_and_no_more() -> None:
    async with discord() as here:
        here.join(5)
        here.commands[""] = await commands()
        found = await look(here)
    assert (found.id, found.name) == ("111", "limner")
    assert words(found) == {"token": "ok", "intents": "ok", "servers": "ok", "commands": "ok"}
    asked = parse_qs(urlsplit(found.invite).query)
    assert asked["client_id"] == ["111"] and asked["scope"] == [" ".join(SCOPES)]
    assert library.Permissions(int(asked["permissions"][0])) == PERMISSIONS
    assert named(PERMISSIONS) == (
        "View Channels, Send Messages, Attach Files, Read Message History, Send Messages in Threads"
    )
    assert not (INTENTS.message_content or INTENTS.members or INTENTS.presences)
    assert found.invite == invite(111)


async def test_a_token_discord_refuses_is_an_error_that_does_not_show_it() -> None:
    async with discord() as here:
        with pytest.raises(BadConfig, match="refuses the token") as caught:
            await look(here, token=OTHER)
    assert OTHER not in caught.value.whole()


@pytest.mark.parametrize("wrong", ["", "hunter2", f"Bot {TOKEN}", f'"{TOKEN}"', f"{TOKEN}\n", "a.b.c"])
def test_what_cannot_be_a_token_is_refused_before_anybody_is_asked(wrong: str) -> None:
    with pytest.raises(BadConfig) as caught:
        check_shape(wrong)
    assert not wrong or wrong.strip() not in caught.value.whole()


async def test_without_the_net_it_says_so() -> None:
    async with discord() as here:
        base = here.base
    async with Portal(TOKEN, base) as portal:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await portal.application((), [])


@pytest.mark.parametrize(("status", "said"), [(429, "asks to wait"), (503, "HTTP 503")])
async def test_trouble_of_discords_own_is_told_apart(status: int, said: str) -> None:
    async with discord() as here:
        here.status = status
        with pytest.raises(Unavailable, match=said):
            await look(here)


async def test_settings_that_keep_the_bot_from_working_are_bad() -> None:
    async with discord() as here:
        here.about |= {"interactions_endpoint_url": "https://example.invalid", "bot_require_code_grant": True}
        found = {each.name: each for each in (await look(here)).findings}
    assert found["interactions"].word == "bad" and "Interactions Endpoint URL" in found["interactions"].to_do
    assert found["invite"].word == "bad" and "OAuth2 Code Grant" in found["invite"].to_do
    assert found["servers"].word == "warn" and invite(111) in found["servers"].to_do


async def test_missing_permissions_are_named_by_server_and_an_administrator_lacks_none() -> None:
    less = PERMISSIONS.value & ~library.Permissions(attach_files=True, send_messages_in_threads=True).value
    async with discord() as here:
        here.join(5, less, "first")
        here.join(6, library.Permissions(administrator=True).value, "second")
        found = [each for each in (await look(here)).findings if each.name == "servers"]
        assert [each.word for each in found] == ["bad", "ok"]
        assert found[0].sentence == "In first it lacks: Attach Files, Send Messages in Threads."
        wanted = [each for each in (await look(here, 7)).findings if each.name == "servers"]
        assert [each.word for each in wanted] == ["bad"] and "server 7" in wanted[0].sentence


async def test_commands_are_registered_where_they_belong_and_missing_ones_named() -> None:
    async with discord() as here:
        here.join(5)
        missing = next(each for each in (await look(here, 5)).findings if each.name == "commands")
        assert missing.word == "warn" and "imagine" in missing.sentence and "--sync" in missing.to_do
        async with Portal(TOKEN, here.base) as portal:
            assert await portal.register("111", (5,), await commands()) == len(await commands())
        assert words(await look(here, 5))["commands"] == "ok"
        assert list(here.commands) == ["5"] and here.commands["5"] == await commands()


async def test_commands_of_an_older_version_and_strange_ones_are_named() -> None:
    async with discord() as here:
        here.join(5)
        here.commands[""] = ours = json.loads(json.dumps(await commands()))
        by_name = {each["name"]: each for each in ours}
        # Discord tells rights as text and leaves out what is not said.
        by_name["admin"]["default_member_permissions"] = str(by_name["admin"]["default_member_permissions"])
        assert words(await look(here))["commands"] == "ok"
        by_name["imagine"]["options"].pop()
        by_name["admin"]["default_member_permissions"] = None
        ours.append({"name": "draw", "type": 1})
        [told] = [each for each in (await look(here)).findings if each.name == "commands"]
        assert told.sentence == "Not registered as they are now: admin, draw, imagine." and "--sync" in told.to_do


async def test_intents_that_are_on_are_named_though_none_is_needed() -> None:
    async with discord() as here:
        for flags, named_ in ((1 << 19, ["Message Content"]), (1 << 12 | 1 << 15, ["Presence", "Server Members"])):
            here.about["flags"] = flags
            [told] = [each for each in (await look(here)).findings if each.name == "intents"]
            assert told.word == "ok" and all(f"{each} Intent" in told.sentence for each in named_)
            assert "none is on" not in told.sentence


async def test_every_call_is_one_discord_describes() -> None:
    async with discord() as here:
        here.join(5)
        await look(here, 5)
        async with Portal(TOKEN, here.base) as portal:
            await portal.register("111", (), await commands())
    description = Description()
    for call in here.asked:
        method, path = call.split()
        body = await commands() if method == "PUT" else None
        assert description.findings(method, path, {}, body)[1] == []
