"""Assets: the page's own files, read once at start; a name is a key into that table, never a path."""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from core.errors import NotFound
from core.tongues import Tongue
from web.session import Sessions
from web.spoken import tongue_of

FOLDER = Path(__file__).parent / "static"
ZIPS = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """Hold one file of the page; zipped: the same, as nearly every browser takes it."""

    raw: bytes
    zipped: bytes
    kind: str
    etag: str


class Assets:
    """Answer / and /static; they hold nothing of anybody's, so they need no session."""

    def __init__(self, sessions: Sessions, tongues: Mapping[str, Tongue], folder: Path = FOLDER) -> None:
        self._sessions, self._tongues = sessions, tongues
        files = {path.name: read(path) for path in folder.iterdir() if path.suffix in TYPES}
        self._files = {name: asset for name, asset in files.items() if asset.kind != "text/html"}
        self._pages = {
            (name, tongue.id): said(files[f"{name}.html"], tongue, tongues)
            for name in ("index", "enter")
            for tongue in tongues.values()
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the page's paths."""
        return [web.get("/", self._index), web.get("/enter", self._enter), web.get("/static/{name}", self._static)]

    async def _index(self, request: web.Request) -> web.StreamResponse:
        """Serve the page; change a secret in the address for a session and take it out of the address."""
        if "secret" in request.query:
            answer = web.Response(status=303, headers={hdrs.LOCATION: "/"})
            await self._sessions.enter(request, answer)
            return answer
        return self._page(request, "index")

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        """Serve the page people sign in on."""
        return self._page(request, "enter")

    def _page(self, request: web.Request, name: str) -> web.Response:
        answer = _serve(request, self._pages[name, tongue_of(request, self._tongues).id])
        answer.headers[hdrs.VARY] = f"{hdrs.ACCEPT_ENCODING}, {hdrs.ACCEPT_LANGUAGE}, {hdrs.COOKIE}"
        return answer

    async def _static(self, request: web.Request) -> web.StreamResponse:
        asset = self._files.get(request.match_info["name"])
        if asset is None:
            raise NotFound("There is nothing at this address.", "The page is at /.")
        return _serve(request, asset)


def _serve(request: web.Request, asset: Asset) -> web.Response:
    # Always asked again, so that a new version of the program never meets an old page.
    # Zipped without fear of who measures its length: nothing in it is anybody's.
    small = ZIPS.search(request.headers.get(hdrs.ACCEPT_ENCODING, "")) is not None
    etag = asset.etag.replace("-", "-z") if small else asset.etag
    headers = {hdrs.CACHE_CONTROL: "no-cache", hdrs.ETAG: etag, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if request.headers.get(hdrs.IF_NONE_MATCH) == etag:
        return web.Response(status=304, headers=headers)
    body = asset.zipped if small else asset.raw
    if small:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, content_type=asset.kind, charset="utf-8", headers=headers)


def said(index: Asset, tongue: Tongue, tongues: Mapping[str, Tongue]) -> Asset:
    """Return the page in a language: its own words in their places, and all words for what it builds later."""
    blanks = {key: html.escape(text) for key, text in tongue.words.items()}
    blanks["language"] = tongue.id
    blanks["words"] = json.dumps(dict(tongue.words), ensure_ascii=False).replace("<", "\\u003c")
    blanks["languages"] = "".join(
        f'<option value="{each.id}" lang="{each.id}"{" selected" * (each is tongue)}>{html.escape(each.name)}</option>'
        for each in tongues.values()
    )
    text = re.sub(r"\{\{([a-z_.]+)\}\}", lambda found: blanks[found[1]], index.raw.decode())
    return _asset(text.encode(), index.kind)


def read(path: Path) -> Asset:
    """Read a file of the page."""
    return _asset(path.read_bytes(), TYPES[path.suffix])


def _asset(raw: bytes, kind: str) -> Asset:
    return Asset(raw, gzip.compress(raw, mtime=0), kind, f'"{hashlib.sha256(raw).hexdigest()[:32]}-"')
