"""Tests of the door: one-time links, signing in and out, how often one may try, and what ends a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

import build
from core.accounts import BY_ADDRESS, BY_NAME, WINDOW_MS
from core.person import OWNER, Place
from core.records import milliseconds
from tests.support.page import BEARER, Running, ask, running, visiting
from tests.support.people import PASSWORD, guest, link_of, send

WRONG = "This name and password do not go together."


async def status_of(browser: aiohttp.ClientSession, path: str = "/api/jobs") -> int:
    async with browser.get(path) as answer:
        return answer.status


async def me(browser: aiohttp.ClientSession) -> dict[str, Any]:
    async with browser.get("/api/me") as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def test_a_link_lets_in_once_and_the_password_again(site: Running) -> None:
    link = await link_of(site, "ann")
    async with visiting(site, enter=False) as browser:
        assert await send(browser, "/api/link", link=link) == (200, {"name": "ann"})
        status, told = await send(browser, "/api/enter", link=link, password="short")
        assert status == 400 and "8 to 1000" in told["sentence"]
        assert (await send(browser, "/api/enter", link=link, password=PASSWORD))[0] == 200
        assert await me(browser) == {"name": "ann", "owner": False, "account": "ann"}
        for path, body in (("/api/link", {}), ("/api/enter", {"password": PASSWORD})):
            status, told = await send(browser, path, link=link, **body)
            assert status == 404 and "was used" in told["sentence"]
        assert (await send(browser, "/api/sign-out"))[0] == 200
        assert await status_of(browser) == 401
        assert (await send(browser, "/api/sign-in", name=" ANN", password=PASSWORD))[0] == 200
        assert await status_of(browser) == 200


async def test_nothing_tells_an_unknown_name_from_a_wrong_password(site: Running) -> None:
    await link_of(site, "new")
    async with guest(site, "ann"), visiting(site, enter=False) as browser:
        tried = [await send(browser, "/api/sign-in", name=name, password="wrong password") for name in
                 ("ann", "nobody", "new", "", "../x", "\ud800")]  # fmt: skip
    assert all(status == 403 and told == tried[0][1] for status, told in tried)
    assert tried[0][1]["sentence"] == WRONG


async def test_a_password_is_tried_for_unknown_names_too(site: Running) -> None:
    tried: list[Any] = []
    accounts, whole = site.program.studio.accounts, site.program.studio.accounts._means.in_pool

    async def counted(work: Any) -> Any:
        tried.append(work)
        return await whole(work)

    object.__setattr__(accounts._means, "in_pool", counted)
    async with visiting(site, enter=False) as browser:
        await send(browser, "/api/sign-in", name="nobody", password="wrong password")
    assert len(tried) == 1 and tried[0].args[0].split(":")[1:4] == ["16", "1", "1"]


async def test_the_session_is_the_servers_own_and_changes_at_each_sign_in(site: Running) -> None:
    link = await link_of(site, "ann")
    name = f"limner-{site.port}"
    async with visiting(site, enter=False) as browser:
        browser.cookie_jar.update_cookies({name: "0" * 64})
        async with browser.post("/api/enter", json={"link": link, "password": PASSWORD}) as answer:
            cookie = answer.headers["Set-Cookie"]
            first = answer.cookies[name].value
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie and first != "0" * 64
        async with browser.post("/api/sign-in", json={"name": "ann", "password": PASSWORD}) as answer:
            second = answer.cookies[name].value
        assert second != first
    async with aiohttp.ClientSession(site.base, cookies={name: first}) as old:
        assert await status_of(old) == 401, "the one before ended"


async def test_too_many_tries_wait_by_name_and_by_address(tmp_path: Path) -> None:
    now = [milliseconds()]
    async with running(tmp_path, warm=False, proxies=("127.0.0.1",)) as site:
        site.program.studio.accounts._clock = lambda: now[0]
        async with guest(site, "ann"), visiting(site, enter=False) as browser:

            async def tried(name: str, where: str, password: str = "wrong password") -> tuple[int, dict[str, Any]]:
                headers = {"X-Forwarded-For": f"6.6.6.6, {where}"}
                body = {"name": name, "password": password}
                async with browser.post("/api/sign-in", json=body, headers=headers) as answer:
                    return answer.status, await answer.json()

            found = [await tried("ann", f"10.0.0.{number}") for number in range(BY_NAME + 1)]
            assert [status for status, _ in found] == [403] * BY_NAME + [429]
            assert found[-1][1]["opens_at"] == now[0] + WINDOW_MS
            assert (await tried("ann", "10.0.0.99", PASSWORD))[0] == 429, "the right one waits too"
            found = [await tried(f"name{number}", "10.9.9.9") for number in range(BY_ADDRESS + 1)]
            assert [status for status, _ in found] == [403] * BY_ADDRESS + [429]
            # A house has a whole IPv6 network for itself.
            found = [await tried(f"six{number}", f"2001:db8::{number:x}") for number in range(BY_ADDRESS + 1)]
            assert found[-1][0] == 429 and (await tried("six", "2001:db8:1::1"))[0] == 403
            fresh = (await site.program.studio.accounts.link(OWNER, "ann"))["link"].partition("#")[2]
            assert (await send(browser, "/api/enter", link=fresh, password=PASSWORD))[0] == 200, "a link helps at once"
            now[0] += WINDOW_MS
            assert (await tried("ann", "10.9.9.9", PASSWORD))[0] == 200


async def test_who_is_no_proxy_is_not_believed(site: Running) -> None:
    async with visiting(site, enter=False) as browser:
        for number in range(BY_ADDRESS + 1):
            headers = {"X-Forwarded-For": f"10.0.0.{number}"}
            body = {"name": f"n{number}", "password": "wrong password"}
            async with browser.post("/api/sign-in", json=body, headers=headers) as answer:
                status = answer.status
    assert status == 429


async def test_removed_means_out_at_once_with_the_socket_open(site: Running) -> None:
    headers = {"Authorization": f"Bearer {BEARER}"}
    studio = site.program.studio
    async with guest(site, "ann") as ann, guest(site, "bob") as bob, ann.ws_connect("/api/events") as events:
        await studio.operator.act(OWNER, Place.of("web"), "pause")
        [[waiting], [others]] = [await ask(each) for each in (ann, bob)]
        async with aiohttp.ClientSession(site.base, headers=headers) as program:
            assert await send(program, "/api/people/ann/remove") == (200, {"name": "ann", "cancelled": 1})
        jobs = [await site.program.archive.job(each["id"]) for each in (waiting, others)]
        assert [each and each.state for each in jobs] == ["cancelled", "queued"]
        while (message := await events.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type is aiohttp.WSMsgType.CLOSE and message.data == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert await status_of(ann) == 401 and await status_of(bob) == 200
        assert (await send(ann, "/api/sign-in", name="ann", password=PASSWORD))[0] == 403


async def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(site: Running) -> None:
    async with guest(site, "ann") as here, visiting(site, enter=False) as there:
        await send(there, "/api/sign-in", name="ann", password=PASSWORD)
        status, told = await send(here, "/api/password", old="not it at all", new="another password")
        assert status == 403 and told["sentence"] == WRONG and await status_of(there) == 200
        assert (await send(here, "/api/password", old=PASSWORD, new="another password"))[0] == 200
        assert await status_of(here) == 200 and await status_of(there) == 401
        assert (await send(there, "/api/sign-in", name="ann", password=PASSWORD))[0] == 403
        assert (await send(there, "/api/sign-in", name="ann", password="another password"))[0] == 200
    async with visiting(site) as owner:
        assert (await send(owner, "/api/password", old="x", new="another password"))[0] == 400


async def test_an_owners_account_is_the_owner_and_ends_by_itself(site: Running) -> None:
    async with visiting(site) as here, guest(site, "boss", owner=True) as boss:
        [mine] = await ask(here)
        assert await me(boss) == {"name": "boss", "owner": True, "account": "boss"}
        assert await status_of(boss, f"/api/jobs/{mine['id']}") == 200 and await status_of(boss, "/api/stats") == 200
        await site.program.studio.accounts.remove(OWNER, "boss")
        assert await status_of(boss) == 401 and await status_of(here) == 200


async def test_people_are_made_by_the_bearer_alone(site: Running) -> None:
    async with visiting(site) as owner, guest(site, "boss", owner=True) as boss, guest(site, "ann") as ann:
        for browser in (owner, boss, ann):
            assert await status_of(browser, "/api/people") == 403
            for path in ("/api/people", "/api/people/ann/link", "/api/people/ann/remove"):
                assert (await send(browser, path, name="eve"))[0] == 403
    assert [each.name for each in await site.program.archive.accounts()] == ["ann", "boss"]


def all_bytes(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data.glob("limner.db*"))


async def test_only_hashes_are_kept(site: Running, tmp_path: Path) -> None:
    link = await link_of(site, "ann")
    unused = await link_of(site, "bob")
    async with visiting(site, enter=False) as browser:
        await send(browser, "/api/enter", link=link, password=PASSWORD)
        token = next(iter(browser.cookie_jar)).value
        kept = all_bytes(tmp_path)
    for secret in (link, unused, token, PASSWORD):
        assert secret.encode() not in kept


async def test_behind_tls_the_cookie_is_for_that_host_and_tls_alone(tmp_path: Path) -> None:
    public = "https://Limner.Example"
    async with running(tmp_path, warm=False, public_url=public) as site:
        link = await link_of(site, "ann")
        headers = {"Host": "limner.example", "Origin": "https://limner.example"}
        body = {"link": link, "password": PASSWORD}
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(site.base, headers=headers, cookie_jar=jar) as browser:
            async with browser.post("/api/enter", json=body, headers={"Origin": site.base}) as answer:
                assert answer.status == 403, "another origin than the one it is known by there"
            async with browser.post("/api/enter", json=body) as answer:
                assert answer.status == 200
                cookie = answer.headers["Set-Cookie"]
            name, _, token = cookie.partition(";")[0].partition("=")
            assert name == f"__Host-limner-{site.port}" and all(
                each in cookie for each in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/")
            )
            for sent, status in ((name, 200), (f"limner-{site.port}", 401)):
                async with browser.get("/api/me", headers={"Cookie": f"{sent}={token}"}) as answer:
                    assert answer.status == status
            async with browser.get("/metrics") as answer:
                assert answer.status == 401, "a proxy that says nothing is no program of this machine"
            async with browser.get("/metrics", headers={"Cookie": f"{name}={token}"}) as answer:
                assert answer.status == 403
    assert build.page_at(site.program.config) == "http://127.0.0.1:8410"
    page = site.program.config.page.model_copy(update={"host": "::1"})
    assert build.page_at(site.program.config.model_copy(update={"page": page})) == "http://[::1]:8410"
