"""Tests of the interface: what is asked, what comes back, and what is refused in which words."""

from __future__ import annotations

import asyncio
import io
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from core.person import OWNER, Person, Place
from core.sheet import JobSheet
from core.studio import Ask
from tests.support.archive import png
from tests.support.attachments import half_mask, holed
from tests.support.fake_engine import FakeEngine
from tests.support.page import Running, ask, running, settled, visiting

MARK = {"X-Limner": "1"}


async def refused(browser: aiohttp.ClientSession, body: Any, status: int = 400) -> dict[str, Any]:
    async with browser.post("/api/jobs", json=body) as answer:
        told: dict[str, Any] = await answer.json()
        assert answer.status == status, told
        assert told["sentence"] and "hint" in told and "at" in told
        return told


async def painted(browser: aiohttp.ClientSession, words: str = "a red heart --steps 2", **body: Any) -> JobSheet:
    (sheet,) = await ask(browser, words, **body)
    return await settled(browser, sheet["id"])


async def test_words_become_a_picture(browser: aiohttp.ClientSession) -> None:
    (asked,) = await ask(browser, "/imagine a red heart --steps 2 --seed 7")
    assert asked["state"] == "queued" and asked["sentence"].startswith("Queued")
    sheet = await settled(browser, asked["id"])
    assert sheet["sentence"] == "Done, seed 7."
    (picture,) = sheet["pictures"]
    assert picture["alt"] == "a red heart" and picture["state"] == "stored"
    async with browser.get(f"/api/pictures/{picture['id']}/file?recipe=0") as answer:
        raw = await answer.read()
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert f"limner-{picture['id']}.png" in answer.headers["Content-Disposition"]
    assert Image.open(io.BytesIO(raw)).size == (picture["width"], picture["height"])
    async with browser.get(f"/api/pictures/{picture['id'][-6:]}") as answer:
        assert await answer.json() == picture
    async with browser.get(f"/api/jobs/{sheet['id']}") as answer:
        assert await answer.json() == sheet


@pytest.mark.parametrize(
    ("form", "kind"), [("png", "image/png"), ("webp", "image/webp"), ("jpeg", "image/jpeg"), ("thumb", "image/")]
)
async def test_a_picture_goes_out_in_every_form(browser: aiohttp.ClientSession, form: str, kind: str) -> None:
    (picture,) = (await painted(browser))["pictures"]
    async with browser.get(f"/api/pictures/{picture['id']}/file?form={form}") as answer:
        assert answer.status == 200 and answer.headers["Content-Type"].startswith(kind)
        Image.open(io.BytesIO(await answer.read())).verify()


async def test_what_is_kept_beside_a_picture_goes_out_by_its_role(browser: aiohttp.ClientSession) -> None:
    (picture,) = (await painted(browser, "a red heart beside"))["pictures"]
    (beside,) = picture["companions"]
    assert (beside["role"], beside["width"], beside["height"]) == ("prepared", picture["width"], picture["height"])
    async with browser.get(f"/api/pictures/{picture['id']}/file?role=prepared&recipe=1") as answer:
        raw = await answer.read()
        assert f"limner-{picture['id']}-prepared.png" in answer.headers["Content-Disposition"]
    assert not Image.open(io.BytesIO(raw)).info, "its recipe is the picture's"
    async with browser.get(f"/api/pictures/{picture['id']}/file?role=depth") as answer:
        assert answer.status == 404 and "Nothing of that kind" in (await answer.json())["sentence"]


async def test_the_same_request_id_is_one_job(browser: aiohttp.ClientSession, site: Running) -> None:
    first = await ask(browser, "a {red, blue} heart --steps 2", request_id="one")
    again = await ask(browser, "a {red, blue} heart --steps 2", request_id="one")
    assert len(first) == 2 and [job["id"] for job in first] == [job["id"] for job in again]
    other = await ask(browser, "a {red, blue} heart --steps 2", request_id="two")
    assert not {job["id"] for job in first} & {job["id"] for job in other}
    unnamed = await ask(browser), await ask(browser)
    assert unnamed[0][0]["id"] != unnamed[1][0]["id"]
    jobs = await site.program.studio.history(OWNER, None, 100)
    assert len(jobs) == 6


