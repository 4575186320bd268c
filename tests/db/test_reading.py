"""What is looked up: ids and tails, history, moves, sessions, digests of Model files, settings."""

from __future__ import annotations

import pytest

from core.errors import NotFound
from core.limits import Limits
from core.records import WeightsFile
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all, painted

NONE = Limits()


async def test_a_job_by_id_and_tail(archive: SqlArchive, spot: Place) -> None:
    [(job, _)] = await archive.accept([new_job()], NONE)
    spot.clock.tick(1)
    await archive.accept([new_job()], NONE)
    for typed in (job.id, job.id[-6:], f"  {job.id[-8:].lower()} "):
        assert await archive.job(typed) == job
    for typed in (job.id[-5:], "", "%%%%%%", "______", "0" * 26, "0" * 6, "x" * 40):
        assert await archive.job(typed) is None


async def test_two_of_one_tail_ask_for_more(spot: Place) -> None:
    archive = await spot.open(randomness=lambda size: b"\x07" * size)
    [(job, _)] = await archive.accept([new_job()], NONE)
    spot.clock.tick(1)
    await archive.accept([new_job()], NONE)
    with pytest.raises(NotFound, match="More than one job") as told:
        await archive.job(job.id[-8:])
    assert "more of its id" in told.value.hint
    assert await archive.job(job.id[-20:]) == job
    await archive.close()


async def test_a_picture_by_id_tail_and_pixels(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job(seed=5)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    waiting = claimed[1][0]
    digest = painted(waiting).pixels_digest
    assert await archive.picture_by_pixels(digest) is None
    job = await paint_all(archive, *claimed)
    found = await archive.picture(waiting.id[-7:])
    assert found and found[1] == job
    assert found[0].state == "stored"
    assert await archive.picture_by_pixels(digest) == found[0]
    assert found[0].fingerprint == painted(waiting).fingerprint
    assert await archive.picture("000000") is None
    assert await archive.last_picture("web:owner") == found[0]
    assert await archive.last_picture("web:other") is None


async def test_the_last_picture_is_the_newest_stored(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job("web:a", seed=1), new_job("web:a", seed=2)], NONE)
    first, second = await archive.claim("w", 15), await archive.claim("w", 15)
    assert first and second
    await paint_all(archive, *second)
    spot.clock.tick(1)
    await paint_all(archive, *first)
    last = await archive.last_picture("web:a")
    assert last and last.id == first[1][0].id


async def test_pictures_of_several_jobs(archive: SqlArchive) -> None:
    jobs = [job for job, _ in await archive.accept([new_job(n=2), new_job(n=1)], NONE)]
    found = await archive.pictures([*(job.id for job in jobs), "0" * 26])
    assert [len(found[job.id]) for job in jobs] == [2, 1]
    assert found["0" * 26] == ()


async def test_history_pages_from_the_newest(archive: SqlArchive, spot: Place) -> None:
    ids = []
    for k in range(5):
        ids += [job.id for job, _ in await archive.accept([new_job("web:a", typed=f"heart {k}")], NONE)]
        spot.clock.tick(1)
    await archive.accept([new_job("web:b")], NONE)
    page = await archive.history("web:a", None, 2)
    assert [job.id for job in page] == ids[:2:-1]
    assert [job.id for job in await archive.history("web:a", page[-1].id, 9)] == ids[2::-1]


@pytest.mark.parametrize(
    ("words", "found"),
    [("RED", 1), ("100%", 1), ("%", 1), ("_", 1), ("\\", 1), ("'", 1), ("nothing", 0), ("ROT", 1), ("", 6)],
)
async def test_history_by_words(archive: SqlArchive, words: str, found: int) -> None:
    typed = ("a red heart", "100% blue", "snake_case", "back\\slash", "it's", "grün, rot")
    await archive.accept([new_job(typed=each) for each in typed], NONE)
    assert len(await archive.history("web:owner", None, 50, words)) == found


async def test_history_knows_more_than_ascii(lite: Place) -> None:
    archive = await lite.open()
    await archive.accept([new_job(typed="GRÜN, ДОМ")], NONE)
    assert len(await archive.history("web:owner", None, 5, "grün")) == 1
    assert len(await archive.history("web:owner", None, 5, "дом")) == 1
    await archive.close()


async def test_moves_page_and_keep_to_one_person(archive: SqlArchive) -> None:
    assert await archive.last_move() == 0
    await archive.accept([new_job("web:a"), new_job("web:b"), new_job("web:a")], NONE)
    everything = await archive.moves_after(0, None)
    assert [move.person for move in everything] == ["web:a", "web:b", "web:a"]
    assert await archive.last_move() == everything[-1].id
    assert await archive.moves_after(everything[0].id, None, 1) == everything[1:2]
    assert await archive.moves_after(0, "web:b") == everything[1:2]
    assert everything[0].place.face == "web"


async def test_prompts_of_every_kind_come_back_as_typed(archive: SqlArchive) -> None:
    typed = "\u202etxt.exe e\u0301\u0301\u0301 @everyone <b>'\";-- \U0001f5bc\n\ttab"
    [(job, _)] = await archive.accept([new_job(typed=typed, prompt=typed)], NONE)
    back = await archive.job(job.id)
    assert back and back.typed == typed
    [picture] = (await archive.pictures([job.id]))[job.id]
    assert picture.recipe == new_job(prompt=typed).pictures[0].recipe


async def test_weights_are_kept_by_path(archive: SqlArchive) -> None:
    file = WeightsFile("/models/a.safetensors", 2**40, 1_800_000_000_000_000_001, 2**64 - 1)
    await archive.keep_weights({file: "ab" * 32})
    assert await archive.weights() == {file: "ab" * 32}
    changed = WeightsFile(file.path, 1, 2, 3)
    await archive.keep_weights({changed: "cd" * 32})
    assert await archive.weights() == {changed: "cd" * 32}


async def test_a_session_ends(archive: SqlArchive, spot: Place) -> None:
    await archive.open_session("ab" * 32, "web:owner", spot.clock.now + 1000)
    assert await archive.session("ab" * 32) == ("web:owner", None)
    assert await archive.session("cd" * 32) is None
    spot.clock.tick(1)
    assert await archive.session("ab" * 32) is None
    await archive.open_session("cd" * 32, "web:owner", spot.clock.now + 1000)
    assert spot.rows("SELECT hash FROM sessions") == [("cd" * 32,)]


async def test_settings_are_written_changed_and_taken_away(archive: SqlArchive) -> None:
    await archive.override({"limits.waiting": 3, "paused": True, "gone": "x"})
    await archive.override({"limits.waiting": 4, "gone": None})
    assert await archive.overrides() == {"limits.waiting": 4, "paused": True}
