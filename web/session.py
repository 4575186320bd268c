"""Sessions: who is on the other side, told by the page's cookie or a program's bearer."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web

from core.account import Account
from core.errors import NotAllowed
from core.passwords import hashed
from core.person import OWNER, Person, Place
from core.ports import Archive
from core.records import Clock
from web.wire import NoSession

SESSION_S = 30 * 24 * 3600
FACE_HEADER = "X-Limner-Face"
FORWARDED = "X-Forwarded-For"
HOUSEHOLD = 64
"""How many bits of an IPv6 address tell who it is: a house has the others for itself."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Be the Person of one HTTP message and the Place where they stand.

    account: the one the session was opened by; session: what is kept of it, None for a program with the bearer.
    """

    person: Person
    place: Place
    account: str | None = None
    session: str | None = None


class Sessions:
    """Open sessions for who brings this start's secret or an account, and tell whose a message is.

    Only the sha256 of a session's token is kept (in SQL, so it outlives the program); tokens are made here alone, a
    cookie with any other value is nobody's. origins: each Host with its Origin; proxies: whose word counts.
    """

    def __init__(
        self,
        archive: Archive,
        clock: Clock,
        randomness: Callable[[int], bytes],
        *,
        secret: str,
        bearer: str,
        port: int,
        origins: Mapping[str, str],
        proxies: Sequence[str] = (),
    ) -> None:
        self._archive, self._clock, self._randomness = archive, clock, randomness
        self._secret, self._bearer, self._port, self._origins = secret, bearer, port, origins
        self._proxies = [ipaddress.ip_network(each) for each in proxies]
        self._tells: list[Callable[[], Awaitable[None]]] = []

    def tell(self, tell: Callable[[], Awaitable[None]]) -> None:
        """Have something awaited whenever sessions ended."""
        self._tells.append(tell)

    async def ended(self) -> None:
        """Tell that sessions ended, so that what they hold open is looked at."""
        for tell in self._tells:
            await tell()

    async def enter(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Set the cookie of a new session on the answer where the address holds this start's secret."""
        if _equal(request.query.get("secret", ""), self._secret):
            await self._open(request, answer, OWNER, None)

    async def sign_in(self, request: web.Request, answer: web.StreamResponse, account: Account) -> None:
        """Open a session for an account, in place of the one this browser had."""
        await self.sign_out(request, answer)
        await self._open(request, answer, account.person, account)

    async def sign_out(self, request: web.Request, answer: web.StreamResponse) -> None:
        """End this browser's session, where it has one."""
        name, _ = self._cookie(request)
        if name in request.cookies:
            await self._archive.end_session(hashed(request.cookies[name]))
            answer.del_cookie(name, path="/", secure=name.startswith("__Host-"), httponly=True, samesite="Strict")
            await self.ended()

    async def visitor(self, request: web.Request) -> Visitor:
        """Return who sent a message; raise NoSession where nobody can tell."""
        claim = request.headers.get(hdrs.AUTHORIZATION)
        if claim is not None:
            if not _equal(claim, f"Bearer {self._bearer}"):
                raise NoSession("This bearer is not that of the running Limner.", "It stands in data/run.json.")
            return _standing(OWNER, request.headers.get(FACE_HEADER, "web"))
        token = request.cookies.get(self._cookie(request)[0])
        session = None if token is None else hashed(token)
        found = None if session is None else await self._archive.session(session)
        if found is None:
            raise NoSession("This browser is not known here.", "Open the page by the address that ./limner prints.")
        person, account = found
        return _standing(OWNER if person == OWNER.id else Person(person, account or ""), "web", account, session)

    async def program(self, request: web.Request) -> Visitor:
        """Return the owner where a message brings the bearer; raise NotAllowed for every session, the owner's too."""
        visitor = await self.visitor(request)
        if visitor.session is not None:
            raise NotAllowed("That is done on the command line alone.", "./limner people --help")
        return visitor

    def address(self, request: web.Request) -> str:
        """Return from where a message came: what the outermost trusted proxy says, an IPv6 address by its network."""
        hops = [each.strip() for each in ",".join(request.headers.getall(FORWARDED, [])).split(",") if each.strip()]
        found = request.remote or ""
        while hops and self._is_proxy(found):
            found = hops.pop()
        try:
            parsed = ipaddress.ip_address(found)
        except ValueError:
            return "unknown"
        return str(ipaddress.ip_network((parsed, HOUSEHOLD), strict=False)) if parsed.version == 6 else str(parsed)

    def _is_proxy(self, address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) in network for network in self._proxies)
        except ValueError:
            return False

    async def _open(
        self, request: web.Request, answer: web.StreamResponse, person: Person, account: Account | None
    ) -> None:
        token = self._randomness(32).hex()
        expires = self._clock() + SESSION_S * 1000
        if not await self._archive.open_session(hashed(token), person.id, expires, account):
            raise NotAllowed("This account changed at this moment.", "Sign in again.")
        name, secure = self._cookie(request)
        answer.set_cookie(name, token, max_age=SESSION_S, httponly=True, samesite="Strict", path="/", secure=secure)

    def _cookie(self, request: web.Request) -> tuple[str, bool]:
        """Return the cookie's name at this Host, and whether it travels by TLS alone."""
        secure = self._origins.get(request.headers.get(hdrs.HOST, "").lower(), "").startswith("https://")
        # Cookies know hosts but no ports: the name keeps two Limners on one machine apart.
        return (f"__Host-limner-{self._port}" if secure else f"limner-{self._port}"), secure


def _standing(person: Person, face: str, account: str | None = None, session: str | None = None) -> Visitor:
    """Return a Person in their own feed; a face the page does not speak for is the page's own."""
    return Visitor(person, Place.of("cli" if face == "cli" else "web", {"feed": person.id}), account, session)


def _equal(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), known.encode())
