"""Bytes of a picture sent along: only from Discord's own file hosts, at most 10 MB, in at most 15 s."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp
import discord

from core.errors import BadSketch

HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
MAX_BYTES = 10_000_000
TIMEOUT_S = 15.0
CHUNK_BYTES = 65_536

Fetch = Callable[[str], Awaitable[bytes]]


class Attachments:
    """Read what Discord itself handed over; a link typed by a Person is never followed."""

    def __init__(self, fetch: Fetch | None = None, hosts: frozenset[str] = HOSTS) -> None:
        self._fetch = fetch or download
        self._hosts = hosts

    def check(self, attachment: discord.Attachment) -> None:
        """Raise BadSketch where an attachment cannot be taken, before a byte is read."""
        parts = urlsplit(attachment.url)
        if parts.scheme != "https" or parts.hostname not in self._hosts or parts.port not in (None, 443):
            raise BadSketch("That picture is not on Discord's own file server.", "Send the file itself.")
        if attachment.size > MAX_BYTES:
            raise too_large()
        if attachment.content_type is not None and not attachment.content_type.startswith("image/"):
            raise BadSketch("That file is no picture.", "I can read PNG, JPEG, WebP and GIF.")

    async def read(self, attachment: discord.Attachment) -> bytes:
        """Return an attachment's bytes; raise BadSketch with the reason where they cannot be had."""
        self.check(attachment)
        raw = await self._fetch(attachment.url)
        if len(raw) > MAX_BYTES:
            raise too_large()
        return raw


def images(message: discord.Message) -> list[discord.Attachment]:
    """Return a message's attachments that claim to be pictures."""
    return [each for each in message.attachments if (each.content_type or "image/").startswith("image/")]


def too_large() -> BadSketch:
    """Return the refusal of a file above the limit."""
    return BadSketch("That picture is too large.", f"I take files up to {MAX_BYTES // 1_000_000} MB.")


async def download(url: str) -> bytes:
    """Fetch a URL without following redirects; its declared length is not believed, the bytes are counted."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
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
                if len(taken) > MAX_BYTES:
                    raise too_large()
            return bytes(taken)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise BadSketch("That picture could not be fetched from Discord.", "Send it again.") from error
