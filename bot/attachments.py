"""Bytes of a picture sent along: only from Discord's own file hosts, at most 10 MB, in at most 15 s."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import discord

from core.draft import SKETCH_BYTES
from core.errors import BadSketch
from core.unread import unreadable
from core.wording import TOO_MANY_BYTES

HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
TIMEOUT_S = 15.0
CHUNK_BYTES = 65_536

MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
"""How the kinds of picture we read begin; a file's name and the type it claims are believed by nobody."""

REMEMBERED = 500
"""Messages whose pictures are remembered between a menu and its modal."""

Fetch = Callable[[str], Awaitable[bytes]]


class Sent(Protocol):
    """Be a file that came by Discord."""

    @property
    def url(self) -> str:
        """Return where its bytes are."""

    @property
    def size(self) -> int:
        """Return how many bytes it claims to have."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Hold what Discord says of a file sent along, without the file."""

    name: str
    url: str
    size: int

    @classmethod
    def of(cls, attachment: discord.Attachment) -> Upload:
        """Build it from discord.py's object."""
        return cls(attachment.filename, attachment.url, attachment.size)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Upload:
        """Build it from Discord's own JSON."""
        return cls(str(data["filename"]), str(data["url"]), int(data["size"]))


class Attachments:
    """Read what Discord itself handed over; a link typed by a Person is never followed."""

    def __init__(self, fetch: Fetch | None = None, hosts: frozenset[str] = HOSTS) -> None:
        self._fetch = fetch or download
        self._hosts = hosts
        self._seen: OrderedDict[int, tuple[Upload, ...]] = OrderedDict()

    def remember(self, message_id: int, uploads: Sequence[Upload]) -> None:
        """Keep what a message brought until its modal is sent: without being mentioned, no bot can read it again."""
        self._seen[message_id] = tuple(uploads)
        self._seen.move_to_end(message_id)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def recall(self, message_id: int) -> tuple[Upload, ...]:
        """Return what a message brought; empty where it was long ago or in an earlier process."""
        return self._seen.get(message_id, ())

    def check(self, attachment: Sent) -> None:
        """Raise BadSketch where an attachment cannot be taken, before a byte is read."""
        parts = urlsplit(attachment.url)
        if parts.scheme != "https" or parts.hostname not in self._hosts or parts.port not in (None, 443):
            raise BadSketch("That picture is not on Discord's own file server.", "Send the file itself.")
        if attachment.size > SKETCH_BYTES:
            raise too_large()

    async def read(self, attachment: Sent) -> bytes:
        """Return an attachment's bytes; raise BadSketch with the reason where they cannot be had."""
        self.check(attachment)
        raw = await self._fetch(attachment.url)
        if len(raw) > SKETCH_BYTES:
            raise too_large()
        if raw and not raw.startswith(MAGIC):
            raise BadSketch(*unreadable(raw))
        return raw


def images(message: discord.Message) -> list[Upload]:
    """Return the files a message brings or passes on: those that claim to be pictures, else all of them."""
    brought = [*message.attachments, *(each for passed in message.message_snapshots for each in passed.attachments)]
    claim = [each for each in brought if (each.content_type or "image/").startswith("image/")]
    return [Upload.of(each) for each in claim or brought]


def too_large() -> BadSketch:
    """Return the refusal of a file above the limit."""
    return BadSketch(*TOO_MANY_BYTES)


async def download(url: str, within_s: float = TIMEOUT_S) -> bytes:
    """Fetch a URL without following redirects; its declared length is not believed, the bytes are counted."""
    timeout = aiohttp.ClientTimeout(total=within_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise BadSketch(f"Discord did not give that picture (HTTP {answer.status}).", "Send it again.")
            taken = bytearray()
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                taken += chunk
                if len(taken) > SKETCH_BYTES:
                    raise too_large()
            return bytes(taken)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise BadSketch("That picture could not be fetched from Discord.", "Send it again.") from error
