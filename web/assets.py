"""Assets: the page's own files, read once at start; a name is a key into that table, never a path."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from core.errors import NotFound
from web.session import Sessions

FOLDER = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """Hold one file of the page."""

    raw: bytes
    kind: str
    etag: str


class Assets:
    """Answer / and /static; they hold nothing of anybody's, so they need no session."""

    def __init__(self, sessions: Sessions, folder: Path = FOLDER) -> None:
        self._sessions = sessions
        self._files = {path.name: _read(path) for path in folder.iterdir() if path.suffix in TYPES}

    def routes(self) -> list[web.RouteDef]:
        """Return the page's paths."""
        return [web.get("/", self._index), web.get("/static/{name}", self._static)]

    async def _index(self, request: web.Request) -> web.StreamResponse:
        """Serve the page; change a secret in the address for a session and take it out of the address."""
        if "secret" in request.query:
            answer = web.Response(status=303, headers={hdrs.LOCATION: "/"})
            await self._sessions.enter(request, answer)
            return answer
        return self._serve(request, "index.html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return self._serve(request, request.match_info["name"])

    def _serve(self, request: web.Request, name: str) -> web.Response:
        asset = self._files.get(name)
        if asset is None:
            raise NotFound("There is nothing at this address.", "The page is at /.")
        # Always asked again, so that a new version of the program never meets an old page.
        headers = {hdrs.CACHE_CONTROL: "no-cache", hdrs.ETAG: asset.etag}
        if request.headers.get(hdrs.IF_NONE_MATCH) == asset.etag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=asset.raw, content_type=asset.kind, charset="utf-8", headers=headers)


def _read(path: Path) -> Asset:
    raw = path.read_bytes()
    return Asset(raw, TYPES[path.suffix], f'"{hashlib.sha256(raw).hexdigest()[:32]}"')
