"""Fetching a picture: hosts, redirects, sizes and times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.attachments import Attachments, download
from core.draft import SKETCH_BYTES
from core.errors import BadSketch


def attachment(url: str, size: int = 10, content_type: str | None = "image/png") -> Any:
    return SimpleNamespace(url=url, size=size, content_type=content_type)


PNG = b"\x89PNG\r\n\x1a\nbytes"


async def fetched(_: str) -> bytes:
    return PNG


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.discordapp.com/a.png",
        "https://cdn.discordapp.com.evil.invalid/a.png",
        "https://evil.invalid/cdn.discordapp.com/a.png",
        "https://cdn.discordapp.com@evil.invalid/a.png",
        "https://cdn.discordapp.com:8443/a.png",
        "https://127.0.0.1/a.png",
        "file:///etc/passwd",
        "//cdn.discordapp.com/a.png",
        "",
    ],
)
async def test_only_discords_own_hosts(url: str) -> None:
    with pytest.raises(BadSketch, match="not on Discord's own file server"):
        await Attachments(fetched).read(attachment(url))


@pytest.mark.parametrize("host", ["cdn.discordapp.com", "media.discordapp.net", "CDN.discordapp.com"])
async def test_discords_hosts_are_read(host: str) -> None:
    assert await Attachments(fetched).read(attachment(f"https://{host}/attachments/1/2/a.png?ex=1")) == PNG


async def test_too_large_is_refused_before_a_byte_is_read() -> None:
    async def never(_: str) -> bytes:
        raise AssertionError("it was fetched")

    with pytest.raises(BadSketch, match="too large"):
        await Attachments(never).read(attachment("https://cdn.discordapp.com/a", SKETCH_BYTES + 1))


@pytest.mark.parametrize("raw", [b"<svg/>", b"RIF", b"PNG", b"GIF7", b"\xff\xd8"])
async def test_a_picture_is_known_by_its_first_bytes_not_by_its_name(raw: bytes) -> None:
    async def other(_: str) -> bytes:
        return raw

    with pytest.raises(BadSketch, match="no picture"):
        await Attachments(other).read(attachment("https://cdn.discordapp.com/a.png"))
    assert await Attachments(fetched).read(attachment("https://cdn.discordapp.com/a.txt", content_type="text/plain"))


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def good(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000)

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("/good")

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * 1_000_000)
        except ConnectionError:
            return answer

    async def stuck(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"x")
        await asyncio.Event().wait()
        return answer

    async def short(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"x" * 10)
        assert request.transport is not None
        request.transport.close()
        return answer

    app = web.Application()
    app.add_routes([web.get("/stuck", stuck), web.get("/short", short)])
    app.add_routes([web.get("/good", good), web.get("/elsewhere", elsewhere), web.get("/endless", endless)])
    running = TestServer(app)
    async with running:
        yield running


@pytest.mark.fault("F40", "read as a stream, and no further than 10 MB")
async def test_bytes_are_streamed_and_counted(server: TestServer) -> None:
    assert len(await download(str(server.make_url("/good")))) == 100_000
    with pytest.raises(BadSketch, match="too large"):
        await download(str(server.make_url("/endless")))


@pytest.mark.fault("F40", "an address that is gone, or leads elsewhere, is refused in words")
async def test_redirects_and_errors_are_not_followed(server: TestServer) -> None:
    with pytest.raises(BadSketch, match="HTTP 302"):
        await download(str(server.make_url("/elsewhere")))
    with pytest.raises(BadSketch, match="HTTP 404"):
        await download(str(server.make_url("/none")))
    await server.close()
    with pytest.raises(BadSketch, match="could not be fetched"):
        await download("http://127.0.0.1:9/")


@pytest.mark.fault("F40", "what is too slow, or ends before its length, is refused in words")
async def test_what_is_slow_or_ends_before_its_length_is_told(server: TestServer) -> None:
    with pytest.raises(BadSketch, match="could not be fetched"):
        await download(str(server.make_url("/stuck")), 0.2)
    with pytest.raises(BadSketch, match="could not be fetched"):
        await download(str(server.make_url("/short")))
