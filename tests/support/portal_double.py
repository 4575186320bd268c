"""A Discord on loopback for what the set-up asks of it: who a token is, its application, servers and commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.needs import PERMISSIONS

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789"
OTHER = "MTIzNDU2Nzg5MDEyMzQ1Njc5.Gabcdf.abcdefghijklmnopqrstuvwxyz0123456780"


@dataclass
class Discord:
    """Hold what this Discord says, and what it was asked; `status` answers everything with an error instead."""

    base: str = ""
    status: int | None = None
    about: dict[str, Any] = field(default_factory=lambda: {"id": "111", "name": "Limner", "flags": 0})
    servers: list[dict[str, Any]] = field(default_factory=list)
    commands: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def join(self, guild: int, permissions: int = PERMISSIONS.value, name: str = "studio") -> None:
        self.servers.append({"id": str(guild), "name": name, "permissions": str(permissions)})

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        if self.status is not None:
            return web.json_response({"message": "no"}, status=self.status)
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)
        match request.path:
            case "/users/@me":
                return web.json_response({"id": "111", "username": "limner", "bot": True})
            case "/oauth2/applications/@me":
                return web.json_response(self.about)
            case "/users/@me/guilds":
                return web.json_response(self.servers)
        return await self._of_commands(request)

    async def _of_commands(self, request: web.Request) -> web.Response:
        guild = request.path.split("/guilds/")[1].split("/")[0] if "/guilds/" in request.path else ""
        if guild and guild not in [server["id"] for server in self.servers]:
            return web.json_response({"message": "Missing Access", "code": 50001}, status=403)
        if request.method == "PUT":
            self.commands[guild] = await request.json()
        return web.json_response(self.commands.get(guild, []))


@asynccontextmanager
async def discord() -> AsyncIterator[Discord]:
    """Listen on loopback."""
    double = Discord()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", double.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    double.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double
    finally:
        await runner.cleanup()
