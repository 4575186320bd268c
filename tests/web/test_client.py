"""Tests of RemoteStudio: the same methods as Studio, the same sheets, the same errors, from the other side of HTTP."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core import errors
from core.errors import (
    BadWords,
    CannotReproduce,
    LimitReached,
    ModelUnavailable,
    NotFound,
    StudioError,
    Unavailable,
    Unsure,
)
from core.person import OWNER, Place
from core.studio import Ask, Studio
from tests.support.archive import png
from tests.support.attachments import half_mask
from tests.support.fake_engine import FakeEngine
from tests.support.page import BEARER, Running, running
from web.client import RemoteStudio
from web.wire import STATUS, error_from, status_of

HERE = Place.of("cli", {"feed": OWNER.id})


@pytest.fixture
async def remote(site: Running) -> AsyncIterator[RemoteStudio]:
    async with RemoteStudio(site.url, BEARER) as remote:
        yield remote


def public(kind: type) -> dict[str, inspect.Signature]:
    methods = inspect.getmembers(kind, inspect.isfunction)
    return {name: inspect.signature(method) for name, method in methods if not name.startswith("_")}


def test_it_has_every_method_of_studio_with_the_same_signature() -> None:
    ours = public(RemoteStudio)
    del ours["close"]
    assert ours == public(Studio)


async def end_of(remote: RemoteStudio, job_id: str) -> None:
    async with asyncio.timeout(20):
        async for event in remote.watch(OWNER, HERE, 0):
            if event["type"] == "move" and event["job"]["id"] == job_id and event["job"]["ended_at"]:
                return


async def test_both_sides_tell_the_same(site: Running, remote: RemoteStudio) -> None:
    studio = site.program.studio
    (asked,) = await remote.ask(Ask(OWNER, HERE, "cli:1", "a red heart --n 2", options={"steps": 2, "aspect": (3, 2)}))
    await end_of(remote, asked["id"])
    sheet = await remote.job(OWNER, HERE, asked["id"])
    picture = sheet["pictures"][0]
    assert sheet == await studio.job(OWNER, HERE, asked["id"]) and len(sheet["pictures"]) == 2
    assert picture["width"] > picture["height"]
    assert await remote.picture(OWNER, HERE, picture["id"]) == await studio.picture(OWNER, HERE, picture["id"])
    both = [await each.picture_file(OWNER, HERE, picture["id"], "png", True) for each in (remote, studio)]
    assert both[0] == both[1] and both[0][1] == "image/png"
    assert await remote.history(OWNER, None, 5) == await studio.history(OWNER, None, 5)
    assert await remote.addons() == json.loads(json.dumps(await studio.addons()))
    assert await remote.models() == json.loads(json.dumps(await studio.models()))
    assert await remote.health() == await studio.health()
    taken = await remote.take_sketch(OWNER, HERE, png())
    assert taken == await studio.take_sketch(OWNER, HERE, png())
    assert await remote.take_mask(OWNER, HERE, half_mask()) == await studio.take_mask(OWNER, HERE, half_mask())
    assert await remote.sketch_file(OWNER, taken["digest"]) == await studio.sketch_file(OWNER, taken["digest"])
    assert await remote.sketch_thumb(OWNER, taken["digest"]) == await studio.sketch_thumb(OWNER, taken["digest"])
    assert await remote.origin(OWNER, HERE, picture["id"]) is None
    assert await remote.picture_as_sketch(OWNER, HERE, picture["id"]) == await studio.picture_as_sketch(
        OWNER, HERE, picture["id"]
    )
    (again,) = await remote.reproduce_file(OWNER, HERE, "cli:2", both[0][0])
    await end_of(remote, again["id"])
    assert (await remote.job(OWNER, HERE, again["id"]))["sentence"] == "identical"
    assert (await remote.cancel(OWNER, HERE, again["id"]))["state"] == "delivered"
    job = await site.program.archive.job(asked["id"])
    assert job is not None and job.place == HERE


async def test_a_retry_by_the_same_source_is_one_job(remote: RemoteStudio) -> None:
    twice = [await remote.ask(Ask(OWNER, HERE, "cli:same", "a heart --steps 1")) for _ in range(2)]
    assert twice[0][0]["id"] == twice[1][0]["id"]


async def test_long_histories_come_in_pages(tmp_path: Path) -> None:
    go_on = threading.Event()
    engine = FakeEngine(step_s=lambda _: 0.0 if go_on.wait(60) else 0.0)
    many = f"a heart {{{','.join(map(str, range(16)))}}} --steps 1"
    environ = {"LIMNER__LIMITS__WAITING": "0"}
    async with running(tmp_path, engine=engine, environ=environ) as site, RemoteStudio(site.url, BEARER) as remote:
        try:
            for number in range(7):
                await site.program.studio.ask(Ask(OWNER, HERE, f"many-{number}", many, sure=True))
            found = await remote.history(OWNER, None, 102)
        finally:
            go_on.set()
    assert len({sheet["id"] for sheet in found}) == 102


async def test_errors_come_back_as_themselves(remote: RemoteStudio) -> None:
    with pytest.raises(BadWords) as wrong:
        await remote.ask(Ask(OWNER, HERE, "e1", "a heart --stepz 4"))
    assert wrong.value.at == 8 and wrong.value.words == "a heart --stepz 4" and wrong.value.hint
    with pytest.raises(NotFound):
        await remote.job(OWNER, HERE, "ABCDEFGH")
    with pytest.raises(NotFound):
        await remote.job(OWNER, HERE, "../health")
    with pytest.raises(ModelUnavailable):
        await remote.ask(Ask(OWNER, HERE, "e2", "a heart", options={"model": "none"}))
    with pytest.raises(CannotReproduce):
        await remote.reproduce_file(OWNER, HERE, "e3", png())


async def test_a_limit_comes_back_with_its_time(tmp_path: Path) -> None:
    environ = {"LIMNER__LIMITS__PER_MINUTE": "1"}
    async with running(tmp_path, environ=environ) as site, RemoteStudio(site.url, BEARER) as remote:
        await remote.ask(Ask(OWNER, HERE, "1", "a heart"))
        with pytest.raises(LimitReached) as reached:
            await remote.ask(Ask(OWNER, HERE, "2", "a heart"))
    assert reached.value.opens_at


async def test_a_wrong_bearer_and_a_dead_server_are_said(tmp_path: Path) -> None:
    async with running(tmp_path, warm=False) as site, RemoteStudio(site.url, "wrong") as remote:
        with pytest.raises(errors.NotAllowed):
            await remote.models()
        url = site.url
    async with RemoteStudio(url, BEARER) as remote:
        with pytest.raises(Unavailable, match="does not answer"):
            await remote.health()
        with pytest.raises(Unavailable, match="does not answer"):
            await anext(aiter(remote.watch(OWNER, HERE, 0)))


async def test_watch_says_when_the_server_stops(tmp_path: Path) -> None:
    async with running(tmp_path) as site, RemoteStudio(site.url, BEARER) as remote:
        (asked,) = await remote.ask(Ask(OWNER, HERE, "w", "a heart --steps 1"))
        with pytest.raises(Unavailable, match="stopped"):
            async for event in remote.watch(OWNER, HERE, 0):
                if event["type"] == "move" and event["job"]["ended_at"]:
                    assert event["job"]["id"] == asked["id"]
                    await site.page.stop()


def kinds(root: type[StudioError] = StudioError) -> list[type[StudioError]]:
    found = [root]
    for kind in root.__subclasses__():
        found += kinds(kind)
    return found


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind.__module__ in ("core.errors", "web.wire")])
def test_every_error_travels(kind: type[StudioError]) -> None:
    assert kind in STATUS
    sent = kind(16) if issubclass(kind, Unsure) else kind("What is wrong.", "What to do.")
    came = error_from(json.loads(json.dumps(sent.as_json())))
    assert type(came) is kind and came.as_json() == sent.as_json()
    assert 400 <= status_of(sent) < 600


def test_an_unknown_code_is_a_plain_error() -> None:
    assert type(error_from({"code": "of a newer server", "sentence": "x"})) is StudioError


def test_importing_the_page_is_light() -> None:
    heavy = "{'torch', 'diffusers', 'transformers', 'sqlalchemy', 'PIL', 'discord', 'numpy'}"
    script = f"import sys, web.app, web.client; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
