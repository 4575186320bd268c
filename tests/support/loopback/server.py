"""The loopback Discord: one aiohttp server, and the people who type and press."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import yarl
from aiohttp import web
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.support.loopback.gateway import Gateway
from tests.support.loopback.rest import API, Rest
from tests.support.loopback.store import (
    APPLICATION_ID,
    BOT_ID,
    CHANNEL_ID,
    GUILD_ID,
    PERMISSIONS,
    Asked,
    Clock,
    Store,
    member,
    wall,
)

STRING, INTEGER, NUMBER, ATTACHMENT = 3, 4, 10, 11


class Discord:
    """Be Discord: a store, a REST API, a gateway, and whoever asks."""

    def __init__(self, clock: Clock = wall) -> None:
        self.store = Store(clock)
        self.gateway = Gateway()
        self.rest = Rest(self.store, self.gateway.tell)
        self.size_limit = 10 * 1024 * 1024
        self.url = ""

    async def slash(self, name: str, person_id: int = 100, **options: Any) -> Asked:
        """Let somebody use a command."""
        typed = [
            {"name": key, "type": _kind(value), "value": str(value) if _kind(value) == ATTACHMENT else value}
            for key, value in options.items()
        ]
        data = {"id": "1", "name": name, "type": 1, "options": typed, "resolved": {}}
        return await self.interact(2, data, person_id)

    async def press(self, message: dict[str, Any], custom_id: str, person_id: int = 100) -> Asked:
        """Let somebody press a button."""
        data = {"custom_id": custom_id, "component_type": 2}
        return await self.interact(3, data, person_id, message)

    async def interact(
        self, kind: int, data: dict[str, Any], person_id: int, message: dict[str, Any] | None = None
    ) -> Asked:
        """Bring an interaction to the bot."""
        id_ = self.store.fresh_id()
        source = None if message is None else int(message["id"])
        asked = Asked(id_, f"token-{id_}", self.store.clock(), kind, CHANNEL_ID, person_id, source)
        self.store.asked[asked.token] = asked
        channel = {**self.store.channels[CHANNEL_ID], "permissions": PERMISSIONS}
        payload = {
            "id": str(id_), "application_id": str(APPLICATION_ID), "type": kind, "token": asked.token, "version": 1,
            "data": data, "channel_id": str(CHANNEL_ID), "channel": channel, "guild_id": str(GUILD_ID),
            "guild": {"id": str(GUILD_ID), "locale": "en-US", "features": []}, "member": member(person_id),
            "locale": "en-US", "guild_locale": "en-US", "entitlements": [], "context": 0,
            "app_permissions": PERMISSIONS, "authorizing_integration_owners": {"0": str(GUILD_ID)},
            "attachment_size_limit": self.size_limit,
        }  # fmt: skip
        if message is not None:
            payload["message"] = message
        await self.gateway.tell("INTERACTION_CREATE", payload)
        return asked

    async def say(self, words: str, person_id: int = 100, files: dict[str, bytes] | None = None) -> dict[str, Any]:
        """Let somebody write a message; a mention of the bot is one it may read."""
        message = self.store.post(CHANNEL_ID, {"content": words}, files or {}, author=person_id)
        mentions = [member(BOT_ID)["user"]] if f"<@{BOT_ID}>" in words else []
        told = {**message, "guild_id": str(GUILD_ID), "member": member(person_id), "mentions": mentions}
        await self.gateway.tell("MESSAGE_CREATE", told)
        return message

    async def remove_bot(self) -> None:
        """Let somebody take the bot from the server."""
        self.store.forbidden[CHANNEL_ID] = 50001
        await self.gateway.tell("GUILD_DELETE", {"id": str(GUILD_ID)})

    async def remove_channel(self) -> None:
        """Let somebody delete the channel."""
        self.store.gone.add(CHANNEL_ID)
        told = {
            **self.store.channels[CHANNEL_ID],
            "guild_id": str(GUILD_ID),
            "position": 0,
            "permission_overwrites": [],
        }
        await self.gateway.tell("CHANNEL_DELETE", told)

    async def take_down(self, message_id: int) -> None:
        """Let a moderator delete a message."""
        message = self.store.messages.pop(message_id)
        told = {"id": str(message_id), "channel_id": message["channel_id"], "guild_id": str(GUILD_ID)}
        await self.gateway.tell("MESSAGE_DELETE", told)


@asynccontextmanager
async def loopback(clock: Clock = wall) -> AsyncIterator[Discord]:
    """Give a running Discord; at its end no request may have been one Discord does not describe."""
    here = Discord(clock)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes([*here.rest.routes(), web.get("/gateway/", here.gateway.handle)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    here.url = f"http://127.0.0.1:{port}"
    here.gateway.url = f"ws://127.0.0.1:{port}/gateway/"
    try:
        yield here
    finally:
        await runner.cleanup()
    assert not here.rest.wrong, here.rest.wrong


@contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """Let discord.py in this process speak to a loopback Discord."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    point_at(url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


def point_at(url: str) -> None:
    """Let discord.py in this process speak to a loopback Discord from now on."""
    Route.BASE = url + API
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url.replace("http", "ws", 1) + "/gateway/")


def body_of(asked: Asked) -> dict[str, Any]:
    """Return what an interaction was first answered with."""
    found: dict[str, Any] = json.loads(json.dumps(asked.callbacks[0]))
    return found


def _kind(value: Any) -> int:
    return INTEGER if isinstance(value, int) else NUMBER if isinstance(value, float) else STRING
