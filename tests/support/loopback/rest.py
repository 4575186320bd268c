"""The loopback Discord's REST: the routes Limner uses, each request held against Discord's own description."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.support.discord_schema import Description
from tests.support.loopback.faults import Fault
from tests.support.loopback.store import (
    APPLICATION_ID,
    BOT_ID,
    EPHEMERAL,
    GUILD_ID,
    LOADING,
    OWNER_ID,
    Asked,
    Call,
    Refused,
    Store,
    member,
    person,
)

API = "/api/v10"
ACK_S = 3.0
Told = Callable[[str, dict[str, Any]], Awaitable[None]]


class Rest:
    """Answer the bot's requests; tell: sends a gateway event. wrong: what Discord's description finds fault with."""

    def __init__(self, store: Store, tell: Told) -> None:
        self.store = store
        self.faults: list[Fault] = []
        self.wrong: list[str] = []
        # A benchmark measures the program, not what holds its requests against the description.
        self.checks = True
        self.ack_s = ACK_S
        self.seen: set[str] = set()
        self.upload_limit = 10 * 1024 * 1024
        self.commands: list[dict[str, Any]] = []
        self.slow = asyncio.Event()
        self.watch: Callable[[Call], None] = lambda call: None
        self._tell = tell
        self._description = Description()
        hook = "/webhooks/{application}/{token}/messages/@original"
        self._routes: tuple[tuple[str, str, Callable[[web.Request, Call], Any]], ...] = (
            ("GET", "/users/@me", lambda request, call: person(BOT_ID, bot=True)),
            ("GET", "/oauth2/applications/@me", lambda request, call: _application()),
            ("PUT", "/applications/{application}/commands", self._sync),
            ("PUT", "/applications/{application}/guilds/{guild}/commands", self._sync),
            ("POST", "/interactions/{id}/{token}/callback", self._callback),
            ("GET", hook, self._original),
            ("PATCH", hook, self._edit_original),
            ("DELETE", hook, self._delete_original),
            ("POST", "/webhooks/{application}/{token}", self._follow_up),
            ("POST", "/users/@me/channels", self._open_dm),
            ("GET", "/guilds/{guild}/members/{person}", self._member),
            ("GET", "/channels/{channel}/messages", self._history),
            ("POST", "/channels/{channel}/messages", self._send),
            ("GET", "/channels/{channel}/messages/{message}", self._message),
            ("PATCH", "/channels/{channel}/messages/{message}", self._edit),
            ("DELETE", "/channels/{channel}/messages/{message}", self._delete),
        )

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for aiohttp."""
        return [web.route(method, API + path, self._answering(work)) for method, path, work in self._routes]

    def _answering(
        self, work: Callable[[web.Request, Call], Any]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            call = await _read(request)
            self.store.calls.append(call)
            if self.checks:
                name, found = self._description.findings(call.method, call.path, call.query, call.body)
                self.seen.add(name)
                self.wrong += found
            response = await self._respond(request, call, work)
            call.status = response.status
            return response

        return answer

    async def _respond(
        self, request: web.Request, call: Call, work: Callable[[web.Request, Call], Any]
    ) -> web.StreamResponse:
        fault = next((each for each in self.faults if each.strikes(call.method, call.path)), None)
        if fault is not None and fault.kind in ("refuse", "rate"):
            if fault.hit is not None:
                fault.hit()
            return _limited(fault) if fault.kind == "rate" else _no(Refused(fault.status, fault.code, "planted"))
        if fault is not None and fault.kind == "slow":
            await self.slow.wait()
        try:
            self._check_files(call)
            found = work(request, call)
            found = await found if asyncio.iscoroutine(found) else found
        except Refused as refused:
            return _no(refused)
        if fault is not None and fault.hit is not None:
            fault.hit()
        if fault is not None and fault.kind == "drop" and request.transport is not None:
            request.transport.close()
        if fault is not None and fault.kind == "after":
            return _no(Refused(fault.status, 0, "planted"))
        self.watch(call)
        return web.Response(status=204) if found is None else _json(found)

    def _check_files(self, call: Call) -> None:
        """Hold what the description cannot: files have their entry, shown files are there, none is too large."""
        if any(len(data) > self.upload_limit for data in call.files.values()):
            raise Refused(413, 40005, "Request entity too large")
        body = call.body.get("data", call.body) if isinstance(call.body, dict) else {}
        listed = {str(each["id"]) for each in body.get("attachments") or []}
        assert not call.files or {str(n) for n in range(len(call.files))} <= listed, "a file without its entry"
        shown = {name for name in call.files}
        for name in _attached(body.get("components")):
            assert name in shown, f"{name} is shown, but was not sent"

    def _sync(self, _: web.Request, call: Call) -> list[dict[str, Any]]:
        # A menu has no description; Discord tells an empty one.
        common = {"application_id": str(APPLICATION_ID), "version": "1", "type": 1, "description": ""}
        self.commands = [{"id": str(self.store.fresh_id()), **common, **each} for each in call.body]
        return self.commands

    async def _callback(self, request: web.Request, call: Call) -> dict[str, Any]:
        asked = self.store.asked.get(request.match_info["token"])
        now = self.store.clock()
        if asked is None or (asked.answered_at is None and now - asked.at > self.ack_s * 1000):
            raise Refused(404, 10062, "Unknown interaction")
        if asked.answered_at is not None:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        asked.answered_at = now
        asked.callbacks.append(call.body)
        told = {"id": str(asked.id), "type": asked.kind}
        resource = await self._act(asked, call)
        found: dict[str, Any] = {"interaction": told, "resource": {"type": call.body["type"], **resource}}
        if asked.answer_id is not None:
            told["response_message_id"] = str(asked.answer_id)
        return found

    async def _act(self, asked: Asked, call: Call) -> dict[str, Any]:
        kind, body = call.body["type"], call.body.get("data") or {}
        if kind in (4, 5):
            if kind == 5:
                body = {"flags": LOADING | int(body.get("flags") or 0)}
            message = self.store.post(asked.channel_id, body, call.files)
            asked.answer_id = int(message["id"])
            if not int(message["flags"]) & EPHEMERAL:
                await self._tell("MESSAGE_CREATE", {**message, "guild_id": str(GUILD_ID)})
            return {"message": message}
        asked.answer_id = asked.source_id
        if kind == 7 and asked.source_id is not None:
            return {"message": self.store.edit(asked.source_id, body, call.files)}
        return {}

    def _original(self, request: web.Request, _: Call) -> dict[str, Any]:
        return self.store.messages[self.store.original(request.match_info["token"])]

    def _edit_original(self, request: web.Request, call: Call) -> dict[str, Any]:
        return self.store.edit(self.store.original(request.match_info["token"]), call.body, call.files)

    def _delete_original(self, request: web.Request, _: Call) -> None:
        del self.store.messages[self.store.original(request.match_info["token"])]

    def _follow_up(self, request: web.Request, call: Call) -> dict[str, Any]:
        asked = self.store.by_token(request.match_info["token"])
        return self.store.post(asked.channel_id, call.body, call.files)

    def _member(self, request: web.Request, _: Call) -> dict[str, Any]:
        person_id = int(request.match_info["person"])
        if person_id in self.store.left:
            raise Refused(404, 10007, "Unknown Member")
        return member(person_id)

    def _open_dm(self, _: web.Request, call: Call) -> dict[str, Any]:
        return self.store.open_dm(int(call.body["recipient_id"]))

    def _history(self, request: web.Request, _: Call) -> list[dict[str, Any]]:
        channel_id, limit = int(request.match_info["channel"]), int(request.query.get("limit", 50))
        self.store.channel(channel_id)
        mine = [each for _, each in sorted(self.store.messages.items()) if each["channel_id"] == str(channel_id)]
        if after := request.query.get("after"):
            return [each for each in mine if int(each["id"]) > int(after)][:limit][::-1]
        if before := request.query.get("before"):
            mine = [each for each in mine if int(each["id"]) < int(before)]
        return mine[-limit:][::-1]

    async def _send(self, request: web.Request, call: Call) -> dict[str, Any]:
        channel_id = int(request.match_info["channel"])
        self.store.channel(channel_id)
        message = self.store.post(channel_id, call.body, call.files)
        await self._tell("MESSAGE_CREATE", {**message, "guild_id": str(GUILD_ID)})
        return message

    def _message(self, request: web.Request, _: Call) -> dict[str, Any]:
        self.store.channel(int(request.match_info["channel"]))
        found = self.store.messages.get(int(request.match_info["message"]))
        if found is None:
            raise Refused(404, 10008, "Unknown Message")
        return found

    def _edit(self, request: web.Request, call: Call) -> dict[str, Any]:
        self.store.channel(int(request.match_info["channel"]))
        return self.store.edit(int(request.match_info["message"]), call.body, call.files)

    def _delete(self, request: web.Request, _: Call) -> None:
        self._message(request, _)
        del self.store.messages[int(request.match_info["message"])]


async def _read(request: web.Request) -> Call:
    """Read a request: JSON, or multipart with payload_json and files[n]."""
    files: dict[str, bytes] = {}
    body: Any = None
    if request.content_type.startswith("multipart/"):
        async for part in await request.multipart():
            raw = await part.read(decode=False)  # type: ignore[union-attr]
            if part.name == "payload_json":  # type: ignore[union-attr]
                body = json.loads(raw)
            else:
                files[str(part.filename)] = bytes(raw)  # type: ignore[union-attr]
    elif request.can_read_body:
        body = await request.json()
    return Call(request.method, request.path.removeprefix(API), dict(request.query), body, files)


def _json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    # Without a charset, as Discord says it: discord.py reads nothing else as JSON.
    told = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(body=json.dumps(data).encode(), status=status, headers=told)


def _no(refused: Refused) -> web.Response:
    return _json({"code": refused.code, "message": refused.words}, refused.status)


def _limited(fault: Fault) -> web.Response:
    """Be a 429 as Discord sends it: without Via discord.py takes it for a ban."""
    body = {"message": "You are being rate limited.", "retry_after": fault.retry_after_s, "global": fault.everywhere}
    return _json(body, 429, {"Via": "1.1 google", "Retry-After": str(fault.retry_after_s)})


def _application() -> dict[str, Any]:
    return {
        "id": str(APPLICATION_ID), "name": "limner", "description": "", "icon": None, "bot_public": True,
        "bot_require_code_grant": False, "verify_key": "0" * 64, "owner": person(OWNER_ID), "team": None, "flags": 0,
        "bot": person(BOT_ID, bot=True),
    }  # fmt: skip


def _attached(node: Any) -> list[str]:
    """Return the names of files shown by attachment:// anywhere in components."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        return [name for each in node for name in _attached(each)]
    return [node.removeprefix("attachment://")] if isinstance(node, str) and node.startswith("attachment://") else []
