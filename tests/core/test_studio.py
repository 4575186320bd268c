"""Studio, Dispatcher and Courier on the real Archive: what is asked is painted, settled and told, whatever breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event as Gate

import pytest

from core.asking import jobs_of
from core.errors import (
    BadInput,
    BadWords,
    Busy,
    CannotReproduce,
    LimitReached,
    NotAllowed,
    NotFound,
    StudioError,
    Unsure,
)
from core.person import OWNER, Person, Place
from core.records import Event
from core.studio import Ask
from parts import MakeEngine
from tests.support.archive import png
from tests.support.fake_engine import FakeEngine
from tests.support.program import PLACE, ask, done, ended, running

ANN, BOB = Person("discord:1", "Ann"), Person("discord:2", "Bob")
EVE, NOOK = Person("web:eve"), Place.of("web", {"feed": "web:eve"})
ROOM, HALL = Place.of("discord", {"channel": 1}), Place.of("discord", {"channel": 2})


@pytest.mark.parametrize(
    ("words", "count"),
    [("a heart", 1), ("/imagine {a, b, c} | d", 6), ("a --repeat 7", 7), ("a --n 16", 1), ("/reroll 7F3K2A", 1)],
)
def test_jobs_are_counted_as_they_will_be_made(words: str, count: int) -> None:
    assert jobs_of(words, ("builtin",)) == count


def fake(engine: FakeEngine | None = None) -> MakeEngine:
    return lambda _load, _models: engine or FakeEngine()


async def test_words_become_a_picture_with_its_recipe_logged(tmp_path: Path) -> None:
    async with running(tmp_path, fake()) as program:
        sheet = await done(program, "/imagine a red heart --seed 42 --steps 4 --n 2")
        assert sheet["state"] == "delivered"
        assert [picture["seed"] for picture in sheet["pictures"]] == [42, 43]
        assert all(len(picture["pixels_digest"] or "") == 64 for picture in sheet["pictures"])
        assert sheet["sentence"] == "Done, seeds 42 to 43."
        raw, kind = await program.studio.picture_file(OWNER, PLACE, sheet["pictures"][0]["id"], "png", True)
        assert kind == "image/png"
        assert b"limner" in raw


async def test_a_permutation_is_one_job_each_and_shares_the_seed(tmp_path: Path) -> None:
    async with running(tmp_path, fake()) as program:
        sheets = await program.studio.ask(Ask(OWNER, PLACE, "x", "a {red, blue} fish --steps 2"))
        assert [sheet["pictures"][0]["prompt"] for sheet in sheets] == ["a red fish", "a blue fish"]
        assert len({sheet["pictures"][0]["seed"] for sheet in sheets}) == 1
        again = await program.studio.ask(Ask(OWNER, PLACE, "x", "a {red, blue} fish --steps 2"))
        assert [sheet["id"] for sheet in again] == [sheet["id"] for sheet in sheets]


async def test_many_jobs_are_asked_about_before_anything_is_written(tmp_path: Path) -> None:
    async with running(tmp_path, fake()) as program:
        words = "a {red, blue, green} {cat, dog} --steps 1"
        with pytest.raises(Unsure) as unsure:
            await program.studio.ask(Ask(OWNER, PLACE, "x", words))
        assert unsure.value.jobs == 6 and await program.studio.history(OWNER) == []
        assert len(await program.studio.ask(Ask(OWNER, PLACE, "x", words, sure=True))) == 6
        assert len(await program.studio.ask(Ask(OWNER, PLACE, "y", "{a, b, c, d, e} --steps 1"))) == 5


async def test_reroll_vary_upscale_and_reproduce_know_their_parent(tmp_path: Path) -> None:
    async with running(tmp_path, fake()) as program:
        first = (await done(program, "a cat --steps 3 --seed 5"))["pictures"][0]
        rerolled = await done(program, f"/reroll {first['id'][-6:]} --seed 9")
        varied = await done(program, "subtle", kind="vary", parent=first["id"])
        larger = await done(program, "/upscale", parent=first["id"])
        again = await done(program, f"/reproduce {first['id']}")
        assert rerolled["pictures"][0]["seed"] == 9
        assert varied["pictures"][0]["recipe"]["vary"]["amount"] == 0.15
        assert (larger["pictures"][0]["width"], larger["pictures"][0]["parent"]) == (256, first["id"])
        assert (again["sentence"], again["pictures"][0]["pixels_digest"]) == ("identical", first["pixels_digest"])


async def test_a_reroll_without_id_takes_the_last_picture(tmp_path: Path) -> None:
    async with running(tmp_path, fake()) as program:
        with pytest.raises(NotFound):
            await ask(program, "/reroll")
        await done(program, "a cat --steps 2 --n 3")
        sheet = await done(program, "/reroll --seed 4294967295")
        assert [picture["seed"] for picture in sheet["pictures"]] == [4294967295, 0, 1]


@pytest.mark.parametrize(
    ("words", "rest", "error"),
    [
        ("a cat --stepz 3", {}, BadWords),
        ("", {}, BadWords),
        ("a cat --steps 151", {}, BadWords),
        ("a cat --size 100x128", {}, BadWords),
        ("a cat --model nobody", {}, StudioError),
        ("/history", {}, BadInput),
        ("a cat", {"sketch": "0" * 64}, NotFound),
        ("a cat", {"options": {"speed": 3}}, BadInput),
        ("a cat --steps 3", {"options": {"steps": 4}}, BadWords),
        ("a cat", {"options": {"steps": "many"}}, BadWords),
        ("/reproduce 7F3K2AB", {}, NotFound),
        ("a cat", {"options": {"sampler": "eular"}}, BadWords),
    ],
)
async def test_what_cannot_be_painted_is_refused_in_words_and_nothing_is_written(
    tmp_path: Path, words: str, rest: dict[str, object], error: type[StudioError]
) -> None:
    async with running(tmp_path, fake(), start=False) as program:
        with pytest.raises(error) as caught:
            await ask(program, words, **rest)
        assert caught.value.sentence
        assert await program.studio.history(OWNER) == []


async def test_limits_are_the_persons_own_and_say_when_they_open(tmp_path: Path) -> None:
    environ = {"LIMNER__LIMITS__PER_MINUTE": "2"}
    async with running(tmp_path, fake(), environ, start=False) as program:
        for _ in range(2):
            await ask(program, "a cat", ANN, ROOM)
        with pytest.raises(LimitReached) as caught:
            await ask(program, "a cat", ANN, ROOM)
        assert caught.value.opens_at
        await ask(program, "a cat", BOB, ROOM)


async def test_strangers_elsewhere_see_nothing_and_neighbours_may_not_cancel(tmp_path: Path) -> None:
    async with running(tmp_path, fake(), start=False) as program:
        job = (await ask(program, "a cat", ANN, ROOM))["id"]
        assert (await program.studio.job(BOB, ROOM, job))["actions"] == []
        with pytest.raises(NotAllowed):
            await program.studio.cancel(BOB, ROOM, job)
        with pytest.raises(NotFound):
            await program.studio.job(BOB, HALL, job)
        assert (await program.studio.cancel(ANN, HALL, job))["state"] == "cancelled"


async def test_a_running_job_is_cancelled_at_its_next_step_and_costs_nothing(tmp_path: Path) -> None:
    gate = Gate()
    engine = FakeEngine(step_s=lambda _: 0.0 if gate.wait(20) else 1.0)
    async with running(tmp_path, fake(engine)) as program:
        job = (await ask(program, "a cat --steps 50"))["id"]
        async for event in program.studio.watch(OWNER, PLACE, 0):
            if event["type"] == "move" and event["job"]["state"] == "running":
                break
        await program.studio.cancel(OWNER, PLACE, job)
        gate.set()
        assert (await ended(program, job))["sentence"] == "Cancelled. Nothing was charged."
        assert (await program.archive.usage(OWNER.id)).day_cost == 0


async def test_one_broken_picture_fails_alone_and_is_not_charged(tmp_path: Path) -> None:
    async with running(tmp_path, fake()) as program:
        bad, good = await ask(program, "nan --steps 4"), await ask(program, "a cat --steps 4")
        failed = await ended(program, bad["id"])
        assert failed["state"] == "failed"
        assert "Nothing was charged" in failed["sentence"]
        assert (await ended(program, good["id"]))["state"] == "delivered"
        assert (await program.archive.usage(OWNER.id)).day_cost == good["cost"]


async def test_a_sketch_is_taken_once_and_decides_aspect_and_recipe(tmp_path: Path) -> None:
    async with running(tmp_path, fake()) as program:
        taken = await program.studio.take_sketch(OWNER, PLACE, png(size=(200, 100)))
        sheet = await done(program, "a fish --steps 4", sketch=taken["digest"])
        recipe = sheet["pictures"][0]["recipe"]
        assert recipe["sketch"] == {"digest": taken["digest"]}
        assert recipe["width"] > recipe["height"]
        assert (await program.studio.picture_as_sketch(OWNER, PLACE, sheet["pictures"][0]["id"]))["digest"]


async def test_a_file_brought_back_reproduces_and_a_changed_one_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, fake()) as program:
        sheet = await done(program, "a cat --steps 3 --seed 1")
        raw, _ = await program.studio.picture_file(OWNER, PLACE, sheet["pictures"][0]["id"], "png", True)
        [job] = await program.studio.reproduce_file(OWNER, PLACE, "file-1", raw)
        assert (await ended(program, job["id"]))["sentence"] == "identical"
        with pytest.raises(CannotReproduce):
            await program.studio.reproduce_file(OWNER, PLACE, "file-2", png())
        # Somebody else's file of the same picture: not by its row, but by what it says of itself.
        [other] = await program.studio.reproduce_file(EVE, NOOK, "file-3", raw)
        assert (await ended(program, other["id"], EVE, NOOK))["sentence"] == "identical"


async def test_progress_is_told_with_previews_and_durable_events_come_once(tmp_path: Path) -> None:
    engine = FakeEngine(step_s=0.1)
    async with running(tmp_path, fake(engine)) as program:
        job = (await ask(program, "a cat --steps 12"))["id"]
        steps, previews, moves = [], 0, []
        async for event in program.studio.watch(OWNER, PLACE, 0):
            if event["type"] == "stepping":
                steps.append(event["step"])
                previews += event["preview"] is not None
            if event["type"] == "move":
                moves.append(event["id"])
                if event["job"]["state"] == "delivered":
                    break
        assert steps == sorted(set(steps))
        assert previews >= 4
        assert moves == sorted(set(moves))
        replayed = [event["id"] async for event in _until_delivered(program.studio.watch(OWNER, PLACE, moves[0]), job)]
        assert replayed[0] > moves[0]


async def _until_delivered(events: AsyncIterator[Event], job: str) -> AsyncIterator[Event]:
    async for event in events:
        yield event
        if event["type"] == "move" and event["job"]["id"] == job and event["job"]["state"] == "delivered":
            return


async def test_what_an_earlier_process_left_is_painted_with_the_same_seed(tmp_path: Path) -> None:
    async with running(tmp_path, fake(), start=False) as program:
        left = await ask(program, "a cat --steps 3 --n 2")
        assert await program.archive.claim("a dead process", 15)
    async with running(tmp_path, fake()) as program:
        sheet = await ended(program, left["id"])
        assert [p["seed"] for p in sheet["pictures"]] == [p["seed"] for p in left["pictures"]]
        assert sheet["attempt"] == 2


async def test_while_stopping_nothing_is_accepted(tmp_path: Path) -> None:
    async with running(tmp_path, fake()) as program:
        program.stopping = True
        with pytest.raises(Busy):
            await ask(program, "a cat")
        program.stopping = False


async def test_words_the_model_does_not_read_are_said(tmp_path: Path) -> None:
    async with running(tmp_path, fake(), start=False) as program:
        sheet = await ask(program, "a red heart " * 20)
        assert any("cut:" in note for note in sheet["notes"])
        assert not (await ask(program, "a red heart"))["notes"]
