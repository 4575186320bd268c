"""Tests of the guards: every row is what a hostile page, rebinding name or slow sender would send; all are refused."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.page import BEARER, Running, ask, running, settled, visiting

JSON = {"Content-Type": "application/json"}
ASK = json.dumps({"words": "a red heart --steps 2"})


async def raw(site: Running, head: str, *headers: str, body: str = "") -> tuple[int, str]:
    """Send one message exactly as written, with the session's cookie or bearer only where it says so."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    lines = [f"{head} HTTP/1.1", *headers, f"Content-Length: {len(body)}", "Connection: close", "", body]
    writer.write("\r\n".join(lines).encode())
    answer = (await reader.read()).decode("utf-8", "replace")
    writer.close()
    return int(answer.split(" ", 2)[1]), answer


async def cookie_of(site: Running) -> str:
    async with visiting(site) as browser:
        return "; ".join(f"{cookie.key}={cookie.value}" for cookie in browser.cookie_jar)


async def nothing_was_accepted(site: Running) -> None:
    assert await site.program.archive.last_move() == 0


SENDERS = [
    ("a foreign page's form", {"Origin": "http://evil.example"}, 403),
    ("a sandboxed frame", {"Origin": "null"}, 403),
    ("another port of this machine", {"Origin": "http://127.0.0.1:1"}, 403),
    ("the other name of this machine", {"Origin": "http://localhost:PORT"}, 403),
    ("a name that begins like ours", {"Origin": "http://HOST.evil.example"}, 403),
    ("https of the same name", {"Origin": "https://HOST"}, 403),
    ("no origin and no bearer", {}, 403),
    ("a cross-site message with our origin", {"Origin": "http://HOST", "Sec-Fetch-Site": "cross-site"}, 403),
    ("a neighbour of the same site", {"Origin": "http://HOST", "Sec-Fetch-Site": "same-site"}, 403),
    ("JSON as plain text", {"Origin": "http://HOST", "Content-Type": "text/plain"}, 415),
    ("JSON as a form", {"Origin": "http://HOST", "Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("a wrong mark", {"Origin": "http://HOST", "Content-Type": "text/plain", "X-Limner": "0"}, 415),
    ("our own page", {"Origin": "http://HOST", "Sec-Fetch-Site": "same-origin"}, 201),
    ("our own page by mark", {"Origin": "http://HOST", "Content-Type": "text/plain", "X-Limner": "1"}, 201),
]


async def test_who_may_post(site: Running) -> None:
    for name, headers, status in SENDERS:
        sent = {key: value.replace("HOST", site.host).replace("PORT", str(site.port)) for key, value in headers.items()}
        sent = {"Host": site.host, **JSON, "Cookie": await cookie_of(site), **sent}
        found, answer = await raw(site, "POST /api/jobs", *(f"{key}: {value}" for key, value in sent.items()), body=ASK)
        assert found == status, f"{name}: {answer}"
        if status != 201:
            await nothing_was_accepted(site)


HOSTS = ["evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "", "127.0.0.1:PORT, evil.example"]


async def test_an_unknown_host_gets_nothing_anywhere(site: Running) -> None:
    for host in HOSTS:
        for path in ("/", "/api/health", "/static/main.js", "/api/jobs", "/api/events"):
            status, answer = await raw(site, f"GET {path}", f"Host: {host.replace('PORT', str(site.port))}")
            assert status in (400, 403), answer
            assert "Limner is not known" in answer or status == 400


async def test_localhost_is_a_name_of_ours(site: Running) -> None:
    status, _ = await raw(site, "GET /api/health", f"Host: localhost:{site.port}")
    assert status == 200


async def test_another_site_cannot_read_with_our_cookie(site: Running) -> None:
    cookie = await cookie_of(site)
    for header in ("Sec-Fetch-Site: cross-site", "Origin: http://evil.example", "Origin: null"):
        status, answer = await raw(site, "GET /api/jobs", f"Host: {site.host}", f"Cookie: {cookie}", header)
        assert status == 403, answer
        assert "access-control" not in answer.lower()


ORIGINS = ["http://evil.example", "null", "http://127.0.0.1:1", None]


async def test_no_foreign_page_hears_events(site: Running) -> None:
    for origin in ORIGINS:
        async with visiting(site) as browser:
            await ask(browser, "a secret prompt --steps 2")
            headers = {"Origin": origin} if origin else {}
            del browser.headers["Origin"]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await browser.ws_connect("/api/events?after=0", headers=headers)
            assert refused.value.status == 403


async def test_a_preflight_gets_no_leave(site: Running) -> None:
    status, answer = await raw(
        site,
        "OPTIONS /api/jobs",
        f"Host: {site.host}",
        "Origin: http://evil.example",
        "Access-Control-Request-Method: POST",
    )
    assert status == 403
    assert "access-control-allow" not in answer.lower()


async def test_the_bearer_needs_no_origin_but_a_foreign_one_is_refused(site: Running) -> None:
    claim = f"Authorization: Bearer {BEARER}"
    typed = "Content-Type: application/json"
    status, _ = await raw(site, "POST /api/jobs", f"Host: {site.host}", typed, claim, body=ASK)
    assert status == 201
    evil = "Origin: http://evil.example"
    status, _ = await raw(site, "POST /api/jobs", f"Host: {site.host}", typed, claim, evil, body=ASK)
    assert status == 403


DRESSED = ["/", "/static/main.js", "/static/nothing.js", "/api/health", "/api/jobs", "/api/nothing", "/api/events"]


async def test_every_answer_is_dressed(browser: aiohttp.ClientSession) -> None:
    for path in DRESSED:
        async with browser.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Server" not in answer.headers
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_too_many_bytes_are_cut_off(site: Running) -> None:
    async with visiting(site) as browser:
        for path, size in (("/api/jobs", 3_000_000), ("/api/sketches", 11_000_000)):
            async with browser.post(path, data=io.BytesIO(b"x" * size), headers={**JSON, "X-Limner": "1"}) as answer:
                assert answer.status == 413
                assert (await answer.json())["code"] == "too_large"
    await nothing_was_accepted(site)


async def test_bytes_without_a_length_are_counted_too(site: Running) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b"x" * 65536

    async with visiting(site) as browser, browser.post("/api/jobs", data=endless(), headers=JSON) as answer:
        assert answer.status == 413


async def test_a_slow_sender_is_cut_off(tmp_path: Path) -> None:
    async with running(tmp_path, body_s=0.2, warm=False) as site:
        cookie = await cookie_of(site)
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        head = ["POST /api/jobs HTTP/1.1", f"Host: {site.host}", f"Origin: {site.base}", f"Cookie: {cookie}"]
        head += ["Content-Type: application/json", "Content-Length: 500", "", '{"words"']
        writer.write("\r\n".join(head).encode())
        async with asyncio.timeout(10):
            answer = (await reader.read()).decode()  # to the end: the connection is closed
        writer.close()
        assert answer.startswith("HTTP/1.1 408")
        assert "too_slow" in answer


async def test_an_error_of_ours_is_one_neutral_sentence_and_a_log_without_words(
    site: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with visiting(site) as browser:
        (sheet,) = await ask(browser)
        await settled(browser, sheet["id"])
        with closing(sqlite3.connect(tmp_path / "limner.db")) as database, database:
            database.execute("UPDATE pictures SET recipe = '{}'")
        async with browser.get("/api/jobs?words=red") as answer:
            told = await answer.json()
    assert answer.status == 500
    assert told["code"] == "error" and "went wrong on our side" in told["sentence"]
    assert "Traceback" in caplog.text and "words=red" not in caplog.text