async def test_one_thing_asked_many_times_at_once_is_one_job(browser: aiohttp.ClientSession, site: Running) -> None:
    asked = await asyncio.gather(*(ask(browser, request_id="storm") for _ in range(12)))
    assert len({job["id"] for (job,) in asked}) == 1
    assert len(await site.program.studio.history(OWNER, None, 100)) == 1


async def test_many_jobs_are_asked_for_only_when_meant(browser: aiohttp.ClientSession) -> None:
    words = "a {red, blue, green} {cat, dog} --steps 1"
    async with browser.post("/api/jobs", json={"words": words}) as answer:
        assert answer.status == 409
        told = await answer.json()
        assert (told["code"], told["jobs"]) == ("unsure", 6)
    async with browser.post("/api/jobs", json={"words": words, "sure": "yes"}) as answer:
        assert answer.status == 400
    assert len(await ask(browser, words, sure=True)) == 6


async def test_a_draft_is_words_and_options_in_one(browser: aiohttp.ClientSession) -> None:
    options = {"steps": 3, "seed": 11, "width": 64, "height": 96, "guidance": 2, "count": 2, "negative_prompt": "hat"}
    async with browser.post("/api/jobs", json={"draft": {"prompt": "a cat", **options}}) as answer:
        assert answer.status == 201
        (sheet,) = (await answer.json())["jobs"]
    (same,) = await ask(browser, "a cat", options=options)
    recipes = [[picture["recipe_digest"] for picture in each["pictures"]] for each in (sheet, same)]
    assert recipes[0] == recipes[1] and len(recipes[0]) == 2
    assert sheet["pictures"][0]["recipe"]["negative_prompt"] == "hat"


@pytest.mark.parametrize("kind", ["reroll", "vary", "upscale", "reproduce"])
async def test_a_button_makes_a_job_from_a_picture(browser: aiohttp.ClientSession, kind: str) -> None:
    parent = (await painted(browser))["pictures"][0]
    async with browser.post("/api/jobs", json={"kind": kind, "parent": parent["id"]}) as answer:
        told = await answer.json()
        assert answer.status == 201, told
    (sheet,) = told["jobs"]
    assert sheet["kind"] == kind and sheet["pictures"][0]["parent"] == parent["id"]
    if kind == "reproduce":
        done = await settled(browser, sheet["id"])
        assert done["sentence"] == "identical"
        assert done["pictures"][0]["pixels_digest"] == parent["pixels_digest"]


async def test_a_file_from_the_page_reproduces(browser: aiohttp.ClientSession) -> None:
    parent = (await painted(browser))["pictures"][0]
    async with browser.get(f"/api/pictures/{parent['id']}/file?form=png&recipe=1") as answer:
        raw = await answer.read()
    found = []
    for _ in range(2):
        async with browser.post("/api/reproduce?request_id=f1", data=raw, headers=MARK) as answer:
            assert answer.status == 201
            found.append((await answer.json())["jobs"][0]["id"])
    assert found[0] == found[1]
    assert (await settled(browser, found[0]))["sentence"] == "identical"
    async with browser.post("/api/reproduce", data=png(), headers=MARK) as answer:
        assert answer.status == 409 and (await answer.json())["code"] == "cannot_reproduce"


async def test_a_sketch_is_taken_shown_and_painted_from(browser: aiohttp.ClientSession) -> None:
    async with browser.post("/api/sketches", data=png(size=(300, 200)), headers=MARK) as answer:
        assert answer.status == 201
        taken = await answer.json()
    assert (taken["width"], taken["height"]) == (300, 200)
    async with browser.get(f"/api/sketches/{taken['digest']}") as answer:
        assert answer.headers["Content-Type"] == "image/png" and "sandbox" in answer.headers["Content-Security-Policy"]
    sheet = await painted(browser, sketch=taken["digest"])
    assert sheet["pictures"][0]["sketch"] == taken["digest"]
    picture_id = sheet["pictures"][0]["id"]
    async with browser.post(f"/api/sketches/from/{picture_id}", headers=MARK) as answer:
        assert answer.status == 201 and (await answer.json())["digest"] != taken["digest"]


