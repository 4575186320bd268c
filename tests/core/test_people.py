"""One Person's own things and an operator's acts, on the whole program with an engine that paints stripes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from build import Program
from core.errors import BadInput, Busy, NotAllowed, NotFound
from core.person import OWNER, Person, Place
from tests.support.fake_engine import FakeEngine
from tests.support.program import PLACE, ask, done, running

SERVER = Place.of("discord", {"guild": 1, "channel": "7"})
STRANGER = Person("discord:5")
MANAGER = Person("discord:6", manages=True)


@pytest.fixture
async def still(tmp_path: Path) -> AsyncIterator[Program]:
    """Give a program that accepts and paints nothing."""
    async with running(tmp_path, lambda _load, _registry: FakeEngine(), start=False) as program:
        yield program


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    async with running(tmp_path, lambda _load, _registry: FakeEngine()) as program:
        yield program


async def test_typed_options_win_over_defaults_and_those_over_the_models(still: Program) -> None:
    people = still.studio.people
    await people.set_defaults(OWNER, "--steps 3 --ar 3:2 --n 2 --no blur", suffix="in oil")
    sheet = await ask(still, "a red heart")
    recipe = sheet["pictures"][0]["recipe"]
    assert (recipe["steps"], recipe["prompt"], len(sheet["pictures"])) == (3, "a red heart in oil", 2)
    assert recipe["negative_prompt"] == "blur" and recipe["width"] > recipe["height"]
    recipe = (await ask(still, "a red heart --steps 5 --size 64x128 --n 1 --no"))["pictures"][0]["recipe"]
    assert (recipe["steps"], recipe["width"], recipe["height"]) == (5, 64, 128) and "negative_prompt" not in recipe
    assert (await ask(still, "a red heart", options={"steps": 7}))["pictures"][0]["recipe"]["steps"] == 7
    assert len((await ask(still, "a red heart --n 1"))["pictures"]) == 1
    assert (await people.set_defaults(OWNER, "none")).options == {}
    assert (await people.defaults(OWNER)).suffix == "in oil" and (await people.defaults(STRANGER)).suffix == ""


@pytest.mark.parametrize("typed", ["--steps 900", "a heart", "--seed 5", "--steps {3, 4}", "--stepz 3", "--sampler x"])
async def test_defaults_no_job_could_have_are_refused(still: Program, typed: str) -> None:
    with pytest.raises(BadInput):
        await still.studio.people.set_defaults(OWNER, typed)
    with pytest.raises(BadInput):
        await still.studio.people.set_defaults(OWNER, suffix="x" * 501)
    with pytest.raises(BadInput):
        await still.studio.people.set_defaults(OWNER, options={"width": 100, "height": 100})
    assert (await still.studio.people.defaults(OWNER)).options == {}


@pytest.mark.parametrize(
    "words", ["a red heart --steps 4 --seed 9", '--prompt "a {b} | --c" --seed 3', "x --vary 7:0.2"]
)
async def test_the_line_that_show_gives_paints_the_same_recipe(still: Program, words: str) -> None:
    picture = (await ask(still, words))["pictures"][0]
    shown = await still.studio.show(OWNER, PLACE, picture["id"])
    assert (await ask(still, shown["command"]))["pictures"][0]["recipe_digest"] == picture["recipe_digest"]
    # Whoever has defaults gets another line, for the same Recipe.
    await still.studio.people.set_defaults(OWNER, "--no fog --n 3 --steps 2 --ar 2:3", suffix="in oil")
    shown = await still.studio.show(OWNER, PLACE, picture["id"])
    sheet = await ask(still, shown["command"])
    assert [each["recipe_digest"] for each in sheet["pictures"]] == [picture["recipe_digest"]]


async def test_show_names_the_family(program: Program) -> None:
    parent = (await done(program, "a red heart"))["pictures"][0]
    child = (await done(program, "", kind="vary", parent=parent["id"]))["pictures"][0]
    assert (await program.studio.show(OWNER, PLACE, parent["id"]))["children"] == [child["id"]]
    assert (await program.studio.show(OWNER, PLACE, child["id"]))["parent"] == parent["id"]
    with pytest.raises(NotFound):
        await program.studio.show(STRANGER, SERVER, parent["id"])


async def test_files_tell_their_recipe_as_who_asked_wants(program: Program) -> None:
    studio, picture = program.studio, (await done(program, "a red heart"))["pictures"][0]["id"]
    told = (await studio.picture_file(OWNER, PLACE, picture, "png"))[0]
    assert b"parameters" in told
    await studio.people.set_defaults(OWNER, recipe=False)
    assert b"parameters" not in (await studio.picture_file(OWNER, PLACE, picture, "png"))[0]
    assert b"parameters" in (await studio.picture_file(OWNER, PLACE, picture, "png", True))[0]
    await studio.people.set_defaults(OWNER, recipe=True)
    await studio.operator.act(OWNER, PLACE, "recipe", on=False)
    assert b"parameters" not in (await studio.picture_file(OWNER, PLACE, picture, "png"))[0]


async def test_the_line_shows_others_jobs_without_their_words(still: Program) -> None:
    mine = await ask(still, "a red heart")
    theirs = await ask(still, "a secret", STRANGER, SERVER)
    rows = await still.studio.people.queue(OWNER, PLACE)
    assert [(row["mine"], row["job"], row["words"]) for row in rows] == [
        (True, mine["id"], "a red heart"), (False, None, None)]  # fmt: skip
    rows = await still.studio.people.queue(Person("discord:8"), SERVER)
    assert [row["words"] for row in rows] == [None, "a secret"] and rows[1]["job"] == theirs["id"]


async def test_limits_say_when_they_open(still: Program) -> None:
    await still.studio.operator.act(OWNER, PLACE, "limit", waiting=9, per_minute=1)
    before = {each["name"]: each for each in await still.studio.people.limits(STRANGER, SERVER)}
    assert before["per_minute"]["opens_at"] is None and before["day_cost"]["most"] != 0
    await ask(still, "a red heart", STRANGER, SERVER)
    found = {each["name"]: each for each in await still.studio.people.limits(STRANGER, SERVER)}
    assert (found["per_minute"]["used"], found["per_minute"]["most"]) == (1, 1)
    assert found["per_minute"]["opens_at"] is not None and found["waiting"]["used"] == 1


async def test_what_a_server_refuses_is_refused_before_anything_is_written(still: Program) -> None:
    studio = still.studio
    await studio.operator.act(MANAGER, SERVER, "refuse_words", words=["frobnitz"])
    with pytest.raises(BadInput):
        await ask(still, "a frobnitz", STRANGER, SERVER)
    # A parent's words count as well, and a suffix.
    parent = (await ask(still, "a frobnitz", STRANGER, Place.of("discord", {"guild": 2, "channel": "9"})))["pictures"][
        0
    ]
    with pytest.raises(BadInput):
        await ask(still, "", STRANGER, SERVER, kind="reroll", parent=parent["id"])
    await studio.people.set_defaults(STRANGER, suffix="frobnitz")
    with pytest.raises(BadInput):
        await ask(still, "a heart", STRANGER, SERVER)
    assert len(await still.archive.history(STRANGER.id, None, 10)) == 1
    await studio.operator.act(MANAGER, SERVER, "ban", who=STRANGER.id)
    with pytest.raises(NotAllowed):
        await studio.admit(STRANGER, SERVER)


async def test_only_the_owner_and_who_manages_a_server_may_act(still: Program) -> None:
    operator = still.studio.operator
    for person, place, what in ((STRANGER, SERVER, "spoiler"), (MANAGER, PLACE, "spoiler"), (MANAGER, SERVER, "pause")):
        with pytest.raises(NotAllowed):
            await operator.act(person, place, what)
    with pytest.raises(NotAllowed):
        await operator.act(MANAGER, SERVER, "spoiler", server="discord:2")
    with pytest.raises(NotAllowed):
        await operator.stats(STRANGER, SERVER)
    await operator.act(MANAGER, SERVER, "spoiler")
    await operator.act(OWNER, PLACE, "spoiler", server="discord:2")
    assert (await still.studio.manners(SERVER))["spoiler"] and not (await still.studio.manners(PLACE))["spoiler"]
    assert [(act["person"], act["server"]) for act in await operator.acts(MANAGER, SERVER)] == [
        ("discord:6", "discord:1")]  # fmt: skip
    assert len(await operator.acts(OWNER, PLACE)) == 2
    assert (await operator.stats(MANAGER, SERVER))["acts"] == {"spoiler": 1}


async def test_pause_and_drain_outlive_a_start_and_are_told(tmp_path: Path) -> None:
    async with running(tmp_path, lambda _load, _registry: FakeEngine()) as program:
        await program.studio.operator.act(OWNER, PLACE, "pause")
        sheet = await ask(program, "a red heart")
        assert sheet["state"] == "queued" and "paused by the owner" in sheet["sentence"]
    async with running(tmp_path, lambda _load, _registry: FakeEngine()) as program:
        assert (await program.studio.job(OWNER, PLACE, sheet["id"]))["state"] == "queued"
        assert await program.archive.claim("w", 1) is None and await program.archive.next_due("queue") is None
        await program.studio.operator.act(OWNER, PLACE, "drain")
        with pytest.raises(Busy) as caught:
            await ask(program, "another")
        assert caught.value.hint
        await program.studio.operator.act(OWNER, PLACE, "resume")
        await done(program, "a blue heart")
        assert (await program.studio.operator.stats(OWNER, PLACE))["pictures"] == 2


async def test_the_export_holds_all_and_erasing_leaves_nothing_to_export(program: Program) -> None:
    people, picture = program.studio.people, (await done(program, "a red heart"))["pictures"][0]
    await people.set_defaults(OWNER, "--steps 3")
    raw = b"".join([piece async for piece in people.export(OWNER)])
    with zipfile.ZipFile(io.BytesIO(raw)) as folder:
        (job,) = [json.loads(line) for line in folder.read("jobs.jsonl").splitlines()]
        assert job["typed"] == "a red heart" and job["pictures"][0]["recipe"]["prompt"] == "a red heart"
        assert b"parameters" in folder.read(f"pictures/{picture['id']}.png")
        assert json.loads(folder.read("defaults.json"))["options"] == {"steps": 3}
        assert json.loads(folder.read("missing.json")) == {}
    with pytest.raises(BadInput):
        await people.erase(OWNER, "yes")
    found = await people.erase(OWNER, "erase")
    assert (found["jobs"], found["pictures"], found["files"], found["wal"]) == (1, 1, 1, True)
    with pytest.raises(NotFound) as caught:
        await ask(program, "", kind="reroll", parent=picture["id"])
    assert "erased" in caught.value.sentence
    raw = b"".join([piece async for piece in people.export(OWNER)])
    assert zipfile.ZipFile(io.BytesIO(raw)).read("jobs.jsonl") == b""


async def test_erasing_stops_what_is_painted_and_the_device_goes_on(program: Program) -> None:
    await ask(program, "a red heart --n 4 --steps 50")
    assert (await program.studio.people.erase(OWNER, "erase"))["jobs"] == 1
    assert (await done(program, "a blue heart"))["state"] == "delivered"


async def test_who_may_take_a_card_down(still: Program) -> None:
    sheet = await ask(still, "a heart", STRANGER, SERVER)
    for person in (STRANGER, Person("discord:8", may_moderate=True), Person("discord:9", is_owner=True)):
        assert (await still.studio.delete(person, SERVER, sheet["id"]))["id"] == sheet["id"]
    with pytest.raises(NotAllowed):
        await still.studio.delete(Person("discord:8"), SERVER, sheet["id"])
    with pytest.raises(NotFound):
        await still.studio.delete(Person("discord:8", may_moderate=True), PLACE, sheet["id"])
