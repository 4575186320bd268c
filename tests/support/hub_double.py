"""A hub on loopback: model info, files behind redirects with ranges and etags, gates, and connections that break."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

COMMIT = "c0ffee" + "0" * 34


@dataclass
class HubDouble:
    """Hold what the hub has: repositories with their files, what of them is gated, and where connections break.

    cut: after how many bytes of a file's next fetch the connection breaks. spoil: files whose bytes are not those it
    speaks of. asked: every (path, Range) that was fetched; tokens: every Authorization that came.
    """

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cut: dict[str, int] = field(default_factory=dict)
    spoil: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    base: str = ""

    def app(self) -> web.Application:
        """Return its routes."""
        app = web.Application()
        app.router.add_get("/api/models/{maker}/{name}/revision/{revision}", self._info)
        app.router.add_get("/{maker}/{name}/resolve/{revision}/{path:.+}", self._resolve)
        app.router.add_get("/cdn/{maker}/{name}/{path:.+}", self._cdn)
        return app

    def _refused(self, request: web.Request) -> web.Response | None:
        id = f"{request.match_info['maker']}/{request.match_info['name']}"
        if token := request.headers.get("Authorization"):
            self.tokens.append(token)
        if id not in self.files:
            return web.json_response(
                {"error": "Repository not found"}, status=404, headers={"X-Error-Code": "RepoNotFound"}
            )
        if id in self.gated and not token:
            return web.json_response({"error": "gated"}, status=401, headers={"X-Error-Code": "GatedRepo"})
        return None

    async def _info(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        id = f"{request.match_info['maker']}/{request.match_info['name']}"
        siblings = [self._sibling(name, data) for name, data in self.files[id].items()]
        gated = "auto" if id in self.gated else False
        return web.json_response(
            {
                "id": id, "modelId": id, "sha": COMMIT, "siblings": siblings, "gated": gated, "private": False,
                "tags": [], "downloads": 0, "likes": 0, "cardData": self.cards.get(id, {}),
            }
        )  # fmt: skip

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        found: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": hashlib.sha1(data).hexdigest()}
        if name.endswith(".safetensors"):
            found["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return found

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        maker, name, path = (request.match_info[part] for part in ("maker", "name", "path"))
        data = self.files[f"{maker}/{name}"].get(path)
        if data is None:
            return web.json_response({}, status=404, headers={"X-Error-Code": "EntryNotFound"})
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}
        if path.endswith(".safetensors"):
            headers |= {"X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Linked-Size": str(len(data))}
            elsewhere = self.base.replace("127.0.0.1", "localhost")  # as the hub's: another host, which gets no token
            return web.Response(status=302, headers={**headers, "Location": f"{elsewhere}/cdn/{maker}/{name}/{path}"})
        if request.method == "GET":
            self.asked.append((path, ""))
        return web.Response(body=data, headers=headers)

    async def _cdn(self, request: web.Request) -> web.StreamResponse:
        assert "Authorization" not in request.headers
        path = request.match_info["path"]
        data = self.files[f"{request.match_info['maker']}/{request.match_info['name']}"][path]
        if path in self.spoil:
            data = bytes(len(data))
        wanted = request.headers.get("Range", "")
        if request.method == "GET":
            self.asked.append((path, wanted))
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        response = web.StreamResponse(status=206 if wanted else 200)
        response.content_length = len(data) - start
        if wanted:
            response.headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        await response.prepare(request)
        most = self.cut.pop(path, None) if request.method == "GET" else None
        await response.write(data[start : None if most is None else start + most])
        if most is not None and request.transport is not None:
            request.transport.abort()
        return response


@contextmanager
def hub() -> Iterator[HubDouble]:
    """Run a hub in a thread of its own, for the hub's library blocks."""
    double, loop = HubDouble(), asyncio.new_event_loop()
    runner = web.AppRunner(double.app(), handle_signals=False)

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        double.base = f"http://127.0.0.1:{runner.addresses[0][1]}"

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield double
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
