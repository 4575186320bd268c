"""What is a Person's own and what the owner decides, asked from the other side of HTTP: the same, and no more."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator

import pytest

from core.errors import BadInput, NotAllowed
from core.person import OWNER, Place
from core.studio import Ask
from tests.support.page import BEARER, Running
from web.client import RemoteStudio
from web.own import OVER_HTTP

HERE = Place.of("cli", {"feed": OWNER.id})


@pytest.fixture
async def remote(site: Running) -> AsyncIterator[RemoteStudio]:
    async with RemoteStudio(site.url, BEARER) as remote:
        yield remote


async def test_defaults_limits_and_the_line_are_the_same_on_both_sides(site: Running, remote: RemoteStudio) -> None:
    people = site.program.studio.people
    changed = await remote.people.set_defaults(OWNER, "--steps 3 --ar 3:2", suffix="in oil")
    assert changed == await people.defaults(OWNER) == await remote.people.defaults(OWNER)
    assert changed.options == {"steps": 3, "aspect": (3, 2)}
    with pytest.raises(BadInput):
        await remote.people.set_defaults(OWNER, "--steps 900")
    await remote.operator.act(OWNER, HERE, "pause")
    await remote.ask(Ask(OWNER, HERE, "cli:1", "a red heart"))
    assert await remote.people.queue(OWNER, HERE) == await people.queue(OWNER, HERE)
    assert await remote.people.limits(OWNER, HERE) == await people.limits(OWNER, HERE)
    assert (await remote.manners(HERE))["paused"] and len(await remote.styles()) > 30
    await remote.admit(OWNER, HERE)


async def test_only_some_acts_go_over_http(remote: RemoteStudio) -> None:
    for what in ("refuse_words", "ban", "spoiler", "sync", "allow_role"):
        assert what not in OVER_HTTP
        with pytest.raises(NotAllowed):
            await remote.operator.act(OWNER, HERE, what)
    await remote.operator.act(OWNER, HERE, "limit", waiting=5)
    assert [act["what"] for act in await remote.operator.acts(OWNER, HERE)] == ["limit"]
    assert (await remote.operator.rules(OWNER, HERE))["base"] == {"waiting": 5}
    assert (await remote.operator.stats(OWNER, HERE))["acts"] == {"limit": 1}


async def test_the_export_comes_in_pieces_and_erasing_needs_the_word(site: Running, remote: RemoteStudio) -> None:
    await remote.operator.act(OWNER, HERE, "pause")
    await remote.ask(Ask(OWNER, HERE, "cli:1", "a red heart"))
    raw = b"".join([piece async for piece in remote.people.export(OWNER)])
    assert b"a red heart" in zipfile.ZipFile(io.BytesIO(raw)).read("jobs.jsonl")
    with pytest.raises(BadInput):
        await remote.people.erase(OWNER, "")
    assert (await remote.people.erase(OWNER, "erase"))["jobs"] == 1
    assert await site.program.archive.history(OWNER.id, None, 5) == []