async def test_a_transparent_part_or_a_mask_is_painted_alone(browser: aiohttp.ClientSession) -> None:
    async with browser.post("/api/sketches", data=holed(), headers=MARK) as answer:
        sketch = await answer.json()
    async with browser.post("/api/masks", data=half_mask((192, 128)), headers=MARK) as answer:
        assert answer.status == 201
        mask = await answer.json()
    assert (mask["width"], mask["height"], mask["notes"]) == (192, 128, [])
    said = await painted(browser, words="a fox --inpaint --seed 1", sketch=sketch["digest"])
    given = await painted(browser, words="a fox --seed 1", sketch=sketch["digest"], mask=mask["digest"])
    assert {sheet["pictures"][0]["mask"] for sheet in (said, given)} == {sketch["mask"]}
    assert said["pictures"][0]["recipe_digest"] == given["pictures"][0]["recipe_digest"]
    async with browser.post("/api/sketches", data=png(), headers=MARK) as answer:
        assert (await answer.json())["mask"] is None
    for body, word in (({"mask": "0" * 64}, "mask is not here"), ({"mask": "short"}, "mask has not the form")):
        async with browser.post("/api/jobs", json={"words": "a fox", "sketch": sketch["digest"], **body}) as answer:
            assert answer.status in (400, 404) and word in (await answer.json())["sentence"]


NO_IMAGES = [
    b"",
    b"hello",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"<html><script>alert(1)</script>",
]


async def test_what_is_no_image_is_refused_and_never_comes_back(browser: aiohttp.ClientSession) -> None:
    for raw in NO_IMAGES:
        for path in ("/api/sketches", "/api/masks"):
            async with browser.post(path, data=raw, headers={**MARK, "Content-Type": "image/png"}) as answer:
                assert answer.status == 400 and (await answer.json())["code"] == "bad_sketch"


async def test_cancel_ends_a_job_and_again_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, engine=FakeEngine(step_s=0.05)) as site, visiting(site) as browser:
        (sheet,) = await ask(browser, "a red heart --steps 50")
        assert sheet["actions"] == ["cancel"]
        async with browser.post(f"/api/jobs/{sheet['id']}/cancel", headers=MARK) as answer:
            assert answer.status == 200
        assert (await settled(browser, sheet["id"]))["state"] == "cancelled"
        async with browser.post(f"/api/jobs/{sheet['id']}/cancel", headers=MARK) as answer:
            assert (await answer.json())["state"] == "cancelled"


async def test_history_goes_back_page_by_page(browser: aiohttp.ClientSession) -> None:
    for number in range(5):
        await ask(browser, f"heart number {number} --steps 1")
    found: list[str] = []
    before = ""
    while True:
        async with browser.get(f"/api/jobs?limit=2{before}") as answer:
            jobs = (await answer.json())["jobs"]
        if not jobs:
            break
        found += [job["typed"] for job in jobs]
        before = f"&before={jobs[-1]['id']}"
    assert found == [f"heart number {number} --steps 1" for number in (4, 3, 2, 1, 0)]
    async with browser.get("/api/jobs", params={"words": "number 3"}) as answer:
        assert [job["typed"] for job in (await answer.json())["jobs"]] == ["heart number 3 --steps 1"]


async def test_a_wrong_word_is_shown_with_a_caret(browser: aiohttp.ClientSession) -> None:
    told = await refused(browser, {"words": "a red heart --stepz 5"})
    assert told["code"] == "bad_words" and told["at"] == 12
    line, under = told["caret"].split("\n")
    assert line[under.index("^") :].startswith("--stepz")


