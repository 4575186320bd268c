"""Tests of sessions: who gets one, how long it lives, and what never makes one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

import build
from tests.support.page import BEARER, SECRET, Running, ask, running, visiting
from web.session import SESSION_S


async def status_of(browser: aiohttp.ClientSession, path: str = "/api/jobs") -> int:
    async with browser.get(path) as answer:
        return answer.status


async def test_the_first_address_gives_a_session_and_leaves_no_secret(site: Running) -> None:
    async with visiting(site, enter=False) as browser:
        assert await status_of(browser) == 401
        async with browser.get(f"/?secret={SECRET}", allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == "/"
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
        assert await status_of(browser) == 200


SECRETS = ["", "wrong", SECRET[:-1], SECRET + "x", "%ED%A0%80", "é"]


async def test_a_wrong_secret_gives_nothing(site: Running) -> None:
    for secret in SECRETS:
        async with visiting(site, enter=False) as browser:
            async with browser.get(f"/?secret={secret}", allow_redirects=False) as answer:
                assert "Set-Cookie" not in answer.headers
            assert await status_of(browser) == 401


async def test_a_session_id_somebody_chose_is_nobodys(site: Running) -> None:
    name = f"limner-{site.port}"
    for value in ("chosen", "0" * 64, SECRET, BEARER):
        async with aiohttp.ClientSession(site.base, cookies={name: value}) as browser:
            assert await status_of(browser) == 401


async def test_a_session_outlives_the_program_and_its_secret_does_not(tmp_path: Path) -> None:
    async with running(tmp_path, secret="first", warm=False) as site, visiting(site) as browser:
        port = site.port
        cookies = {cookie.key: cookie.value for cookie in browser.cookie_jar}
    async with running(tmp_path, secret="second", port=port, warm=False) as site:
        async with aiohttp.ClientSession(site.base, cookies=cookies) as browser:
            assert await status_of(browser) == 200
        async with visiting(site, enter=False) as browser:
            async with browser.get("/?secret=first", allow_redirects=False) as answer:
                assert "Set-Cookie" not in answer.headers
            assert await status_of(browser) == 401


def all_bytes(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data.glob("limner.db*"))


async def test_only_the_hash_of_a_session_is_kept(site: Running, tmp_path: Path) -> None:
    async with visiting(site) as browser:
        token = next(iter(browser.cookie_jar)).value
        kept = all_bytes(tmp_path)
    assert len(token) == 64
    assert token.encode() not in kept and SECRET.encode() not in kept and BEARER.encode() not in kept


async def test_a_session_is_over_after_thirty_days(tmp_path: Path) -> None:
    past = build.milliseconds() - SESSION_S * 1000
    async with running(tmp_path, clock=lambda: past - 1, warm=False) as site, visiting(site) as browser:
        # The page's clock stood thirty days ago, the Archive's is today.
        assert await status_of(browser) == 401


CLAIMS = [f"Bearer {BEARER}x", "Bearer ", "Basic abc", BEARER, f"bearer {BEARER}"]


async def test_a_wrong_bearer_is_refused_even_beside_a_good_cookie(site: Running) -> None:
    for claim in CLAIMS:
        async with visiting(site) as browser, browser.get("/api/jobs", headers={"Authorization": claim}) as answer:
            assert answer.status == 401


async def test_the_bearer_and_the_page_are_one_person_in_two_places(site: Running) -> None:
    async with visiting(site) as browser:
        (asked,) = await ask(browser)
    headers = {"Authorization": f"Bearer {BEARER}", "X-Limner-Face": "cli"}
    async with aiohttp.ClientSession(site.base, headers=headers) as program:
        async with program.get("/api/jobs") as answer:
            (found,) = (await answer.json())["jobs"]
        (other,) = await ask(program)
    assert found["id"] == asked["id"] and found["mine"]
    jobs = [await site.program.archive.job(sheet["id"]) for sheet in (asked, other)]
    assert [job.place.face for job in jobs if job] == ["web", "cli"]
    assert {job.person.id for job in jobs if job} == {"web:owner"}


async def test_health_tells_strangers_the_state_and_counts_alone(site: Running) -> None:
    async with visiting(site, enter=False) as stranger, stranger.get("/api/health") as answer:
        counts = {"checked": 0, "identical": 0, "different": 0, "last": None}
        assert await answer.json() == {"state": "ready", "audit": counts}
    async with visiting(site) as browser, browser.get("/api/health") as answer:
        told = await answer.json()
    assert told["state"] == "ready" and told["model"] == "builtin" and told["builtin"] is True


PATHS = [
    ("POST", "/api/jobs"),
    ("GET", "/api/jobs"),
    ("GET", "/api/jobs/01ABCDEFGH"),
    ("POST", "/api/jobs/01ABCDEFGH/cancel"),
    ("POST", "/api/sketches"),
    ("POST", "/api/sketches/from/01ABCDEFGH"),
    ("GET", "/api/sketches/" + "0" * 64),
    ("POST", "/api/reproduce"),
    ("GET", "/api/pictures/01ABCDEFGH"),
    ("GET", "/api/pictures/01ABCDEFGH/file"),
    ("GET", "/api/pictures/01ABCDEFGH/origin"),
    ("GET", "/api/models"),
    ("GET", "/api/events"),
]


async def test_every_path_needs_a_session(site: Running) -> None:
    for method, path in PATHS:
        headers = {"X-Limner": "1"}
        async with visiting(site, enter=False) as stranger, stranger.request(method, path, headers=headers) as answer:
            assert answer.status == 401
            assert (await answer.json())["code"] == "no_session"


async def test_stopping_ends_open_events_soon(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(running(tmp_path, warm=False))
        browser = await stack.enter_async_context(visiting(site))
        events = await stack.enter_async_context(browser.ws_connect("/api/events"))
        async with asyncio.timeout(5):
            await site.page.stop()
        assert (await events.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
