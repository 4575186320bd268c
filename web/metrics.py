"""Metrics: what Prometheus reads, for programs of this machine and for the owner."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from core.access import only_owner
from web.session import Sessions

FORM = "text/plain; version=0.0.4; charset=utf-8"
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
"""Headers of a proxy: what comes through one comes from elsewhere, whoever brings it."""


class Metrics:
    """Answer /metrics; read: everything measured, in Prometheus' text form. It holds no words and no Person."""

    def __init__(self, read: Callable[[], Awaitable[str]], sessions: Sessions) -> None:
        self._read, self._sessions = read, sessions

    def routes(self) -> list[web.RouteDef]:
        """Return the one path."""
        return [web.get("/metrics", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        if not _is_here(request):
            only_owner((await self._sessions.visitor(request)).person)
        return web.Response(body=(await self._read()).encode(), headers={hdrs.CONTENT_TYPE: FORM})


def _is_here(request: web.Request) -> bool:
    # By Host too: a proxy may say nothing of whom it speaks for.
    host = "127.0.0.1" if request.url.host == "localhost" else request.url.host
    if any(name in request.headers for name in PASSED_ON):
        return False
    try:
        return all(ipaddress.ip_address(each or "").is_loopback for each in (request.remote, host))
    except ValueError:
        return False
