"""The loopback Discord's gateway: identify, resume with what was missed, heartbeats that may die."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.support.loopback.store import APPLICATION_ID, BOT_ID, CHANNEL_ID, GUILD_ID, OWNER_ID, member, person

DISPATCH, BEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11


@dataclass(slots=True)
class Session:
    """Be one session: its events in order, and the line that is open, if any."""

    id: str
    events: list[str] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None


class Gateway:
    """Bring events to every session. alive: heartbeats are answered; up: lines are taken."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.alive = True
        self.up = True
        self.beat_ms = 40_000
        self.url = ""
        self.identified = asyncio.Event()
        self.identifies = 0
        self.resumed = 0

    async def tell(self, name: str, data: dict[str, Any]) -> None:
        """Send an event to every session; it is kept for a resume."""
        for session in self.sessions.values():
            await self._dispatch(session, name, data)

    async def cut(self) -> None:
        """Close every line as a lost network does; sessions live on."""
        for session in self.sessions.values():
            if session.socket is not None:
                await session.socket.close(code=1006 if session.socket.closed else 4000)

    def forget(self) -> None:
        """Forget every session: what comes back must identify anew."""
        self.sessions.clear()
        self.identified.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Be one line."""
        if not self.up:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": HELLO, "d": {"heartbeat_interval": self.beat_ms}, "s": None, "t": None})
        mine: Session | None = None
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            told = json.loads(message.data)
            if told["op"] == BEAT and self.alive:
                await socket.send_json({"op": ACK, "d": None, "s": None, "t": None})
            elif told["op"] == IDENTIFY:
                mine = await self._identify(socket)
            elif told["op"] == RESUME:
                mine = await self._resume(socket, told["d"])
        if mine is not None and mine.socket is socket:
            mine.socket = None
        return socket

    async def _identify(self, socket: web.WebSocketResponse) -> Session:
        self.identifies += 1
        session = Session(f"session{self.identifies}", socket=socket)
        self.sessions[session.id] = session
        ready = {
            "v": 10, "user": person(BOT_ID, bot=True), "guilds": [{"id": str(GUILD_ID), "unavailable": True}],
            "session_id": session.id, "resume_gateway_url": self.url, "shard": [0, 1],
            "application": {"id": str(APPLICATION_ID), "flags": 0},
        }  # fmt: skip
        await self._dispatch(session, "READY", ready)
        await self._dispatch(session, "GUILD_CREATE", guild())
        self.identified.set()
        return session

    async def _resume(self, socket: web.WebSocketResponse, told: dict[str, Any]) -> Session | None:
        session = self.sessions.get(told["session_id"])
        if session is None:
            await socket.send_json({"op": INVALID, "d": False, "s": None, "t": None})
            return None
        self.resumed += 1
        session.socket = socket
        for event in session.events[int(told["seq"]) :]:
            await socket.send_str(event)
        await self._dispatch(session, "RESUMED", {})
        return session

    async def replay(self, last: int) -> None:
        """Send each session its last events a second time, as a resume does whose sequence was behind."""
        for session in self.sessions.values():
            for event in session.events[-last:]:
                if session.socket is not None:
                    await session.socket.send_str(event)

    async def _dispatch(self, session: Session, name: str, data: dict[str, Any]) -> None:
        event = json.dumps({"op": DISPATCH, "t": name, "s": len(session.events) + 1, "d": data})
        session.events.append(event)
        if session.socket is not None and not session.socket.closed:
            try:
                await session.socket.send_str(event)
            except ConnectionError:
                session.socket = None


def guild() -> dict[str, Any]:
    """Return the server as the gateway tells of it."""
    everyone = {
        "id": str(GUILD_ID), "name": "@everyone", "color": 0, "colors": {"primary_color": 0}, "hoist": False,
        "position": 0, "permissions": str((1 << 53) - 1), "managed": False, "mentionable": False, "flags": 0,
    }  # fmt: skip
    channel = {
        "id": str(CHANNEL_ID), "type": 0, "name": "painting", "position": 0, "permission_overwrites": [], "nsfw": False,
    }  # fmt: skip
    return {
        "id": str(GUILD_ID), "name": "studio", "owner_id": str(OWNER_ID), "member_count": 2, "unavailable": False,
        "roles": [everyone], "channels": [channel], "members": [member(BOT_ID)], "emojis": [], "stickers": [],
        "threads": [], "voice_states": [], "presences": [], "stage_instances": [], "guild_scheduled_events": [],
        "soundboard_sounds": [], "features": [], "verification_level": 0, "default_message_notifications": 0,
        "explicit_content_filter": 0, "mfa_level": 0, "nsfw_level": 0, "premium_tier": 0, "preferred_locale": "en-US",
        "system_channel_flags": 0, "afk_timeout": 0, "large": False, "joined_at": "2026-01-01T00:00:00+00:00",
        "icon": None, "splash": None, "banner": None, "description": None, "rules_channel_id": None,
        "public_updates_channel_id": None, "premium_progress_bar_enabled": False, "vanity_url_code": None,
        "afk_channel_id": None, "system_channel_id": None, "application_id": None,
    }  # fmt: skip
