"""What the loopback Discord keeps: messages, interactions, nonces and every request it was sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

EPOCH_MS = 1_420_070_400_000
TOKEN_S = 900
NONCE_S = 180
"""How long a nonce is known: Discord says "the past few minutes"."""

LOADING = 1 << 7
EPHEMERAL = 1 << 6
PERMISSIONS = str((1 << 53) - 1)
OWNER_ID = 10
BOT_ID = 20
APPLICATION_ID = 21
GUILD_ID = 30
CHANNEL_ID = 40

Clock = Callable[[], int]


def wall() -> int:
    """Return the time now, ms UTC."""
    return time.time_ns() // 1_000_000


class Refused(Exception):
    """Be an answer of Discord's that says no: HTTP status and its own code."""

    def __init__(self, status: int, code: int, words: str) -> None:
        super().__init__(f"{status} {code}: {words}")
        self.status, self.code, self.words = status, code, words


@dataclass(slots=True)
class Asked:
    """Be one interaction: its token, and the message that answers it."""

    id: int
    token: str
    at: int
    kind: int
    channel_id: int
    person_id: int
    source_id: int | None = None
    answered_at: int | None = None
    answer_id: int | None = None
    callbacks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Call:
    """Be one request the bot made, and what it was told."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    files: dict[str, bytes]
    status: int = 0
    at: int = 0


class Store:
    """Keep one server with one channel, people's DMs, and all that happened; ids hold the time, as Discord's do."""

    def __init__(self, clock: Clock = wall) -> None:
        self.clock = clock
        self.calls: list[Call] = []
        self.messages: dict[int, dict[str, Any]] = {}
        self.files: dict[int, dict[str, bytes]] = {}
        self.asked: dict[str, Asked] = {}
        self.channels: dict[int, dict[str, Any]] = {CHANNEL_ID: {"id": str(CHANNEL_ID), "type": 0, "name": "painting"}}
        self.gone: set[int] = set()
        self.closed_dms: set[int] = set()
        self.left: set[int] = set()
        self.forbidden: dict[int, int] = {}
        self.edits: list[tuple[int, int]] = []
        self._nonces: dict[tuple[int, str], tuple[int, int]] = {}
        self._numbers = count()

    def fresh_id(self) -> int:
        """Return a new snowflake."""
        return ((self.clock() - EPOCH_MS) << 22) | (next(self._numbers) & 0x3FFFFF)

    def open_dm(self, person_id: int) -> dict[str, Any]:
        """Return the channel between the bot and a person."""
        channel_id = 1_000_000 + person_id
        made = {"id": str(channel_id), "type": 1, "recipients": [person(person_id)], "last_message_id": None}
        return self.channels.setdefault(channel_id, made)

    def channel(self, channel_id: int) -> dict[str, Any]:
        """Return a channel the bot may use, or say no as Discord does."""
        if channel_id in self.gone or channel_id not in self.channels:
            raise Refused(404, 10003, "Unknown Channel")
        if channel_id in self.forbidden:
            raise Refused(403, self.forbidden[channel_id], "Missing Access")
        if channel_id - 1_000_000 in self.closed_dms:
            raise Refused(403, 50007, "Cannot send messages to this user")
        return self.channels[channel_id]

    def post(
        self, channel_id: int, body: dict[str, Any], files: dict[str, bytes], author: int = BOT_ID
    ) -> dict[str, Any]:
        """Write a message; with enforce_nonce the one made before comes back."""
        nonce = body.get("nonce")
        if nonce is not None and body.get("enforce_nonce"):
            made_id, at = self._nonces.get((channel_id, str(nonce)), (0, -NONCE_S * 1000))
            if self.clock() - at < NONCE_S * 1000 and made_id in self.messages:
                return self.messages[made_id]
        message_id = self.fresh_id()
        message: dict[str, Any] = {
            "id": str(message_id), "channel_id": str(channel_id), "author": person(author, bot=author == BOT_ID),
            "content": "", "timestamp": stamp(self.clock()), "edited_timestamp": None, "tts": False,
            "mention_everyone": False, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
            "components": [], "pinned": False, "type": 0, "flags": 0,
        }  # fmt: skip
        if body.get("message_reference"):
            reference = body["message_reference"]
            message |= {"type": 19, "message_reference": {**reference, "channel_id": str(channel_id)}}
        self.messages[message_id], self.files[message_id] = message, {}
        if nonce is not None:
            message["nonce"] = nonce
            self._nonces[channel_id, str(nonce)] = (message_id, self.clock())
        self._write(message, body, files)
        return message

    def edit(self, message_id: int, body: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
        """Change a message; an edit appends files unless `attachments` lists what stays."""
        if message_id not in self.messages:
            raise Refused(404, 10008, "Unknown Message")
        self._write(self.messages[message_id], body, files)
        self.messages[message_id]["edited_timestamp"] = stamp(self.clock())
        self.edits.append((message_id, self.clock()))
        return self.messages[message_id]

    def _write(self, message: dict[str, Any], body: dict[str, Any], files: dict[str, bytes]) -> None:
        message_id = int(message["id"])
        if "attachments" in body or files:
            listed = {str(each["id"]): each for each in body.get("attachments", [])}
            kept = [each for each in message["attachments"] if "attachments" not in body or each["id"] in listed]
            self.files[message_id] = {each["filename"]: self.files[message_id][each["filename"]] for each in kept}
            for number, (name, data) in enumerate(files.items()):
                about = listed.get(str(number), {})
                kept.append(self._attachment(message_id, name, data, about.get("description")))
                self.files[message_id][name] = data
            message["attachments"] = kept
        for key in ("content", "components"):
            if key in body:
                message[key] = body[key] if body[key] is not None else ""
        message["flags"] = (message["flags"] & ~LOADING) | int(body.get("flags") or 0)

    def _attachment(self, message_id: int, name: str, data: bytes, words: str | None) -> dict[str, Any]:
        url = f"https://cdn.discordapp.com/attachments/{message_id}/{name}"
        found = {"id": str(self.fresh_id()), "filename": name, "size": len(data), "url": url, "proxy_url": url}
        return {**found, "description": words} if words else found

    def by_token(self, token: str) -> Asked:
        """Find an interaction whose token lives."""
        asked = self.asked.get(token)
        if asked is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if self.clock() - asked.at > TOKEN_S * 1000:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return asked

    def original(self, token: str) -> int:
        """Return the id of the message that answers an interaction."""
        asked = self.by_token(token)
        if asked.answered_at is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if asked.answer_id not in self.messages:
            raise Refused(404, 10008, "Unknown Message")
        return asked.answer_id

    def cards(self, channel_id: int = CHANNEL_ID) -> list[dict[str, Any]]:
        """Return the bot's messages in a channel, oldest first."""
        return [
            each for _, each in sorted(self.messages.items())
            if each["channel_id"] == str(channel_id) and each["author"]["id"] == str(BOT_ID)
        ]  # fmt: skip


