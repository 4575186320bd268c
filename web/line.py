"""Line: one connection to a Limner that runs already; every answer is JSON, bytes, or its error raised here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from core.errors import NotFound, Unavailable
from core.person import Place
from web.asked import DIGEST, ID
from web.session import FACE_HEADER
from web.wire import error_from

# Painting is never waited for here: every answer comes from the log.
TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=5)


class Line:
    """Speak to the Limner at `url` with the owner's bearer."""

    def __init__(self, url: str, bearer: str) -> None:
        self._url = url.partition("?")[0].rstrip("/")
        self._headers = {"Authorization": f"Bearer {bearer}", "X-Limner": "1"}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def json(self, method: str, path: str, place: Place | None = None, **more: Any) -> Any:
        """Return what a path answers."""
        async with self.answer(method, path, place, **more) as answer:
            return await answer.json()

    async def bytes(self, method: str, path: str, place: Place | None = None, **more: Any) -> tuple[bytes, str]:
        """Return the bytes a path answers with, and their type."""
        async with self.answer(method, path, place, **more) as answer:
            return await answer.read(), answer.content_type

    @asynccontextmanager
    async def answer(
        self, method: str, path: str, place: Place | None = None, **more: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Give an answer that is no error, to be read by the caller."""
        try:
            async with self._opened().request(method, self._url + path, headers=_dressed(place), **more) as answer:
                if answer.status >= 400:
                    raise error_from(await answer.json())
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _silent() from error

    async def events(self, place: Place, params: dict[str, str]) -> AsyncIterator[Any]:
        """Yield what comes over the WebSocket until it ends."""
        try:
            async with self._opened().ws_connect(
                f"{self._url}/api/events", params=params, headers=_dressed(place), heartbeat=20.0, max_msg_size=2**24
            ) as socket:
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        yield message.json()
        except aiohttp.ClientError as error:
            raise _silent() from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=TIMEOUT)
        return self._session


def _dressed(place: Place | None) -> dict[str, str]:
    return {} if place is None else {FACE_HEADER: place.face}


def _silent() -> Unavailable:
    return Unavailable("The running Limner does not answer.", "See whether it runs; start it with ./limner.")


def path_id(typed: str) -> str:
    """Return an id or tail fit for a path; anything else is nobody's id."""
    if ID.fullmatch(typed) is None and DIGEST.fullmatch(typed) is None:
        raise NotFound(f"There is no job or picture {typed[:40]}.", "See your own with history.")
    return typed
