"""Shared: the page behind a share link, and its paths for who makes and ends them; no script, no session."""

from __future__ import annotations

import html
from collections.abc import Mapping
from string import Template

from aiohttp import hdrs, web

from core.errors import BadInput, StudioError
from core.studio import Studio
from core.tongues import Tongue
from web.asked import read_json
from web.assets import FOLDER
from web.guards import PICTURE_POLICY, read_body
from web.own import BODY, Door
from web.session import Visitor
from web.spoken import tongue_of
from web.wire import status_of

TOKEN = "{token:[A-Za-z0-9_-]{43}}"
POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
UNSEEN = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Signs that turn a line round."""

HEADERS = {"Content-Security-Policy": POLICY, "X-Robots-Tag": "noindex, nofollow, noarchive"}


class Shared:
    """Answer whoever follows a share link."""

    def __init__(self, studio: Studio, tongues: Mapping[str, Tongue]) -> None:
        self._studio, self._tongues = studio, tongues
        self._page = Template((FOLDER / "shared.html").read_text(encoding="utf-8"))

    def routes(self) -> list[web.RouteDef]:
        """Return the paths."""
        return [web.get(f"/shared/{TOKEN}", self._show), web.get(f"/shared/{TOKEN}/file", self._file)]

    async def _show(self, request: web.Request) -> web.Response:
        token, tongue = request.match_info["token"], tongue_of(request, self._tongues)
        words, status = tongue.words, 200
        try:
            told = await self._studio.sharing.shown(token)
        except StudioError as error:
            status = status_of(error)
            whole = f"{tongue.said(error.sentence)} {tongue.said(error.hint)}"
            body = f"<p>{html.escape(whole)}</p>"
        else:
            alt = told["prompt"] or words["shared.alt"]
            size = f'width="{told["width"]}" height="{told["height"]}"'
            body = f'<img src="/shared/{token}/file" alt="{_plain(alt)}" {size}>'
            rows = [(words["shared.prompt"], told["prompt"]), (words["shared.avoid"], told["avoid"]),
                    (words["shared.facts"], tongue.listed(told["facts"]))]  # fmt: skip
            body += "<dl>" + "".join(f"<dt>{_plain(name)}</dt><dd>{_plain(each)}</dd>" for name, each in rows if each)
            body += "</dl>"
        page = self._page.substitute(language=tongue.id, title=_plain(words["shared.title"]), body=body)
        return web.Response(text=page, content_type="text/html", status=status, headers=HEADERS)

    async def _file(self, request: web.Request) -> web.Response:
        raw, kind = await self._studio.sharing.file(request.match_info["token"])
        headers = {**HEADERS, "Content-Security-Policy": PICTURE_POLICY,
                   hdrs.CONTENT_DISPOSITION: 'inline; filename="limner.png"'}  # fmt: skip
        return web.Response(body=raw, content_type=kind, headers=headers)


class Sharing:
    """Make and end share links; bodies must come within `body_s`."""

    def __init__(self, studio: Studio, body_s: float) -> None:
        self._studio, self._body_s = studio, body_s

    def routes(self, known: Door) -> list[web.RouteDef]:
        """Return every path."""
        return [
            web.get("/api/pictures/{id:[0-9A-Za-z]{1,26}}/share", known(self._links)),
            web.post("/api/pictures/{id:[0-9A-Za-z]{1,26}}/share", known(self._share)),
            web.post("/api/pictures/{id:[0-9A-Za-z]{1,26}}/unshare", known(self._unshare)),
        ]

    async def _links(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(
            await self._studio.sharing.links(visitor.person, visitor.place, request.match_info["id"])
        )

    async def _share(self, request: web.Request, visitor: Visitor) -> web.Response:
        data = read_json(await read_body(request, BODY, self._body_s))
        words, days = data.get("words", False), data.get("days")
        if not isinstance(words, bool) or not (days is None or isinstance(days, int) and not isinstance(days, bool)):
            raise BadInput("A share link is {words, days}.", 'Send {"words": true, "days": 30}, or null for no end.')
        picture_id = request.match_info["id"]
        return web.json_response(
            await self._studio.sharing.share(visitor.person, visitor.place, picture_id, words, days), status=201
        )

    async def _unshare(self, request: web.Request, visitor: Visitor) -> web.Response:
        return web.json_response(
            await self._studio.sharing.unshare(visitor.person, visitor.place, request.match_info["id"])
        )


def _plain(words: str) -> str:
    return html.escape(words.translate(UNSEEN))
