"""Guards: what every HTTP message must pass and every answer carries, so that no other site reads or acts here."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import hdrs, web

from core.errors import BadInput, BadWords, LimitReached, NotAllowed, NotFound, StudioError
from core.records import Clock
from core.tongues import Tongue
from core.wording import NEUTRAL
from core.words import caret
from web.spoken import retold, tongue_of
from web.wire import TooLarge, TooSlow, WrongType, status_of

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

READS = frozenset({"GET", "HEAD"})
OWN_SITES = frozenset({"same-origin", "none"})
VISITED, SHARED = frozenset({"/", "/enter"}), "/shared/"
"""Pages that a link on another site may lead to, in a window of their own: none is anybody's in particular."""

MARK = "X-Limner"
"""A header that only our own page and programs send: a plain form or a foreign page without CORS cannot."""

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PICTURE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""Pictures and Sketches are nothing but pixels, even if a browser is talked into reading them as a page."""


class Guards:
    """Refuse what does not come from our own page or a program with the bearer; origins: each Host with its Origin."""

    def __init__(self, origins: Mapping[str, str], clock: Clock, tongues: Mapping[str, Tongue]) -> None:
        self._origins, self._clock, self._tongues = origins, clock, tongues

    def install(self, app: web.Application) -> None:
        """Put the guards before every handler and the headers on every answer."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            return retold(tongue_of(request, self._tongues), await self._answer(request, handler))

        app.middlewares.append(guarded)
        app.on_response_prepare.append(_dress)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._check(request)
            return await handler(request)
        except StudioError as error:
            return self._refusal(error)
        except web.HTTPException as error:
            return error if error.status < 400 else self._refusal(_ours(error))
        except ConnectionError:
            raise
        except Exception:
            # The query may hold words typed: only the path is logged.
            log.exception("%s %s: an error that is ours", request.method, request.path)
            return self._refusal(StudioError(NEUTRAL))

    def _check(self, request: web.Request) -> None:
        hosts = request.headers.getall(hdrs.HOST, [])
        ours = self._origins.get(hosts[0].lower()) if len(hosts) == 1 else None
        if ours is None:
            raise NotAllowed("Limner is not known under this address.", "Open it by the address it prints at start.")
        if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITES and not _is_visit(request):
            raise NotAllowed("Another site sent you here.", "Type the address of the page yourself.")
        changes = request.method not in READS
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None and (changes or _is_socket(request)) and hdrs.AUTHORIZATION not in request.headers:
            raise NotAllowed("It is not clear which site sent this.", "Use the page itself, or send the bearer.")
        if origin is not None and origin != ours:
            raise NotAllowed("Another site may not act here.", "Use the page itself.")
        if changes and request.content_type != "application/json" and request.headers.get(MARK) != "1":
            raise WrongType("This needs JSON or the header X-Limner: 1.", "Send Content-Type: application/json.")

    def _refusal(self, error: StudioError) -> web.Response:
        told = error.as_json()
        if isinstance(error, BadWords):
            told["caret"] = caret(error)
        answer = web.json_response(told, status=status_of(error))
        if isinstance(error, LimitReached) and error.opens_at is not None:
            wait_s = max(1, math.ceil((error.opens_at - self._clock()) / 1000))
            answer.headers[hdrs.RETRY_AFTER] = str(wait_s)
        if isinstance(error, TooLarge | TooSlow):
            answer.force_close()
        return answer


async def read_body(request: web.Request, most: int, within_s: float, told: tuple[str, str] | None = None) -> bytes:
    """Read a body of at most `most` bytes that comes within `within_s`; raise TooLarge, as told, or TooSlow."""
    too_large = TooLarge(*(told or (f"That is more than {most // 1024} kB.", "Send less.")))
    if (request.content_length or 0) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise TooSlow(f"The data did not come within {within_s:g} s.", "Send it again.") from None
    return bytes(body)


def _is_visit(request: web.Request) -> bool:
    """Say whether somebody followed a link from another site to a page that shows nothing to whom it does not know."""
    headers, path = request.headers, request.path
    whole = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    return whole and request.method in READS and (path in VISITED or path.startswith(SHARED))


def _is_socket(request: web.Request) -> bool:
    return request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"


def _ours(error: web.HTTPException) -> StudioError:
    """Return aiohttp's own refusals (no such path, no such method) in our form."""
    if error.status == 404:
        return NotFound("There is nothing at this address.", "See docs for the page's interface.")
    return BadInput(f"This address does not take that ({error.reason}).", "See docs for the page's interface.")


async def _dress(request: web.Request, answer: web.StreamResponse) -> None:
    headers = answer.headers
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["X-Frame-Options"] = "DENY"
    if hdrs.SERVER in headers:
        del headers[hdrs.SERVER]
