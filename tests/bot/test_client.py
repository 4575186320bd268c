"""The client: what it tells Discord of itself, and that it outlives an error in discord.py."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.client import LimnerBot, start
from bot.guests import person_of
from core.errors import BadConfig
from core.ports import Face
from tests.support.discord_checks import checked
from tests.support.discord_double import World, texts


class Flaky(LimnerBot):
    """A client whose gateway ends with an error once, then for good."""

    logins = connected = 0

    async def login(self, token: str) -> None:
        self.logins += 1
        if token != "right":
            raise discord.LoginFailure("Improper token has been passed.")
        if self.logins == 1:
            raise OSError("no route to host")

    async def connect(self, *, reconnect: bool = True) -> None:
        self.connected += 1
        if self.connected == 1:
            raise KeyError("guild_id")
        await self.close()


def flaky(here: World) -> Flaky:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    return Flaky(here.parts.bot.studio, guilds=(), clock=here.ticks, pause=pause)


async def test_an_error_in_a_gateway_event_is_logged_and_the_gateway_taken_up_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with checked(tmp_path) as here:
        bot = flaky(here)
        await bot.serve("right")
        assert bot.logins == bot.connected == 2 and caplog.text.count("ended with an error; connecting again") == 2
        with pytest.raises(BadConfig, match="refuses the token"):
            await flaky(here).serve("wrong")


async def test_no_privileged_intents_and_no_mentions_by_default(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        bot = here.parts.bot
        assert not (bot.intents.message_content or bot.intents.members or bot.intents.presences)
        assert bot.allowed_mentions is not None and bot.allowed_mentions.to_dict()["parse"] == []


async def test_the_commands_told_to_discord(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        (commands,) = here.sent("PUT", "/commands")
        assert len({(command["type"], command["name"]) for command in commands}) == len(commands) >= 11
        for part in every_option([command for command in commands if command["type"] == 1]):
            assert part["name"] == part["name"].lower() and 1 <= len(part["description"]) <= 100
        assert {tuple(command["contexts"]) for command in commands} == {(0, 1)}


async def test_commands_of_named_servers_and_one_that_is_not_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with checked(tmp_path) as here:
        here.guilds = (here.guild.id, 42)
        here.env.inject_error("PUT", "/applications/*/guilds/42/commands", status=403, code=50001)
        await here.restart()
        assert "server 42: its commands could not be registered" in caplog.text
        paths = [each.path for each in here.env.http_requests if each.method == "PUT"]
        assert any(f"/guilds/{here.guild.id}/commands" in path for path in paths)


async def test_it_works_in_direct_messages(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        ann = here.env.create_user("ann")
        await ann.slash("imagine", prompt="a heart")
        await here.delivered()
        here.channel = ann.dm_channel
        assert "Done" in texts(here.cards()[0]) and len(here.cards()[0].attachments) == 1
        assert '"guild":null' in here.rows("SELECT place FROM jobs")[0][0]


async def test_the_applications_owner_is_the_owner(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        application = here.parts.bot.application
        assert application is not None
        owner = application.owner
        assert person_of(owner, application).is_owner and person_of(owner, application).id == f"discord:{owner.id}"
        stranger: Any = SimpleNamespace(id=owner.id + 1, display_name="bob")
        assert person_of(stranger, application).name == "bob" and not person_of(stranger, application).is_owner
        assert not person_of(owner, None).is_owner


def every_option(commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*commands, *(option for command in commands for option in command.get("options", []))]


async def test_a_wrong_token_is_said_and_harms_no_other_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with checked(tmp_path) as here:
        monkeypatch.setattr("bot.client.LimnerBot", Flaky)
        faces: dict[str, Face] = {}
        said: list[str] = []
        stop = await start(here.parts.bot.studio, faces, "wrong", (), (0, 1), said.append, here.ticks)
        assert list(faces) == ["discord"]
        await here.soon(lambda: said)
        assert said == ["Discord refuses the token. Set DISCORD_TOKEN to the one it shows."]
        await stop()
