"""Desk: the paths of the owner's screen; each is one call of the Studio, which lets the owner's session alone in."""

from __future__ import annotations

from aiohttp import web

from core.errors import BadInput
from core.studio import Studio
from web.asked import plain, read_json
from web.guards import read_body
from web.own import BODY, Door
from web.session import Visitor


class Desk:
    """Answer the owner; bodies must come within `body_s`."""

    def __init__(self, studio: Studio, body_s: float) -> None:
        self._studio, self._body_s = studio, body_s

    def routes(self, known: Door) -> list[web.RouteDef]:
        """Return every path."""
        return [
            web.get("/api/askers", known(self._askers)),
            web.get("/api/device", known(self._device)),
            web.post("/api/models", known(self._model)),
            web.get("/api/jobs/{id:[0-9A-Za-z]{1,26}}/log", known(self._log)),
        ]

    async def _askers(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response({"people": await self._studio.desk.people(visitor.person)})

    async def _device(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.desk.device(visitor.person))

    async def _model(self, request: web.Request, visitor: Visitor) -> web.Response:
        data = read_json(await read_body(request, BODY, self._body_s))
        name, what = data.get("model"), data.get("what")
        if not isinstance(name, str) or not isinstance(what, str):
            raise BadInput("model and what are texts.", 'Send {"model": "builtin", "what": "load"}.')
        return web.json_response(await self._studio.desk.model(visitor.person, plain(name, "model", 200), what))

    async def _log(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.desk.log(visitor.person, request.match_info["id"]))
