"""Pictures: the paths of the gallery: pages of it, favourites, the family of one."""

from __future__ import annotations

import re

from aiohttp import web

from core.errors import BadInput
from core.recipe import SEEDS
from core.search import Search
from core.studio import Studio
from web.asked import plain, read_json
from web.guards import read_body
from web.own import BODY, Door
from web.session import Visitor

PAGE = 60
MOST = 200
LAST_MS = 10**15


class Pictures:
    """Answer for the Pictures a Person sees; bodies must come within `body_s`."""

    def __init__(self, studio: Studio, body_s: float) -> None:
        self._studio, self._body_s = studio, body_s

    def routes(self, known: Door) -> list[web.RouteDef]:
        """Return every path."""
        return [
            web.get("/api/pictures", known(self._page)),
            web.post("/api/pictures/{id:[0-9A-Za-z]{1,26}}/favourite", known(self._favourite)),
            web.get("/api/pictures/{id:[0-9A-Za-z]{1,26}}/family", known(self._family)),
        ]

    async def _page(self, request: web.Request, visitor: Visitor) -> web.Response:
        asked = request.query
        favourite = asked.get("favourite", "0")
        if favourite not in ("0", "1"):
            raise BadInput("favourite is 0 or 1.", "1 shows favourites alone.")
        model = asked.get("model")
        search = Search.of(
            plain(asked.get("words", ""), "words"),
            model=None if not model else plain(model, "model", 200),
            seed=_number(request, "seed", SEEDS - 1),
            since=_number(request, "since", LAST_MS),
            until=_number(request, "until", LAST_MS),
            favourite=favourite == "1",
        )
        limit = _number(request, "limit", MOST) or PAGE
        return web.json_response(await self._studio.gallery.page(visitor.person, search, asked.get("before"), limit))

    async def _favourite(self, request: web.Request, visitor: Visitor) -> web.Response:
        on = read_json(await read_body(request, BODY, self._body_s)).get("on")
        if not isinstance(on, bool):
            raise BadInput("on is true or false.", 'Send {"on": true}.')
        picture_id = request.match_info["id"]
        return web.json_response(await self._studio.gallery.favourite(visitor.person, visitor.place, picture_id, on))

    async def _family(self, request: web.Request, visitor: Visitor) -> web.Response:
        picture_id = request.match_info["id"]
        return web.json_response(await self._studio.gallery.family(visitor.person, visitor.place, picture_id))


def _number(request: web.Request, name: str, most: int) -> int | None:
    text = request.query.get(name)
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) > most:
        raise BadInput(f"{name} is a whole number from 0 to {most}.", "Leave it out to see all.")
    return int(text)
