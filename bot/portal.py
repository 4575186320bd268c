"""Portal: asks Discord, without connecting, who a token belongs to, where the bot is and what is still missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp
import discord

from bot.needs import PERMISSIONS, invite, named
from core.errors import BadConfig, NotAllowed, Unavailable
from core.finding import Application, Finding

API = "https://discord.com/api/v10"
TOKEN = re.compile(r"[\w-]{20,}\.[\w-]{4,}\.[\w-]{20,}")
"""Three parts with dots between: what a bot's token looks like."""

TIMEOUT = aiohttp.ClientTimeout(total=15)
PRIVILEGED = {
    "Presence Intent": 1 << 12 | 1 << 13,
    "Server Members Intent": 1 << 14 | 1 << 15,
    "Message Content Intent": 1 << 18 | 1 << 19,
}
"""Flags of an application that has an intent, in many or in few servers."""

AT_DISCORD = "discord.com/developers/applications"


def check_shape(token: str) -> None:
    """Raise BadConfig where a token cannot be one; it is never quoted."""
    if token.lower().startswith("bot ") or token.strip("\"' \t\r\n") != token:
        raise BadConfig("The token has blanks, quotes or the word Bot around it.", "Give the bare token.")
    if not TOKEN.fullmatch(token):
        raise BadConfig(
            "That does not look like a bot's token.", f"Copy it whole from {AT_DISCORD}, your application, Bot."
        )


class Portal:
    """Speak to Discord's REST API with one token; use it as an async context manager."""

    def __init__(self, token: str, base: str = API) -> None:
        check_shape(token)
        self._base = base
        self._headers = {"Authorization": f"Bot {token}", "User-Agent": "DiscordBot (limner, 0.1)"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def application(self, guilds: Sequence[int], commands: Sequence[dict[str, Any]]) -> Application:
        """Look at the application, the servers and the commands; raise a StudioError where the token is no good."""
        me = await self._ask("GET", "/users/@me")
        about = await self._ask("GET", "/oauth2/applications/@me")
        address = invite(int(about["id"]))
        findings = (
            Finding("token", "ok", f"Discord knows it: the bot is {me['username']}."),
            *_of_application(about),
            *_of_servers(await self._ask("GET", "/users/@me/guilds"), guilds, address),
            await self._of_commands(str(about["id"]), guilds, commands),
        )
        return Application(str(about["id"]), str(me["username"]), address, findings)

    async def register(self, application_id: str, guilds: Sequence[int], commands: Sequence[dict[str, Any]]) -> int:
        """Tell Discord the commands, in every server named or everywhere; return how many it knows now."""
        known: list[Any] = []
        for path in _paths(application_id, guilds):
            known = await self._ask("PUT", path, list(commands))
        return len(known)

    async def _of_commands(
        self, application_id: str, guilds: Sequence[int], commands: Sequence[dict[str, Any]]
    ) -> Finding:
        wanted = set(map(_form, commands))
        missing: set[str] = set()
        for path in _paths(application_id, guilds):
            try:
                found = await self._ask("GET", path)
            except NotAllowed:
                # The bot is not in that server: told with the servers.
                continue
            # Of those that differ, and of those that are ours no more, the names.
            missing |= {name for name, *_ in wanted ^ set(map(_form, found))}
        if missing:
            return Finding(
                "commands",
                "warn",
                f"Not registered as they are now: {', '.join(sorted(missing))}.",
                "./limner setup --sync, or start ./limner, which does it too.",
            )
        return Finding("commands", "ok", f"All {len(wanted)} are registered.")

    async def _ask(self, method: str, path: str, body: list[dict[str, Any]] | None = None) -> Any:
        if self._session is None:
            raise RuntimeError("use the Portal as a context manager")
        try:
            async with self._session.request(method, self._base + path, json=body, allow_redirects=False) as answer:
                if answer.status < 300:
                    return await answer.json()
                raise _refused(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = type(error).__name__
            raise Unavailable(
                f"Discord cannot be reached ({why}); nothing was changed.", "See to the net, then try again."
            ) from error


def _refused(status: int) -> BadConfig | NotAllowed | Unavailable:
    if status == 401:
        return BadConfig("Discord refuses the token.", f"Reset it at {AT_DISCORD}, Bot, and give the new one.")
    if status in (403, 404):
        return NotAllowed("The bot may not do that there.", "Invite it to that server first.")
    if status == 429:
        return Unavailable("Discord asks to wait; nothing was changed.", "Try again in some minutes.")
    return Unavailable(f"Discord has trouble of its own (HTTP {status}); nothing was changed.", "Try again later.")


def _form(command: Mapping[str, Any]) -> tuple[str, int, int | None, tuple[Any, ...]]:
    """Return what of a command must be as it is here: name, kind, who is shown it, options in their order."""
    rights = command.get("default_member_permissions")
    options = tuple(map(_option, command.get("options") or ()))
    return str(command["name"]), int(command.get("type", 1)), None if rights is None else int(rights), options


def _option(option: Mapping[str, Any]) -> tuple[Any, ...]:
    inner = tuple(map(_option, option.get("options") or ()))
    return option["name"], int(option["type"]), bool(option.get("required")), inner


def _paths(application_id: str, guilds: Sequence[int]) -> list[str]:
    root = f"/applications/{application_id}"
    return [f"{root}/guilds/{guild}/commands" for guild in guilds] or [f"{root}/commands"]


def _of_application(about: dict[str, Any]) -> list[Finding]:
    """Say what in the application's own settings would keep the bot from working."""
    found = []
    if about.get("interactions_endpoint_url"):
        found.append(
            Finding(
                "interactions",
                "bad",
                "Discord sends what people press to a web address instead of the bot.",
                f"Empty Interactions Endpoint URL at {AT_DISCORD}, General Information.",
            )
        )
    if about.get("bot_require_code_grant"):
        to_do = f"Switch off Requires OAuth2 Code Grant at {AT_DISCORD}, Bot."
        found.append(Finding("invite", "bad", "The invite link cannot work.", to_do))
    flags = int(about.get("flags") or 0)
    if granted := [name for name, bits in PRIVILEGED.items() if flags & bits]:
        told = f"On, though Limner needs none and asks for none: {', '.join(granted)}."
        found.append(Finding("intents", "ok", told, f"You may switch it off at {AT_DISCORD}, Bot."))
    else:
        found.append(Finding("intents", "ok", "No privileged intent is needed, none is on."))
    return found


def _of_servers(servers: Sequence[dict[str, Any]], guilds: Sequence[int], address: str) -> list[Finding]:
    """Say of each server wanted (none named: of all it is in) whether the bot is there with its permissions."""
    by_id = {int(server["id"]): server for server in servers}
    if not by_id and not guilds:
        return [Finding("servers", "warn", "The bot is in no server yet.", f"Invite it: {address}")]
    found = []
    for guild in guilds or sorted(by_id):
        if guild not in by_id:
            told = f"The bot is not in server {guild}, which discord.guilds names."
            found.append(Finding("servers", "bad", told, f"Invite it: {address}"))
            continue
        held = discord.Permissions(int(by_id[guild].get("permissions") or 0))
        missing = discord.Permissions(0 if held.administrator else PERMISSIONS.value & ~held.value)
        name = str(by_id[guild].get("name", guild))
        if missing.value:
            told = f"In {name} it lacks: {named(missing)}."
            to_do = "Give its role these, or invite it again; channels may take some away again."
            found.append(Finding("servers", "bad", told, to_do))
        else:
            found.append(Finding("servers", "ok", f"In {name} it has every permission it needs."))
    return found