WRONG = [
    ({"words": 5}, "words"),
    ({"words": "a heart", "kind": "erase"}, "kind"),
    ({"words": "a heart", "parent": "../../etc/passwd"}, "parent"),
    ({"words": "a heart", "sketch": "short"}, "sketch"),
    ({"words": "a heart", "request_id": "with blanks in it"}, "request_id"),
    ({"words": "a heart", "request_id": 5}, "request_id"),
    ({"words": "a heart", "wordz": 1}, "wordz"),
    ({"words": "a heart", "draft": {}}, "draft"),
    ({"words": "a heart", "options": []}, "options"),
    ({"words": "a heart", "options": {"steps": "many"}}, "steps"),
    ({"words": "a heart", "options": {"steps": True}}, "steps"),
    ({"words": "a heart", "options": {"seed": -1}}, "seed"),
    ({"words": "a heart", "options": {"seed": 2**32}}, "seed"),
    ({"words": "a heart", "options": {"guidance": "5"}}, "guidance"),
    ({"words": "a heart", "options": {"guidance": 1e300}}, "guidance"),
    ({"words": "a heart", "options": {"steps": 0}}, "steps"),
    ({"words": "a heart", "options": {"count": 17}}, "17"),
    ({"words": "a heart", "options": {"aspect": [0, 1]}}, "aspect"),
    ({"words": "a heart", "options": {"negative_prompt": "\x00"}}, "negative_prompt"),
    ({"words": "a heart", "options": {"negative_prompt": "\ud800"}}, "negative_prompt"),
    ({"words": "a heart", "options": {"model": "../../etc/passwd"}}, "passwd"),
    ({"words": "a heart", "options": {"nonsense": {}}}, "nonsense"),
    ({"words": ""}, "nothing to paint"),
    ({"words": "x" * 100_000}, "100,000"),
    ({"words": "/erase everything"}, "/erase"),
]


async def test_what_cannot_be_is_refused_in_words(browser: aiohttp.ClientSession) -> None:
    for body, says in WRONG:
        async with browser.post("/api/jobs", json=body) as answer:
            told = await answer.json()
            assert answer.status in (400, 409), told
            assert says in told["sentence"], told


NO_JSON = [b"", b"{", b"[]", b"5", b'{"words": NaN}', b'{"words": "\xff"}', b"[" * 200_000]


async def test_what_is_no_json_object_is_refused(browser: aiohttp.ClientSession) -> None:
    for raw in NO_JSON:
        async with browser.post("/api/jobs", data=raw, headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 400 and (await answer.json())["code"] == "bad_input"


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "@everyone <@123> [x](http://y)",
    "'; DROP TABLE jobs; --x",
    "\u202egnp.exe",
    "Z\u0351\u0350\u0357\u0363algo",
    "\U0001f469\u200d\U0001f4bb",
    "${7*7} {{7*7}}",
    "a\nb\tc",
    "%00%0d%0aSet-Cookie: a=b",
]


async def test_hostile_words_are_words(browser: aiohttp.ClientSession) -> None:
    for words in HOSTILE:
        async with browser.post("/api/jobs", json={"draft": {"prompt": words}}) as answer:
            told = await answer.json()
            assert answer.status in (201, 400), told
            assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        if answer.status == 201:
            assert told["jobs"][0]["typed"] == words


async def test_what_no_database_keeps_is_taken_out_and_said(browser: aiohttp.ClientSession) -> None:
    (sheet,) = await ask(browser, "a \ud800red\x00 heart")
    assert sheet["typed"] == "a red heart" and "2 control characters" in sheet["notes"][0]


ODD = [
    "/api/jobs?limit=0",
    "/api/jobs?limit=x",
    "/api/jobs?before=x",
    "/api/jobs?words=%00",
    "/api/events?after=x",
    "/api/pictures/01ABCDEFGH/file?form=exe",
    "/api/pictures/01ABCDEFGH/file?recipe=2",
    "/api/pictures/01ABCDEFGH/file?role=grid",
    "/api/events",
]


async def test_odd_addresses_are_refused_in_words(browser: aiohttp.ClientSession) -> None:
    for path in ODD:
        async with browser.get(path) as answer:
            assert answer.status == 400 and (await answer.json())["code"] == "bad_input"


NOWHERE = [
    "/api/pictures/01ABCDEFGH",
    "/api/jobs/01ABCDEFGH",
    "/api/sketches/" + "0" * 64,
    "/api/nothing",
    "/static/app.py",
    "/static/../app.py",
    "/static/..%2fapp.py",
    "/api/pictures/..%2f..%2fetc%2fpasswd/file",
    "/data/limner.db",
]


async def test_what_is_not_there_is_not_found(browser: aiohttp.ClientSession) -> None:
    for path in NOWHERE:
        async with browser.get(path) as answer:
            assert answer.status == 404 and (await answer.json())["code"] == "not_found"


