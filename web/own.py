"""Own: the paths for what is a Person's own, and for what the owner decides; each is one call of the Studio."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import hdrs, web

from core.errors import BadInput, NotAllowed
from core.studio import Studio
from web.asked import plain, read_json
from web.guards import read_body
from web.session import Visitor

BODY = 64 * 1024
OVER_HTTP = frozenset(
    {"limit", "limit_role", "limit_channel", "limit_person", "pause", "resume", "drain", "default_model"}
)
"""The acts that a session may do; all others are done where they are about, in the chat itself."""

Known = Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]
Door = Callable[[Known], Callable[[web.Request], Awaitable[web.StreamResponse]]]


class Own:
    """Answer for one Person; `known` lets in only who has a session, bodies must come within `body_s`."""

    def __init__(self, studio: Studio, body_s: float) -> None:
        self._studio, self._body_s = studio, body_s

    def routes(self, known: Door) -> list[web.RouteDef]:
        """Return every path."""
        return [
            web.get("/api/admit", known(self._admit)),
            web.post("/api/jobs/{id:[0-9A-Za-z]{1,26}}/delete", known(self._delete)),
            web.get("/api/pictures/{id:[0-9A-Za-z]{1,26}}/show", known(self._show)),
            web.get("/api/styles", known(self._styles)),
            web.get("/api/manners", known(self._manners)),
            web.get("/api/defaults", known(self._defaults)),
            web.post("/api/defaults", known(self._set_defaults)),
            web.get("/api/limits", known(self._limits)),
            web.get("/api/queue", known(self._queue)),
            web.get("/api/export", known(self._export)),
            web.post("/api/erase", known(self._erase)),
            web.post("/api/acts", known(self._act)),
            web.get("/api/acts", known(self._acts)),
            web.post("/api/backup", known(self._backup)),
            web.get("/api/stats", known(self._stats)),
            web.get("/api/rules", known(self._rules)),
        ]

    async def _admit(self, request: web.Request, visitor: Visitor) -> web.Response:
        await self._studio.admit(visitor.person, visitor.place)
        return web.json_response({})

    async def _delete(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.delete(visitor.person, visitor.place, request.match_info["id"]))

    async def _show(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.show(visitor.person, visitor.place, request.match_info["id"]))

    async def _styles(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response({"styles": await self._studio.styles()})

    async def _manners(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.manners(visitor.place))

    async def _defaults(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response((await self._studio.people.defaults(visitor.person)).as_json())

    async def _set_defaults(self, request: web.Request, visitor: Visitor) -> web.Response:
        changes = await self._read(request)
        typed = changes.pop("typed", None)
        if typed is not None and not isinstance(typed, str):
            raise BadInput("typed is no text.", 'Send "--steps 30".')
        for name in ("person", "self"):
            changes.pop(name, None)
        if isinstance(suffix := changes.get("suffix"), str):
            changes["suffix"] = plain(suffix, "suffix")
        return web.json_response((await self._studio.people.set_defaults(visitor.person, typed, **changes)).as_json())

    async def _limits(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response({"limits": await self._studio.people.limits(visitor.person, visitor.place)})

    async def _queue(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response({"queue": await self._studio.people.queue(visitor.person, visitor.place)})

    async def _export(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        pieces = self._studio.people.export(visitor.person)
        # The first piece comes when the whole zip is made: what goes wrong before is an answer in words.
        first = await anext(pieces)
        answer = web.StreamResponse()
        answer.content_type = "application/zip"
        answer.headers[hdrs.CONTENT_DISPOSITION] = 'attachment; filename="limner-export.zip"'
        await answer.prepare(request)
        await answer.write(first)
        async for piece in pieces:
            await answer.write(piece)
        await answer.write_eof()
        return answer

    async def _erase(self, request: web.Request, visitor: Visitor) -> web.Response:
        data = await self._read(request)
        confirm, who = data.get("confirm"), data.get("who")
        if who is not None and not isinstance(who, str):
            raise BadInput("who is the id of a person.", "Leave it out for yourself.")
        return web.json_response(await self._studio.people.erase(visitor.person, str(confirm or ""), who))

    async def _act(self, request: web.Request, visitor: Visitor) -> web.Response:
        data = await self._read(request)
        what, detail = data.get("what"), data.get("detail", {})
        if (
            not isinstance(what, str)
            or not isinstance(detail, dict)
            or {"self", "person", "place", "what"} & set(detail)
        ):
            raise BadInput("An act is {what, detail}.", 'Send {"what": "pause", "detail": {}}.')
        if what not in OVER_HTTP:
            raise NotAllowed("That is not done over the page.", f"These are: {', '.join(sorted(OVER_HTTP))}.")
        return web.json_response(await self._studio.operator.act(visitor.person, visitor.place, what, **detail))

    async def _acts(self, request: web.Request, visitor: Visitor) -> web.Response:
        limit = request.query.get("limit", "20")
        if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= 100:
            raise BadInput("limit is a whole number from 1 to 100.", "Leave it out for 20.")
        return web.json_response({"acts": await self._studio.operator.acts(visitor.person, visitor.place, int(limit))})

    async def _backup(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.operator.backup(visitor.person))

    async def _stats(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.operator.stats(visitor.person, visitor.place))

    async def _rules(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.operator.rules(visitor.person, visitor.place))

    async def _read(self, request: web.Request) -> dict[str, Any]:
        return read_json(await read_body(request, BODY, self._body_s))
