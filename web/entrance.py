"""Entrance: the paths by which people come in and go, and those by which the owner's own programs make accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from core.account import Account
from core.errors import BadInput
from core.studio import Studio
from web.asked import read_json
from web.guards import read_body
from web.own import BODY, Door
from web.session import Sessions, Visitor

NAME = "/{name:[A-Za-z0-9_-]{1,40}}"
Open = Callable[[web.Request], Awaitable[web.StreamResponse]]
Program = Callable[[web.Request, Visitor, dict[str, Any]], Awaitable[dict[str, Any]]]


class Entrance:
    """Answer at the door; bodies must come within `body_s`."""

    def __init__(self, studio: Studio, sessions: Sessions, body_s: float) -> None:
        self._studio, self._sessions, self._body_s = studio, sessions, body_s

    def routes(self, known: Door) -> list[web.RouteDef]:
        """Return every path; `known` lets in only who has a session."""
        return [
            web.get("/api/me", known(self._me)),
            web.post("/api/link", self._link),
            web.post("/api/enter", self._enter),
            web.post("/api/sign-in", self._sign_in),
            web.post("/api/sign-out", known(self._sign_out)),
            web.post("/api/password", known(self._password)),
            web.get("/api/people", self._program(self._everyone)),
            web.post("/api/people", self._program(self._add)),
            web.post(f"/api/people{NAME}/link", self._program(self._new_link)),
            web.post(f"/api/people{NAME}/remove", self._program(self._remove)),
        ]

    async def _me(self, request: web.Request, visitor: Visitor) -> web.Response:
        name = visitor.account or visitor.person.name
        return web.json_response({"name": name, "owner": visitor.person.is_owner, "account": visitor.account})

    async def _link(self, request: web.Request) -> web.Response:
        given = await self._texts(request, "link")
        account = await self._studio.accounts.whose(given["link"], self._sessions.address(request))
        return web.json_response({"name": account.name})

    async def _enter(self, request: web.Request) -> web.Response:
        given = await self._texts(request, "link", "password")
        from_where = self._sessions.address(request)
        return await self._let_in(
            request, await self._studio.accounts.enter(given["link"], given["password"], from_where)
        )

    async def _sign_in(self, request: web.Request) -> web.Response:
        given = await self._texts(request, "name", "password")
        from_where = self._sessions.address(request)
        return await self._let_in(
            request, await self._studio.accounts.sign_in(given["name"], given["password"], from_where)
        )

    async def _password(self, request: web.Request, visitor: Visitor) -> web.Response:
        given = await self._texts(request, "old", "new")
        if visitor.account is None:
            raise BadInput(
                "This session belongs to no account, so it has no password.", "./limner people makes accounts."
            )
        from_where = self._sessions.address(request)
        return await self._let_in(
            request,
            await self._studio.accounts.change(visitor.account, given["old"], given["new"], from_where),
        )

    async def _let_in(self, request: web.Request, account: Account) -> web.Response:
        answer = web.json_response({"name": account.name})
        await self._sessions.sign_in(request, answer, account)
        # A new password ended the sessions there were.
        await self._sessions.ended()
        return answer

    async def _sign_out(self, request: web.Request, visitor: Visitor) -> web.Response:
        answer = web.json_response({})
        await self._sessions.sign_out(request, answer)
        return answer

    async def _everyone(self, request: web.Request, visitor: Visitor, given: dict[str, Any]) -> dict[str, Any]:
        return {"people": await self._studio.accounts.everyone(visitor.person)}

    async def _add(self, request: web.Request, visitor: Visitor, given: dict[str, Any]) -> dict[str, Any]:
        name, owner = given.get("name"), given.get("owner", False)
        if not isinstance(name, str) or not isinstance(owner, bool):
            raise BadInput("An account is {name, owner}.", 'Send {"name": "ann", "owner": false}.')
        return await self._studio.accounts.add(visitor.person, name, owner)

    async def _new_link(self, request: web.Request, visitor: Visitor, given: dict[str, Any]) -> dict[str, Any]:
        return await self._studio.accounts.link(visitor.person, request.match_info["name"])

    async def _remove(self, request: web.Request, visitor: Visitor, given: dict[str, Any]) -> dict[str, Any]:
        return await self._studio.accounts.remove(visitor.person, request.match_info["name"])

    def _program(self, handler: Program) -> Open:
        """Let in only who brings the bearer; what was asked may end sessions."""

        async def handle(request: web.Request) -> web.StreamResponse:
            visitor = await self._sessions.program(request)
            given = {} if request.method == "GET" else read_json(await read_body(request, BODY, self._body_s) or b"{}")
            told = await handler(request, visitor, given)
            await self._sessions.ended()
            return web.json_response(told)

        return handle

    async def _texts(self, request: web.Request, *names: str) -> dict[str, str]:
        data = read_json(await read_body(request, BODY, self._body_s))
        if set(data) != set(names) or not all(isinstance(each, str) for each in data.values()):
            raise BadInput(f"This takes {' and '.join(names)}, each a text.")
        return data