async def test_a_limit_says_when_it_opens(tmp_path: Path) -> None:
    environ = {"LIMNER__LIMITS__PER_MINUTE": "1"}
    async with running(tmp_path, environ=environ) as site, visiting(site) as browser:
        await ask(browser)
        async with browser.post("/api/jobs", json={"words": "one more"}) as answer:
            told = await answer.json()
            assert answer.status == 429 and told["code"] == "limit_reached"
            assert 1 <= int(answer.headers["Retry-After"]) <= 61 and told["opens_at"] > 0


async def read_events(browser: aiohttp.ClientSession, after: int, until: str) -> list[dict[str, Any]]:
    found = []
    async with browser.ws_connect(f"/api/events?after={after}") as events, asyncio.timeout(20):
        async for message in events:
            event = message.json()
            found.append(event)
            if event["type"] == "move" and event["job"]["id"] == until and event["job"]["ended_at"]:
                break
    return found


async def test_events_are_replayed_after_the_last_seen_and_never_twice(browser: aiohttp.ClientSession) -> None:
    first = await painted(browser, "heart one --steps 1")
    second = await painted(browser, "heart two --steps 1")
    whole = [event for event in await read_events(browser, 0, second["id"]) if event["id"] is not None]
    ids = [event["id"] for event in whole]
    assert ids == sorted(set(ids))
    assert {event["job"]["id"] for event in whole} == {first["id"], second["id"]}
    last_of_first = max(event["id"] for event in whole if event["job"]["id"] == first["id"])
    rest = await read_events(browser, last_of_first, second["id"])
    assert {event["job"]["id"] for event in rest if event["type"] == "move"} == {second["id"]}
    assert all(event["id"] is None or event["id"] > last_of_first for event in rest)


async def test_a_line_cut_at_any_event_loses_nothing(browser: aiohttp.ClientSession) -> None:
    jobs = [await ask(browser, f"heart {number} --steps 3") for number in range(3)]
    ends: dict[str, str] = {}
    after, heard = 0, []
    async with asyncio.timeout(20):
        while len(ends) < len(jobs):
            # One durable event on each line, then the line is cut.
            async with browser.ws_connect(f"/api/events?after={after}") as events:
                async for message in events:
                    event = message.json()
                    if event["id"] is None:
                        continue
                    heard.append(event["id"])
                    after = event["id"]
                    if event["job"]["ended_at"]:
                        ends[event["job"]["id"]] = event["job"]["state"]
                    break
    assert heard == sorted(set(heard))
    assert set(ends.values()) == {"delivered"}


async def test_steps_pass_by_with_previews(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(running(tmp_path, engine=FakeEngine(step_s=0.02)))
        browser = await stack.enter_async_context(visiting(site))
        (sheet,) = await ask(browser, "a red heart --steps 10")
        steps = [event for event in await read_events(browser, 0, sheet["id"]) if event["type"] == "stepping"]
    assert steps and all(step["job"] == sheet["id"] and step["id"] is None for step in steps)
    assert [step["step"] for step in steps] == sorted(step["step"] for step in steps)
    assert any(step["preview"] for step in steps)


async def test_nobody_hears_of_anothers_jobs(site: Running, browser: aiohttp.ClientSession) -> None:
    stranger = Place.of("web", {"feed": "web:stranger"})
    await site.program.studio.ask(Ask(Person("web:stranger"), stranger, "stranger-1", "a private heart --steps 1"))
    mine = await painted(browser, "my heart --steps 1")
    events = await read_events(browser, 0, mine["id"])
    assert "private" not in str(events)
    async with browser.get("/api/jobs") as answer:
        assert "private" not in await answer.text()
    (theirs,) = await site.program.studio.history(Person("web:stranger"))
    for path in (f"/api/jobs/{theirs['id']}", f"/api/pictures/{theirs['pictures'][0]['id']}"):
        async with browser.get(path) as answer:
            assert answer.status == 404
    async with browser.post(f"/api/jobs/{theirs['id']}/cancel", headers=MARK) as answer:
        assert answer.status == 404


async def test_a_page_that_leaves_is_forgotten(site: Running, browser: aiohttp.ClientSession) -> None:
    before = set(site.program.studio._feed._open)
    for _ in range(3):
        async with browser.ws_connect("/api/events?after=0"):
            pass
    # The server answers a close before the socket's task is done; one more answer later it is.
    async with browser.get("/api/health"):
        assert site.program.studio._feed._open == before
