"""Erased means erased: no word in any table, WAL or file, what is others' stays theirs, and Limits still stand."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import text

from core.defaults import Defaults
from core.errors import LimitReached, Lost, NotFound
from core.limits import Limits
from core.person import AUDITOR, Person
from core.person import Place as Where
from core.picture import Replay
from core.recipe import Mask, Sketch
from core.records import Act, Reply
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all, painted, png
from tests.support.attachments import half_mask, holed

NONE = Limits()
SECRET = "xyzzyfrobozz"
TOKEN = "plughtoken"
TABLES = ("jobs", "pictures", "outbox", "replies", "moves", "defaults", "doomed", "files", "acts")


def bytes_of(data: Path) -> bytes:
    """Return everything that lies in the folder."""
    return b"".join(path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file())


def words_in(spot: Place) -> list[str]:
    """Return every row of every table as text."""
    return [f"{table}: {row}" for table in TABLES for row in spot.rows(f"SELECT * FROM {table}")]


async def full(archive: SqlArchive, person: str) -> None:
    """Give a Person a painted Job with a Sketch, one that failed, one delivered, one queued, one running."""
    reply = Reply("1", TOKEN, "2", "3", 10**15)
    words = f"a {SECRET} heart"
    await archive.accept([new_job(person, 7, 2, typed=words, prompt=words, reply=reply)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    for parcel in await archive.parcels("w", 15):
        await archive.deliver_later(parcel, 1)
    await archive.accept([new_job(person, 9, typed=words, prompt=words)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    await archive.requeue(claimed[0], "x", f"{SECRET} broke")
    await archive.accept([new_job(person, 11, typed=words, prompt=words)], NONE)
    assert await archive.claim("w", 15)
    await archive.keep_defaults(person, Defaults({"steps": 3}, SECRET))


async def test_nothing_is_left_in_rows_wal_or_files(archive: SqlArchive, spot: Place) -> None:
    await full(archive, "web:a")
    if spot.url.startswith("sqlite"):
        assert SECRET.encode() in bytes_of(spot.data)
    assert any(SECRET in row for row in words_in(spot)) and any(TOKEN in row for row in words_in(spot))
    done = await archive.erase("web:a")
    assert (done.jobs, done.pictures, done.wal, len(done.running)) == (3, 4, True, 1)
    assert [row for row in words_in(spot) if SECRET in row or TOKEN in row or "web:a" in row] == []
    assert await archive.history("web:a", None, 10) == []
    assert not list((spot.data / "pictures").glob("*/*.png"))
    if spot.url.startswith("sqlite"):
        found = bytes_of(spot.data)
        assert SECRET.encode() not in found and TOKEN.encode() not in found


async def test_a_file_that_is_somebody_elses_too_stays(archive: SqlArchive, spot: Place) -> None:
    for person in ("web:a", "web:b"):
        await archive.accept([new_job(person, 7)], NONE)
        claimed = await archive.claim("w", 15)
        assert claimed
        await paint_all(archive, *claimed)
    assert len(list((spot.data / "pictures").glob("*/*.png"))) == 1
    assert (await archive.erase("web:a")).files == 0
    picture = await archive.last_picture("web:b")
    assert picture and await archive.form(picture, "png", recipe=False)
    assert (await archive.erase("web:b")).files == 1


async def test_a_sketch_goes_with_the_last_recipe_that_starts_from_it(archive: SqlArchive) -> None:
    info, _ = await archive.take_sketch(png((1, 2, 3), (96, 64)), "web:a")
    over: dict[str, Any] = {"sketch": Sketch(info.digest), "strength": 0.5}
    await archive.accept([new_job("web:a", sketch=info.digest)], NONE)
    await archive.accept([_sketched("web:b", over)], NONE)
    await archive.erase("web:a")
    assert await archive.sketch(info.digest, "web:a") is None
    assert await archive.sketch(info.digest, "web:b") is not None and await archive.file(info.digest, "sketch")
    await archive.erase("web:b")
    assert await archive.sketch(info.digest, "web:b") is None
    with pytest.raises(NotFound):
        await archive.file(info.digest, "sketch")


def _sketched(person: str, over: dict[str, Any]) -> Any:
    """Return a reroll of a Sketch's Job: only its Recipe points at the Sketch."""
    job = new_job(person)
    pictures = tuple(replace(new, recipe=replace(new.recipe, **over)) for new in job.pictures)
    return replace(job, pictures=pictures)


async def test_the_mask_of_a_transparent_part_goes_and_stays_with_its_sketch(archive: SqlArchive, spot: Place) -> None:
    out = io.BytesIO()
    image = Image.new("RGBA", (96, 64), (9, 9, 9, 255))
    image.paste((0, 0, 0, 0), (0, 0, 40, 64))
    image.save(out, "PNG")
    info, _ = await archive.take_sketch(out.getvalue(), "web:a")
    assert info.mask
    await archive.accept([new_job("web:a", sketch=info.digest)], NONE)
    spot.clock.tick(48 * 3600)
    await archive.erase("web:b")
    assert len(spot.rows("SELECT * FROM files")) == 2
    await archive.erase("web:a")
    assert spot.rows("SELECT * FROM files") == [] and not list((spot.data / "masks").glob("*/*.png"))


