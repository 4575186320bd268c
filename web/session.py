"""Sessions: who is on the other side, told by the page's cookie or a program's bearer."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import hdrs, web

from core.person import OWNER, Person, Place
from core.ports import Archive
from core.records import Clock
from web.wire import NoSession

SESSION_S = 30 * 24 * 3600
FACE_HEADER = "X-Limner-Face"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Be the Person of one HTTP message and the Place where they stand."""

    person: Person
    place: Place


class Sessions:
    """Open sessions for who brings this start's secret, and tell whose a message is.

    Only the sha256 of a session's token is kept (in SQL, so it outlives the program); tokens are made here alone, a
    cookie with any other value is nobody's. On loopback every session is the owner's.
    """

    def __init__(
        self, archive: Archive, clock: Clock, randomness: Callable[[int], bytes], *, secret: str, bearer: str, port: int
    ) -> None:
        self._archive, self._clock, self._randomness = archive, clock, randomness
        self._secret, self._bearer = secret, bearer
        # Cookies know hosts but no ports: the name keeps two Limners on one machine apart.
        self.cookie = f"limner-{port}"

    async def enter(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Set the cookie of a new session on the answer where the address holds this start's secret."""
        if not _equal(request.query.get("secret", ""), self._secret):
            return
        token = self._randomness(32).hex()
        await self._archive.open_session(_sha256(token), OWNER.id, self._clock() + SESSION_S * 1000)
        answer.set_cookie(self.cookie, token, max_age=SESSION_S, httponly=True, samesite="Strict", path="/")

    async def visitor(self, request: web.Request) -> Visitor:
        """Return who sent a message; raise NoSession where nobody can tell."""
        claim = request.headers.get(hdrs.AUTHORIZATION)
        if claim is not None:
            if not _equal(claim, f"Bearer {self._bearer}"):
                raise NoSession("This bearer is not that of the running Limner.", "It stands in data/run.json.")
            return _standing(OWNER, request.headers.get(FACE_HEADER, "web"))
        token = request.cookies.get(self.cookie)
        person = None if token is None else await self._archive.session(_sha256(token))
        if person is None:
            raise NoSession("This browser is not known here.", "Open the page by the address that ./limner prints.")
        return _standing(OWNER if person == OWNER.id else Person(person), "web")


def _standing(person: Person, face: str) -> Visitor:
    """Return a Person in their own feed; a face the page does not speak for is the page's own."""
    return Visitor(person, Place.of("cli" if face == "cli" else "web", {"feed": person.id}))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _equal(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), known.encode())
