"""Handlers: each path of the page's interface, from HTTP to one call of the Studio and back."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast, get_args

from aiohttp import hdrs, web

from core.completing import completions
from core.draft import SKETCH_BYTES
from core.errors import BadInput
from core.picture import CompanionRole, Role, stem
from core.records import Form
from core.studio import Studio
from core.wording import TOO_MANY_BYTES
from web.asked import plain, read_ask, read_json, source
from web.desk import Desk
from web.entrance import Entrance
from web.guards import PICTURE_POLICY, read_body
from web.own import Known, Own
from web.pictures import Pictures
from web.session import Sessions, Visitor
from web.shared import Sharing
from web.wire import NoSession

JSON_BYTES = 1024 * 1024
# An enlarged Picture's PNG with its recipe: 2 x 2048 a side, hardly compressed.
PICTURE_BYTES = 64 * 1024 * 1024
FORMS: Mapping[str, str] = {"png": "png", "webp": "webp", "jpeg": "jpg", "thumb": "webp"}
"""Forms a Picture goes out in, and how the file's name ends."""
ROLES = ("picture", *get_args(CompanionRole))
"""What may be fetched by a Picture's id: it, or what is kept beside it."""


class Api:
    """Answer /api; `randomness` names what comes without a request_id, bodies must come within `body_s`."""

    def __init__(self, studio: Studio, sessions: Sessions, randomness: Callable[[int], bytes], body_s: float) -> None:
        self._studio, self._sessions, self._randomness, self._body_s = studio, sessions, randomness, body_s

    def routes(self) -> list[web.RouteDef]:
        """Return every path but the events'."""
        return [
            web.get("/api/health", self._health),
            web.post("/api/jobs", self._known(self._ask)),
            web.get("/api/jobs", self._known(self._history)),
            web.get("/api/jobs/{id:[0-9A-Za-z]{1,26}}", self._known(self._job)),
            web.post("/api/jobs/{id:[0-9A-Za-z]{1,26}}/cancel", self._known(self._cancel)),
            web.post("/api/sketches", self._known(self._take_sketch)),
            web.post("/api/sketches/from/{id:[0-9A-Za-z]{1,26}}", self._known(self._picture_as_sketch)),
            web.get("/api/sketches/{digest:[0-9a-f]{64}}", self._known(self._sketch_file)),
            web.post("/api/masks", self._known(self._take_mask)),
            web.post("/api/reproduce", self._known(self._reproduce)),
            web.post("/api/recipe", self._known(self._recipe)),
            web.get("/api/pictures/{id:[0-9A-Za-z]{1,26}}", self._known(self._picture)),
            web.get("/api/pictures/{id:[0-9A-Za-z]{1,26}}/file", self._known(self._picture_file)),
            web.get("/api/pictures/{id:[0-9A-Za-z]{1,26}}/origin", self._known(self._origin)),
            web.get("/api/models", self._known(self._models)),
            web.get("/api/completions", self._known(self._completions)),
            web.get("/api/addons", self._known(self._addons)),
            web.get("/api/audit", self._known(self._audit)),
            *Own(self._studio, self._body_s).routes(self._known),
            *Desk(self._studio, self._body_s).routes(self._known),
            *Pictures(self._studio, self._body_s).routes(self._known),
            *Entrance(self._studio, self._sessions, self._body_s).routes(self._known),
            *Sharing(self._studio, self._body_s).routes(self._known),
        ]

    def _known(self, handler: Known) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await handler(request, await self._sessions.visitor(request))

        return handle

    async def _health(self, request: web.Request) -> web.Response:
        """Tell everyone the state and how many audits found what, and who has a session the rest."""
        health = await self._studio.health()
        try:
            await self._sessions.visitor(request)
        except NoSession:
            return web.json_response({"state": health["state"], "audit": health["audit"]})
        return web.json_response(health)

    async def _ask(self, request: web.Request, visitor: Visitor) -> web.Response:
        data = read_json(await read_body(request, JSON_BYTES, self._body_s))
        sheets = await self._studio.ask(read_ask(data, visitor, self._randomness(16).hex()))
        return web.json_response({"jobs": sheets}, status=201)

    async def _history(self, request: web.Request, visitor: Visitor) -> web.Response:
        before = request.query.get("before")
        if before is not None and not re.fullmatch(r"[0-9A-Za-z]{26}", before):
            raise BadInput("before is no job's id.", "Send the id of the oldest job you have.")
        limit = _whole(request, "limit", 20, 1, 100)
        words = plain(request.query.get("words", ""), "words")
        return web.json_response({"jobs": await self._studio.history(visitor.person, before, limit, words)})

    async def _job(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.job(visitor.person, visitor.place, request.match_info["id"]))

    async def _cancel(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.cancel(visitor.person, visitor.place, request.match_info["id"]))

    async def _take_sketch(self, request: web.Request, visitor: Visitor) -> web.Response:
        raw = await read_body(request, SKETCH_BYTES, self._body_s, TOO_MANY_BYTES)
        return web.json_response(await self._studio.take_sketch(visitor.person, visitor.place, raw), status=201)

    async def _take_mask(self, request: web.Request, visitor: Visitor) -> web.Response:
        raw = await read_body(request, SKETCH_BYTES, self._body_s, TOO_MANY_BYTES)
        return web.json_response(await self._studio.take_mask(visitor.person, visitor.place, raw), status=201)

    async def _picture_as_sketch(self, request: web.Request, visitor: Visitor) -> web.Response:
        taken = await self._studio.picture_as_sketch(visitor.person, visitor.place, request.match_info["id"])
        return web.json_response(taken, status=201)

    async def _sketch_file(self, request: web.Request, visitor: Visitor) -> web.Response:
        digest, form = request.match_info["digest"], request.query.get("form", "png")
        if form not in ("png", "thumb"):
            raise BadInput("There is no such form of a sketch.", "There are: png, thumb.")
        if form == "thumb":
            raw = await self._studio.sketch_thumb(visitor.person, digest)
            return _pixels(raw, "image/webp", f"limner-sketch-{digest[:10]}.webp")
        raw = await self._studio.sketch_file(visitor.person, digest)
        return _pixels(raw, "image/png", f"limner-sketch-{digest[:10]}.png")

    async def _reproduce(self, request: web.Request, visitor: Visitor) -> web.Response:
        named = source(request.query.get("request_id"), self._randomness(16).hex())
        raw = await read_body(request, PICTURE_BYTES, self._body_s)
        sheets = await self._studio.reproduce_file(visitor.person, visitor.place, named, raw)
        return web.json_response({"jobs": sheets}, status=201)

    async def _recipe(self, request: web.Request, visitor: Visitor) -> web.Response:
        raw = await read_body(request, SKETCH_BYTES, self._body_s, TOO_MANY_BYTES)
        return web.json_response(await self._studio.read_recipe(visitor.person, visitor.place, raw))

    async def _picture(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.picture(visitor.person, visitor.place, request.match_info["id"]))

    async def _picture_file(self, request: web.Request, visitor: Visitor) -> web.Response:
        form, recipe = request.query.get("form", "png"), request.query.get("recipe")
        role = request.query.get("role", "picture")
        if form not in FORMS:
            raise BadInput("There is no such form of a picture.", f"There are: {', '.join(FORMS)}.")
        if recipe not in (None, "0", "1"):
            raise BadInput("recipe is 0 or 1.", "1 puts the recipe into the file.")
        if role not in ROLES:
            raise BadInput("There is no such role of a picture.", f"There are: {', '.join(ROLES)}.")
        picture_id = request.match_info["id"]
        raw, kind = await self._studio.picture_file(
            visitor.person,
            visitor.place,
            picture_id,
            cast(Form, form),
            None if recipe is None else recipe == "1",
            cast(Role, role),
        )
        return _pixels(raw, kind, f"limner-{stem(picture_id, cast(Role, role))}.{FORMS[form]}")

    async def _origin(self, request: web.Request, visitor: Visitor) -> web.Response:
        found = await self._studio.origin(visitor.person, visitor.place, request.match_info["id"])
        return web.json_response({"origin": found})

    async def _models(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response({"models": await self._studio.models()})

    async def _completions(self, request: web.Request, visitor: Visitor) -> web.Response:
        models = await self._studio.models()
        beside = {
            kind: [str(each["name"]) for each in cards if each["state"] == "ready"]
            for kind, cards in (await self._studio.addons()).items()
        }
        return web.json_response(
            completions((str(each["name"]) for each in models), beside["loras"], beside["controls"])
        )

    async def _addons(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(await self._studio.addons())

    async def _audit(self, request: web.Request, visitor: Visitor) -> web.Response:
        limit = _whole(request, "limit", 20, 1, 100)
        return web.json_response({"audits": await self._studio.audit(visitor.person, limit)})


def _pixels(raw: bytes, kind: str, name: str) -> web.Response:
    """Answer with an image of ours: it never changes, and it is never read as anything but an image."""
    headers: dict[str, Any] = {
        hdrs.CACHE_CONTROL: "private, max-age=31536000, immutable",
        hdrs.CONTENT_DISPOSITION: f'inline; filename="{name}"',
        "Content-Security-Policy": PICTURE_POLICY,
    }
    return web.Response(body=raw, content_type=kind, headers=headers)


def _whole(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,15}", text) or not low <= int(text) <= high:
        raise BadInput(f"{name} is a whole number from {low} to {high}.", f"Leave it out for {default}.")
    return int(text)