async def test_masks_go_with_who_sent_them_used_or_not(archive: SqlArchive, spot: Place) -> None:
    sketch, _ = await archive.take_sketch(holed(), "web:a")
    apart, _ = await archive.take_mask(half_mask((192, 128)), "web:a")
    fitted = await archive.fit_mask(apart.digest, sketch, "web:a")
    over = {"sketch": Sketch(sketch.digest), "mask": Mask(fitted), "strength": 0.5}
    await archive.accept([_sketched("web:a", over)], NONE)
    assert len(spot.rows("SELECT * FROM files")) == 3 and fitted != apart.digest
    await archive.erase("web:a")
    assert spot.rows("SELECT * FROM holders") == [] == spot.rows("SELECT * FROM files")
    assert not list((spot.data / "masks").glob("*/*.png"))


async def test_audits_of_erased_pictures_go_too(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job("web:a", 7, prompt=SECRET)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    picture = await archive.last_picture("web:a")
    assert picture and picture.fingerprint and picture.pixels_digest
    replay = Replay(picture.fingerprint, picture.pixels_digest)
    await archive.accept([new_job(AUDITOR.id, 7, replay=replay, parent_id=picture.id, prompt=SECRET)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    assert (await archive.erase("web:a")).files == 1
    assert [row for row in words_in(spot) if SECRET in row] == []


async def test_limits_still_stand(archive: SqlArchive) -> None:
    limits = Limits(day_cost=new_job().cost)
    await archive.accept([new_job("web:a")], limits)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    await archive.erase("web:a")
    with pytest.raises(LimitReached):
        await archive.accept([new_job("web:a")], limits)


async def test_a_job_that_runs_while_it_is_erased_leaves_nothing(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job("web:a", n=2)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    job, pictures = claimed
    await archive.store(job, pictures[0], painted(pictures[0]))
    done = await archive.erase("web:a")
    assert done.running == (job.id,)
    with pytest.raises(Lost):
        await archive.store(job, pictures[1], painted(pictures[1]))
    assert not list((spot.data / "pictures").glob("*/*.png"))
    # What was painted is charged, the rest released: the ledger keeps that, and no name.
    ledger = spot.rows("SELECT kind, amount FROM ledger ORDER BY kind")
    assert ledger == [("charge", job.cost // 2), ("hold", job.cost), ("release", job.cost // 2)]
    assert not any("web:a" in str(row) for row in spot.rows("SELECT * FROM ledger"))


async def test_the_id_of_what_was_erased_is_known_and_nothing_else(archive: SqlArchive) -> None:
    [(job, _)] = await archive.accept([new_job("web:a")], NONE)
    picture = (await archive.pictures([job.id]))[job.id][0]
    assert not await archive.erased(picture.id)
    await archive.erase("web:a")
    assert await archive.erased(picture.id) and await archive.erased(job.id[-8:])
    assert not await archive.erased("01ARZ3NDEKTSV4RRFFQ69G5FAV") and not await archive.erased("x")
    assert await archive.picture(picture.id) is None


async def test_more_than_a_batch_goes_and_nobody_else(archive: SqlArchive) -> None:
    await archive.accept([new_job("web:a") for _ in range(230)] + [new_job("web:b")], NONE)
    assert (await archive.erase("web:a")).jobs == 230
    assert len(await archive.history("web:b", None, 10)) == 1


async def test_acts_stay_under_a_name_that_says_nothing(archive: SqlArchive) -> None:
    await archive.act(Act("web:a", Where.of("web"), "all", "pause", {}), None, {"paused": True})
    await archive.erase("web:a")
    [act] = await archive.acts(None, 10)
    assert act.person.startswith("erased:") and act.what == "pause"


async def test_a_file_that_a_crash_left_doomed_goes_at_the_next_start(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job("web:a")], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    [path] = (spot.data / "pictures").glob("*/*.png")
    raw = path.read_bytes()
    await archive.erase("web:a")
    path.write_bytes(raw)
    doom = text("INSERT INTO doomed (digest, kind) VALUES (:digest, 'picture')")
    spot.change(lambda connection: connection.execute(doom, {"digest": path.stem}))
    await archive.sweep()
    assert not path.exists() and spot.rows("SELECT * FROM doomed") == []


async def test_two_erases_at_once_do_not_wait_for_each_other_for_ever(archive: SqlArchive) -> None:
    await archive.accept([new_job("web:a"), new_job("web:b")], NONE)
    done = await asyncio.gather(archive.erase("web:a"), archive.erase("web:b"))
    assert [each.jobs for each in done] == [1, 1]
    assert Person("web:a").id not in {standing.job_id for standing in await archive.line()}
