"""Tests of the owner's screen over HTTP: who asked, the device, Models in memory, a Job's log; no words, no path."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.errors import BadInput, NotAllowed
from core.logs import FILE, about
from core.person import OWNER, Person, Place
from core.studio import Ask
from tests.support.page import Running, ask, running, settled, visiting

FRIEND = Person("web:friend")
THERE = Place.of("web", {"feed": FRIEND.id})


async def told(browser: aiohttp.ClientSession, path: str) -> Any:
    async with browser.get(path) as answer:
        assert answer.status == 200, path
        return await answer.json()


async def test_the_owner_sees_who_asked_and_every_move_but_no_words(
    site: Running, browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    [job] = await ask(browser, "my secret heart --steps 2")
    await settled(browser, job["id"])
    await site.program.studio.ask(Ask(FRIEND, THERE, "web:1", "a friend's secret --steps 1"))
    people = (await told(browser, "/api/askers"))["people"]
    assert {each["id"] for each in people} == {OWNER.id, FRIEND.id}
    assert people[0]["id"] == OWNER.id and people[0]["cost"] == job["cost"]
    log = tmp_path / FILE
    log.parent.mkdir()
    log.write_text(f'at=2026-01-01T00:00:00.000Z level=info part=x job={job["id"]} said="job \\"it\\" went"\nelse\n')
    found = await told(browser, f"/api/jobs/{job['id'][-8:]}/log")
    assert [move["to"] for move in found["moves"]] == ["queued", "running", "running", "rendered", "delivered"]
    assert found["lines"][0]["said"] == 'job "it" went' and len(found["lines"]) == 1
    assert "secret" not in str((people, found)) and str(tmp_path) not in str(found)
    device = await told(browser, "/api/device")
    assert 0 < device["memory"]["used"] < device["memory"]["whole"]


async def test_the_owner_loads_drops_and_chooses_models_and_it_lasts(tmp_path: Path) -> None:
    async with running(tmp_path) as site, visiting(site) as browser:

        async def act(path: str, status: int, **body: Any) -> None:
            async with browser.post(path, json=body) as answer:
                assert answer.status == status, await answer.text()

        await act("/api/models", 200, model="builtin", what="load")
        assert (await told(browser, "/api/device"))["loaded"] == ["builtin"]
        await act("/api/models", 200, model="builtin", what="unload")
        assert (await told(browser, "/api/device"))["loaded"] == []
        await act("/api/models", 400, model="builtin", what="install")
        await act("/api/models", 409, model="../etc/passwd", what="load")
        await act("/api/acts", 409, what="default_model", detail={"model": "nothing"})
        await act("/api/acts", 200, what="default_model", detail={"model": "builtin"})
        assert (await site.program.archive.overrides())["models.default"] == "builtin"
        await site.program.archive.override({"models.default": "gone"})
        assert (await told(browser, "/api/health"))["model"] == "builtin"


async def test_nobody_else_is_let_to_the_desk_or_erases_another(site: Running) -> None:
    studio = site.program.studio
    for refused in (
        studio.desk.people(FRIEND), studio.desk.device(FRIEND), studio.desk.log(FRIEND, "x"),
        studio.desk.model(FRIEND, "builtin", "load"), studio.people.erase(FRIEND, OWNER.id, OWNER.id),
        studio.operator.act(FRIEND, THERE, "default_model", model="builtin"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            await refused
    await studio.ask(Ask(FRIEND, THERE, "web:1", "a heart --steps 1"))
    with pytest.raises(BadInput):
        await studio.people.erase(OWNER, "erase", FRIEND.id)
    async with asyncio.timeout(20):
        assert (await studio.people.erase(OWNER, FRIEND.id, FRIEND.id))["jobs"] == 1


def test_an_error_in_the_log_is_told_without_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "limner.log"
    log.write_text(
        '{"at": "x", "level": "error", "said": "job A failed", "error": "File \\"/a/b.py\\"\\nKeyError: 1"}\n'
    )
    (tmp_path / "limner.log.1").write_text("")
    assert about(log, "A") == [
        {"at": "x", "level": "error", "part": "", "said": "job A failed", "error": "KeyError: 1"}
    ]
    assert about(log, "B") == []
