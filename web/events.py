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
from web.wire import NoSession

log = logging.getLogger(__name__)
HEARTBEAT_S = 20.0
LOOK_S = 10.0


class Events:
    """Answer /api/events; `close` ends every open socket, so that the program can stop, `check` those of nobody."""

    def __init__(self, studio: Studio, sessions: Sessions, tongues: Mapping[str, Tongue]) -> None:
        self._studio, self._sessions, self._tongues = studio, sessions, tongues
        self._open: dict[web.WebSocketResponse, web.Request] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the one path."""
        return [web.get("/api/events", self._handle)]

    async def close(self, _: web.Application) -> None:
        """Close every socket; the pages come back by themselves."""
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"stopping")

    async def check(self) -> None:
        """Close every socket whose session has ended."""
        for socket, request in list(self._open.items()):
            try:
                await self._sessions.visitor(request)
            except NoSession:
                await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"the session ended")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        visitor = await self._sessions.visitor(request)
        after = _after(request)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=1024)
        if not socket.can_prepare(request).ok:
            raise BadInput("This address speaks WebSocket alone.", "Open it with a WebSocket.")
        await socket.prepare(request)
        self._open[socket] = request
        telling = asyncio.create_task(self._tell(socket, request, visitor, after))
        try:
            # Nothing is expected from the page; reading is how its going is noticed.
            async for _ in socket:
                pass
        finally:
            self._open.pop(socket, None)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        return socket

    async def _tell(
        self, socket: web.WebSocketResponse, request: web.Request, visitor: Visitor, after: int | None
    ) -> None:
        tongue, clock = tongue_of(request, self._tongues), asyncio.get_running_loop().time
        looked = clock()
        # watch is written as an async generator: closing it gives its place in the Feed back at once.
        watch = cast(Any, self._studio.watch(visitor.person, visitor.place, after))
        try:
            async with aclosing(watch) as events:
                async for event in events:
                    # Another program on the same database may have ended the session.
                    if clock() > looked + LOOK_S:
                        await self._sessions.visitor(request)
                        looked = clock()
                    await socket.send_json(spoken(tongue, event) if tongue.sentences else event)
        except ConnectionError:
            return
        except NoSession:
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"the session ended")
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