def person(id_: int, *, bot: bool = False) -> dict[str, Any]:
    """Return somebody as Discord tells of them."""
    name = "limner" if bot else f"person{id_}"
    return {"id": str(id_), "username": name, "discriminator": "0", "global_name": name, "avatar": None, "bot": bot}


def member(id_: int) -> dict[str, Any]:
    """Return somebody as one of the server's members."""
    joined = "2026-01-01T00:00:00+00:00"
    return {
        "user": person(id_, bot=id_ == BOT_ID), "roles": [], "joined_at": joined, "deaf": False, "mute": False,
        "flags": 0, "avatar": None, "permissions": PERMISSIONS,
    }  # fmt: skip


def stamp(ms: int) -> str:
    """Return a time as Discord writes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def texts(message: dict[str, Any]) -> str:
    """Return all text a card shows."""
    return "\n".join(each["content"] for each in walk(message["components"]) if each.get("type") == 10)


def walk(components: Any) -> Iterator[dict[str, Any]]:
    """Yield every component of a message."""
    for each in components or []:
        yield each
        yield from walk(each.get("components"))


def button(message: dict[str, Any], action: str) -> str:
    """Return the custom_id of a card's button by its action."""
    wanted = f"lim1:{action}:"
    return next(
        each["custom_id"] for each in walk(message["components"]) if each.get("custom_id", "").startswith(wanted)
    )
