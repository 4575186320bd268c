"""Tests of the gallery: pages, favourites, families; nobody sees what is another's; nothing hostile gets in."""

from __future__ import annotations

import aiohttp
import pytest

from core.person import OWNER, Person, Place
from core.studio import Ask
from tests.support.page import Running, ask, settled


async def test_a_gallery_is_looked_through_kept_and_followed(browser: aiohttp.ClientSession) -> None:
    (asked,) = await ask(browser, "a red fox --seed 7 --steps 2 --n 2")
    first, second = (await settled(browser, asked["id"]))["pictures"]
    (varied,) = await ask(browser, "", kind="vary", parent=first["id"])
    (child,) = (await settled(browser, varied["id"]))["pictures"]
    (larger,) = await ask(browser, "", kind="upscale", parent=child["id"])
    (grandchild,) = (await settled(browser, larger["id"]))["pictures"]

    async def get(path: str) -> dict[str, object]:
        async with browser.get(path) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, object] = await answer.json()
            return found

    async def ids(query: str) -> list[str]:
        return [hit["id"] for hit in (await get(f"/api/pictures?{query}"))["pictures"]]  # type: ignore[attr-defined]

    newest_first = [grandchild["id"], child["id"]]
    assert (await ids(""))[:2] == newest_first and len(await ids("")) == 4
    # An enlargement is found by the words of what it was made from.
    assert await ids("words=RED+fox&limit=2") == newest_first
    assert await ids("seed=8") == [second["id"]]
    page = await get("/api/pictures?limit=3")
    assert page["total"] == 4 and page["next"]
    assert len(await ids(f"limit=3&before={page['next']}")) == 1
    async with browser.post(f"/api/pictures/{second['id'][-8:]}/favourite", json={"on": True}) as answer:
        assert await answer.json() == {"id": second["id"], "favourite": True}
    assert await ids("favourite=1") == [second["id"]]
    assert (await get(f"/api/pictures/{second['id']}/show"))["favourite"] is True
    for of in (first, child, grandchild):
        family = await get(f"/api/pictures/{of['id']}/family")
        assert family["first"] == first["id"]
        parents = {each["id"]: each["parent"] for each in family["kin"]}  # type: ignore[attr-defined]
        assert parents == {first["id"]: None, child["id"]: first["id"], grandchild["id"]: child["id"]}


async def test_what_is_deleted_is_found_by_its_id_alone(site: Running, browser: aiohttp.ClientSession) -> None:
    (asked,) = await ask(browser, "a red fox --steps 2")
    (kept,) = await ask(browser, "a red hen --steps 2")
    (fox,) = (await settled(browser, asked["id"]))["pictures"]
    (hen,) = (await settled(browser, kept["id"]))["pictures"]
    studio, mate = site.program.studio, Person("web:mate", may_moderate=True)
    # A moderator takes a card down where it stands, not out of what is another's.
    await studio.delete(mate, Place.of("web", {"feed": OWNER.id}), kept["id"])
    async with browser.post(f"/api/jobs/{asked['id']}/delete", headers={"X-Limner": "1"}) as answer:
        assert answer.status == 200
    assert [job["id"] for job in await studio.history(OWNER, None, 10)] == [kept["id"]]
    async with browser.get("/api/pictures") as answer:
        assert [hit["id"] for hit in (await answer.json())["pictures"]] == [hen["id"]]
    async with browser.get(f"/api/pictures/{fox['id']}/show") as answer:
        assert answer.status == 200
    assert len(await site.program.archive.history(OWNER.id, None, 10, removed=True)) == 2
    async with browser.ws_connect("/api/events?after=0") as events:
        assert (await events.receive_json())["job"]["id"] == kept["id"]


async def test_nobody_sees_the_pictures_of_another(site: Running, browser: aiohttp.ClientSession) -> None:
    bob = Person("web:bob")
    (job,) = await site.program.studio.ask(Ask(bob, Place.of("web", {"feed": bob.id}), "web:1", "a secret --steps 2"))
    picture = job["pictures"][0]["id"]
    async with browser.get("/api/pictures?words=secret") as answer:
        assert (await answer.json())["pictures"] == []
    async with browser.get(f"/api/pictures/{picture}/family") as answer:
        assert answer.status == 404
    async with browser.post(f"/api/pictures/{picture}/favourite", json={"on": True}) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "query",
    ["seed=-1", "seed=4294967296", "seed=x", "since=1e9", "until=99999999999999999999", "favourite=yes", "limit=201",
     "before=1", "before=1-../../../../../../../../..", "words=%00", "model=%1b", "words=" + "+".join("abcdefghi")],
)  # fmt: skip
async def test_a_wrong_search_is_refused_in_words(browser: aiohttp.ClientSession, query: str) -> None:
    async with browser.get(f"/api/pictures?{query}") as answer:
        told = await answer.json()
        assert answer.status == 400, told
        assert told["sentence"] and told["hint"]
