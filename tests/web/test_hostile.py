"""A hostile client at every path there is: the table is the running page's own, so that no new path escapes it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from tests.support.discord_double import drawing
from tests.support.page import BEARER, Running, ask, running, settled
from tests.support.people import guest

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "xyzzyfrobozz"
BODY_S = 0.4
OPEN = {
    "GET /", "GET /enter", "GET /static/{name}", "GET /shared/{token}", "GET /shared/{token}/file", "GET /api/health",
    "POST /api/link", "POST /api/enter", "POST /api/sign-in", "GET /metrics",
}  # fmt: skip
"""Paths that answer without a session: what they hold is nobody's, or it is asked for by a secret."""
VISITED = {"GET /", "GET /enter", "GET /shared/{token}", "GET /shared/{token}/file"}
"""Those that a link on another site may lead to."""
OWNERS = {
    "GET /api/audit", "POST /api/acts", "GET /api/acts", "POST /api/backup", "GET /api/stats", "GET /api/rules",
    "GET /api/people", "POST /api/people", "POST /api/people/{name}/link", "POST /api/people/{name}/remove",
    "GET /api/askers", "GET /api/device",
    "POST /api/models", "GET /api/jobs/{id}/log",
}  # fmt: skip
BODILESS = {
    "POST /api/jobs/{id}/cancel", "POST /api/jobs/{id}/delete", "POST /api/sketches/from/{id}", "POST /api/sign-out",
    "POST /api/pictures/{id}/unshare", "POST /api/backup", "POST /api/people", "POST /api/people/{name}/link",
    "POST /api/people/{name}/remove",
}  # fmt: skip
"""Those that read no body, or none of whom they let not in."""
GOODBYES = frozenset({"POST /api/sign-out", "POST /api/erase"})
BODIES: Mapping[str, object] = {
    "POST /api/acts": {"what": "pause"},
    "POST /api/people": {"name": "eve"},
    "POST /api/models": {"model": "builtin", "what": "unload"},
    "POST /api/pictures/{id}/favourite": {"on": True},
}


@dataclass(frozen=True)
class Told:
    """Hold one answer as it came over the wire."""

    status: int
    text: str


@dataclass(frozen=True)
class Site:
    """Hold a page with two people at it: what Ann has, and what Bob sends."""

    page: Running
    paths: tuple[str, ...]
    ann: Mapping[str, str]
    cookie: str

    def at(self, path: str, **blanks: str) -> str:
        """Return `METHOD /path` with blanks filled: by Ann's own ids where nothing else is given."""
        return re.sub(r"\{(\w+)\}", lambda blank: {**self.ann, **blanks}[blank[1]], path)

    async def send(self, line: str, body: str | None = None, **headers: str | None) -> Told:
        """Send one message exactly as written, as Bob's own page would but for what `headers` say; None: without."""
        raw = (body or "").encode()
        given = {"Host": self.page.host, "Origin": self.page.base, "Sec_Fetch_Site": "same-origin", "X_Limner": "1",
                 "Cookie": self.cookie, "Content_Type": "application/json", "Content_Length": str(len(raw)),
                 "Connection": "close", **headers}  # fmt: skip
        head = [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value is not None]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.page.port)
        writer.write("\r\n".join([f"{line} HTTP/1.1", *head, "", ""]).encode() + raw)
        async with asyncio.timeout(20):
            answer = (await reader.read()).decode("utf-8", "replace")
        writer.close()
        return Told(int(answer.split(" ", 2)[1]), answer)

    async def everywhere(self, only: str = "", body: str | None = None, **headers: str | None) -> dict[str, Told]:
        """Send the same to every path of a method, several at once."""
        # What would be taken from Bob's own page must not end his session.
        theirs = GOODBYES if not {"Content_Length"}.isdisjoint(headers) else frozenset()
        paths = [path for path in self.paths if path.startswith(only) and path not in theirs]
        return dict(
            zip(
                paths, await asyncio.gather(*(self.send(self.at(path), body, **headers) for path in paths)), strict=True
            )
        )


