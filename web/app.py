"""Page: the chat page's server; it listens on this machine alone."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from core.errors import CannotBind
from core.ports import Archive
from core.records import Clock
from core.studio import Studio
from core.tongues import read_tongues
from web.assets import Assets
from web.events import Events
from web.guards import Guards
from web.handlers import JSON_BYTES, Api
from web.metrics import Metrics
from web.session import Sessions


class Page:
    """Serve the page and /api; `secret` opens sessions until `stop`, `bearer` is for programs of this machine.

    clock is ms UTC, randomness gives n random bytes, a body must come within body_s; metrics: what /metrics
    answers, which is not there without it.
    """

    def __init__(
        self,
        studio: Studio,
        archive: Archive,
        *,
        host: str,
        port: int,
        clock: Clock,
        bearer: str,
        secret: str,
        randomness: Callable[[int], bytes],
        body_s: float = 15.0,
        metrics: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._studio, self._archive = studio, archive
        self._host, self._port = host, port
        self._clock, self._bearer, self._secret, self._randomness = clock, bearer, secret, randomness
        self._body_s, self._metrics = body_s, metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen, and return the address that opens a session; port 0 takes any free one. Raises CannotBind."""
        listener = _bind(self._host, self._port)
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        # No access log: addresses hold the secret and words typed. A short linger: who sends slowly is cut off.
        runner = web.AppRunner(
            self._app(shown, port), access_log=None, shutdown_timeout=2.0, lingering_time=1.0, auto_decompress=False
        )
        await runner.setup()
        await web.SockSite(runner, listener).start()
        self._runner = runner
        return f"http://{shown}:{port}/?secret={self._secret}"

    async def stop(self) -> None:
        """Close every socket and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _app(self, host: str, port: int) -> web.Application:
        sessions = Sessions(
            self._archive, self._clock, self._randomness, secret=self._secret, bearer=self._bearer, port=port
        )
        tongues = read_tongues()
        events = Events(self._studio, sessions, tongues)
        app = web.Application(client_max_size=JSON_BYTES)
        names = {host, "127.0.0.1", "localhost"}
        Guards(frozenset(f"{name}:{port}" for name in names), self._clock, tongues).install(app)
        app.add_routes(Api(self._studio, sessions, self._randomness, self._body_s).routes())
        app.add_routes(events.routes())
        app.add_routes(Assets(sessions, tongues).routes())
        if self._metrics is not None:
            app.add_routes(Metrics(self._metrics, sessions).routes())
        app.on_shutdown.append(events.close)
        return app


def _bind(host: str, port: int) -> socket.socket:
    address = "127.0.0.1" if host == "localhost" else host
    if not _is_loopback(address):
        raise CannotBind(
            f"The page does not listen on {host}: beyond this machine it needs accounts, and accounts come later.",
            'Set host = "127.0.0.1" under [page] in data/config.toml.',
        )
    try:
        return socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    except OSError as error:
        why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise CannotBind(
            f"Port {port} on {host} {why}.",
            "Set another port under [page] in data/config.toml; port = 0 takes any free one.",
        ) from error


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
