"""Page: the chat page's server; beyond this machine it listens only for people who have accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from core.ports import Archive
from core.records import Clock
from core.studio import Studio
from core.tongues import read_tongues
from web.assets import Assets
from web.binding import Where
from web.events import Events
from web.guards import Guards
from web.handlers import JSON_BYTES, Api
from web.metrics import Metrics
from web.session import Sessions
from web.shared import Shared


class Page:
    """Serve the page and /api; `secret` opens sessions until `stop`, `bearer` is for programs of this machine.

    clock is ms UTC, randomness gives n random bytes. A body must come within body_s, and all before it within idle_s,
    for which a connection may also lie still. metrics: what /metrics answers, which is not there without it.
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
        public_url: str = "",
        trusted_network: bool = False,
        proxies: Sequence[str] = (),
        body_s: float = 15.0,
        idle_s: float = 130.0,
        metrics: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._studio, self._archive = studio, archive
        self._where = Where(host, port, public_url, trusted_network, tuple(proxies))
        self._clock, self._bearer, self._secret, self._randomness = clock, bearer, secret, randomness
        self._body_s, self._idle_s, self._metrics = body_s, idle_s, metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen, and return the address that opens a session; port 0 takes any free one. Raises CannotBind."""
        self._where.check(bool(await self._archive.accounts()))
        listeners = self._where.listen()
        port = listeners[0].getsockname()[1]
        # No access log: addresses hold the secret and words typed. A short linger: who sends slowly is cut off.
        runner = web.AppRunner(
            self._app(port), access_log=None, shutdown_timeout=2.0, lingering_time=1.0, auto_decompress=False,
            keepalive_timeout=self._idle_s,
        )  # fmt: skip
        await runner.setup()
        for listener in listeners:
            await web.SockSite(runner, listener).start()
        self._runner = runner
        return f"{self._where.local(port)}/?secret={self._secret}"

    async def stop(self) -> None:
        """Close every socket and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _app(self, port: int) -> web.Application:
        origins = self._where.origins(port)
        sessions = Sessions(
            self._archive, self._clock, self._randomness, secret=self._secret, bearer=self._bearer, port=port,
            origins=origins, proxies=self._where.proxies,
        )  # fmt: skip
        tongues = read_tongues()
        events = Events(self._studio, sessions, tongues)
        sessions.tell(events.check)
        app = web.Application(client_max_size=JSON_BYTES)
        Guards(origins, self._clock, tongues).install(app)
        app.add_routes(Api(self._studio, sessions, self._randomness, self._body_s).routes())
        app.add_routes(events.routes())
        app.add_routes(Assets(sessions, tongues).routes())
        app.add_routes(Shared(self._studio, tongues).routes())
        if self._metrics is not None:
            app.add_routes(Metrics(self._metrics, sessions).routes())
        app.on_shutdown.append(events.close)
        return app