def routes(page: Running) -> tuple[str, ...]:
    """Return `METHOD /path` of all that the running page answers to."""
    app: web.Application = page.page._runner._app  # type: ignore[union-attr]
    found = [(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None]
    return tuple(sorted(f"{method} {path}" for method, path in found if method != "HEAD"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    data: Path = tmp_path_factory.mktemp("hostile")
    async with running(data, body_s=BODY_S, idle_s=0.8) as page, guest(page, "ann") as ann, guest(page, "bob") as bob:
        async with ann.post("/api/sketches", data=drawing(), headers={"X-Limner": "1"}) as answer:
            sketch = (await answer.json())["digest"]
        [asked] = await ask(ann, f"a {SECRET} --steps 2", sketch=sketch)
        picture = (await settled(ann, asked["id"]))["pictures"][0]["id"]
        async with ann.post(f"/api/pictures/{picture}/share", json={}) as answer:
            token = (await answer.json())["path"].rpartition("/")[2]
        cookie = "; ".join(f"{each.key}={each.value}" for each in bob.cookie_jar)
        names = {"name": "ann", "digest": sketch, "token": token, "id": picture, "job": asked["id"]}
        yield Site(page, routes(page), names, cookie)


def session_needed(path: str) -> bool:
    return path not in OPEN


async def test_the_table_is_whole(site: Site) -> None:
    assert set(site.paths) >= OPEN | OWNERS | BODILESS and len(site.paths) > 55
    assert all(path.partition(" ")[0] in ("GET", "POST") for path in site.paths)


HEADERS: list[dict[str, str | None]] = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://127.0.0.1"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
]


@pytest.mark.parametrize("headers", HEADERS, ids=lambda each: " ".join(map(str, each.values())))
async def test_another_site_gets_nothing_anywhere(site: Site, headers: dict[str, str | None]) -> None:
    for path, told in (await site.everywhere(**headers)).items():
        assert told.status == 403 and SECRET not in told.text, (path, told)
        assert "access-control" not in told.text.lower(), path


async def test_a_link_from_elsewhere_leads_to_the_pages_that_are_nobodys_alone(site: Site) -> None:
    visit = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    for path, told in (await site.everywhere(Origin=None, **visit)).items():
        assert (told.status == 200) == (path in VISITED), (path, told)
        assert "X-Frame-Options: DENY" in told.text, path


async def test_a_form_of_any_page_changes_nothing(site: Site) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        for path, told in (await site.everywhere("POST", "{}", Content_Type=kind, X_Limner=None)).items():
            assert told.status == 415, (path, told)
    for path, told in (await site.everywhere("POST", "{}", Origin=None)).items():
        assert told.status == 403, (path, told)


async def test_without_a_session_every_path_but_the_open_ones_is_shut(site: Site) -> None:
    for path, told in (await site.everywhere(Cookie=None)).items():
        assert (told.status == 401) == session_needed(path), (path, told)
    chosen = f"limner-{site.page.port}={'0' * 64}"
    for path, told in (await site.everywhere(Cookie=chosen)).items():
        assert (told.status == 401) == session_needed(path), (path, told)


async def test_too_many_bytes_are_refused_before_they_come(site: Site) -> None:
    for path, told in (await site.everywhere("POST", Content_Length=str(10**9))).items():
        if path not in BODILESS:
            assert told.status == 413 and '"too_large"' in told.text, (path, told)


async def until_cut_off(site: Site, head: bytes) -> bytes:
    """Begin a message and wait; return what came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.page.port)
    writer.write(head)
    async with asyncio.timeout(20):
        came = await reader.read()
    writer.close()
    return came


async def test_a_slow_body_and_a_slow_head_are_cut_off(site: Site) -> None:
    slow = await site.everywhere("POST", "{", Content_Length="50")
    for path, told in slow.items():
        if path not in BODILESS:
            assert told.status == 408 and '"too_slow"' in told.text, (path, told)
    heads = (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ")
    assert await asyncio.gather(*(until_cut_off(site, head) for head in heads)) == [b""] * len(heads)


CLIMBS = [
    "..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e%2fmain.py", "..%5c..%5cmain.py", "....//main.py", "%00", "a%0d%0ab",
    "%ed%a0%80", "%3cscript%3ealert(1)%3c/script%3e", "x" * 4000,
]  # fmt: skip


async def test_no_name_climbs_out_of_its_place(site: Site) -> None:
    blanks = [path for path in site.paths if "{" in path]
    assert len(blanks) > 15
    for climb in CLIMBS:
        lines = [re.sub(r"\{\w+\}", lambda _, climb=climb: climb, path) for path in blanks]  # type: ignore[misc]
        for line, told in zip(lines, await asyncio.gather(*(site.send(line, "{}") for line in lines)), strict=True):
            assert told.status in (400, 404), (line, told)
            assert "root:" not in told.text and "import " not in told.text and "<script" not in told.text, line


async def test_what_is_anothers_is_not_there(site: Site) -> None:
    """Every path that takes an id, with a Picture's, a Job's and a Sketch's of somebody else."""
    seen = 0
    for path in site.paths:
        if path in OWNERS or "{id}" not in path and "{digest}" not in path:
            continue
        for blank in {site.ann["id"], site.ann["job"], site.ann["id"][-8:]}:
            told = await site.send(site.at(path, id=blank), json.dumps(BODIES.get(path, {})))
            if path.endswith("/origin"):
                assert told.status == 200 and '{"origin": null}' in told.text
            else:
                assert told.status == 404, (path, told)
            assert SECRET not in told.text and site.ann["digest"] not in told.text, path
            seen += 1
    assert seen > 30


async def test_nothing_of_anothers_stands_in_any_answer(site: Site) -> None:
    for path in site.paths:
        if "{" in path or path in GOODBYES:
            continue
        told = await site.send(path.replace("/api/events", "/api/events?after=0"), json.dumps(BODIES.get(path, {})))
        for secret in (SECRET, site.ann["digest"], site.ann["id"], site.ann["job"], "web:ann"):
            assert secret not in told.text, (path, secret)


async def test_what_is_the_owners_is_the_owners_alone(site: Site) -> None:
    for path in OWNERS:
        told = await site.send(site.at(path), json.dumps(BODIES.get(path, {})))
        assert told.status == 403 and '"not_allowed"' in told.text, (path, told)
    for act in ("pause", "drain", "default_model", "limit_person", "nonsense"):
        told = await site.send("POST /api/acts", json.dumps({"what": act, "detail": {"who": "web:ann"}}))
        assert told.status == 403, (act, told)
    told = await site.send("POST /api/erase", json.dumps({"who": "web:ann", "confirm": "web:ann"}))
    assert told.status == 403 and await site.page.program.archive.job(site.ann["job"]) is not None
    assert [each.name for each in await site.page.program.archive.accounts()] == ["ann", "bob"]
    assert not (await site.page.program.archive.overrides()).get("paused")


async def test_no_foreign_socket_hears_a_thing(site: Site) -> None:
    async with aiohttp.ClientSession(site.page.base, headers={"Cookie": site.cookie}) as bob:
        for origin in ("http://evil.example", "null", None):
            headers = {} if origin is None else {"Origin": origin}
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await bob.ws_connect("/api/events?after=0", headers=headers)
        async with bob.ws_connect("/api/events?after=0", headers={"Origin": site.page.base}) as events:
            [mine] = await ask_as(site, "a heart --steps 1")
            async with asyncio.timeout(20):
                async for message in events:
                    event = message.json()
                    assert (
                        SECRET not in message.data and event["job"]["id"] == mine if event["type"] == "move" else True
                    )
                    if event["type"] == "move" and event["job"]["ended_at"] is not None:
                        break


async def ask_as(site: Site, words: str) -> list[str]:
    """Ask as Bob does and return the Jobs' ids."""
    told = await site.send("POST /api/jobs", json.dumps({"words": words}))
    return [job["id"] for job in json.loads(told.text.partition("\r\n\r\n")[2])["jobs"]]


async def test_a_bearer_that_is_no_bearer_opens_nothing(site: Site) -> None:
    for claim in (f"Bearer {BEARER}x", "Bearer", f"Basic {BEARER}"):
        for path, told in (await site.everywhere("GET /api/p", Authorization=claim)).items():
            assert told.status == 401, (path, told)
