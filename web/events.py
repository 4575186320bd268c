"""Events: the Studio's watch over a WebSocket; durable events have an id and are replayed after the one last seen."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, cast

from aiohttp import WSCloseCode, web

from core.errors import BadInput
from core.studio import Studio
from core.tongues import Tongue
from web.session import Sessions, Visitor
from web.spoken import spoken, tongue_of

log = logging.getLogger(__name__)
HEARTBEAT_S = 20.0


class Events:
    """Answer /api/events; `close` ends every open socket, so that the program can stop."""

    def __init__(self, studio: Studio, sessions: Sessions, tongues: Mapping[str, Tongue]) -> None:
        self._studio, self._sessions, self._tongues = studio, sessions, tongues
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the one path."""
        return [web.get("/api/events", self._handle)]

    async def close(self, _: web.Application) -> None:
        """Close every socket; the pages come back by themselves."""
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"stopping")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        visitor = await self._sessions.visitor(request)
        after = _after(request)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=1024)
        if not socket.can_prepare(request).ok:
            raise BadInput("This address speaks WebSocket alone.", "Open it with a WebSocket.")
        await socket.prepare(request)
        self._open.add(socket)
        telling = asyncio.create_task(self._tell(socket, visitor, after, tongue_of(request, self._tongues)))
        try:
            # Nothing is expected from the page; reading is how its going is noticed.
            async for _ in socket:
                pass
        finally:
            self._open.discard(socket)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        return socket

    async def _tell(self, socket: web.WebSocketResponse, visitor: Visitor, after: int | None, tongue: Tongue) -> None:
        # watch is written as an async generator: closing it gives its place in the Feed back at once.
        watch = cast(Any, self._studio.watch(visitor.person, visitor.place, after))
        try:
            async with aclosing(watch) as events:
                async for event in events:
                    await socket.send_json(spoken(tongue, event) if tongue.sentences else event)
        except ConnectionError:
            return
        except Exception:
            log.exception("a page's events: an error that is ours")
            await socket.close(code=WSCloseCode.INTERNAL_ERROR)


def _after(request: web.Request) -> int | None:
    text = request.query.get("after")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise BadInput("after is no event's id.", "Send the id of the last event you have.")
    return int(text)
