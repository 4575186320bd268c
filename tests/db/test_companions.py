"""What is kept beside a Picture: a row of its own role that costs, counts and answers nothing, and goes with it."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import replace

import pytest

from core.defaults import Defaults
from core.errors import Lost, NotFound
from core.export import zipped
from core.job import Job
from core.limits import Limits
from core.person import AUDITOR, Person
from core.person import Place as Where
from core.picture import Picture, pixels_digest
from core.progress import Handed, Painted
from core.recipe import digest
from core.records import Keep, Receipt
from core.search import Search
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.db.test_audits import audit
from tests.support.archive import new_job, painted, png

ANN, HALL = Person("web:ann"), Where.of("web", {"channel": "1"})
NONE = Limits()


def handed(shade: int = 9, size: tuple[int, int] = (64, 48)) -> Handed:
    colour = (shade, shade, shade)
    pixels = pixels_digest(*size, bytes(colour) * (size[0] * size[1]))
    return Handed("prepared", png(colour, size), pixels, *size)


def guided(picture: Picture, shade: int = 9) -> Painted:
    depth = replace(handed(shade + 1), role="depth")
    return replace(painted(picture), companions=(handed(shade), depth))


async def paint(archive: SqlArchive, person: str = "web:ann", n: int = 2, shade: int = 9) -> tuple[Job, list[Picture]]:
    """Paint a Job whose Pictures each have two of them beside."""
    await archive.accept([new_job(person, 7, n, place=HALL)], NONE)
    claimed = await archive.claim("w", 60)
    assert claimed is not None
    job, pictures = claimed
    stored = [await archive.store(job, each, guided(each, shade)) for each in pictures]
    return await archive.finish(job), stored


async def test_each_picture_says_what_is_beside_it_and_the_file_is_served(archive: SqlArchive, spot: Place) -> None:
    job, stored = await paint(archive)
    assert [tuple(each.role for each in picture.companions) for picture in stored] == [("prepared", "depth")] * 2
    assert (await archive.pictures([job.id]))[job.id] == tuple(stored)
    for picture in stored:
        found = await archive.picture(picture.id)
        assert found is not None and found[0] == picture
        assert await archive.form(picture.beside("prepared"), "png", recipe=False) == (handed().png, "image/png")
    rows = spot.rows("SELECT idx, role, cost, state, parent_id FROM pictures ORDER BY idx")
    assert [row[:4] for row in rows[2:]] == [
        (n, role, 0, "stored") for n, role in enumerate(["prepared", "depth"] * 2, 2)
    ]
    assert [row[4] for row in rows[2:]] == [each.id for each in stored for _ in range(2)]
    assert len(spot.rows("SELECT * FROM files")) == 4, "equal bytes lie there once"
    with pytest.raises(NotFound, match="Nothing of that kind"):
        replace(stored[0], companions=()).beside("depth")


async def test_it_is_found_delivered_counted_and_charged_as_no_picture(archive: SqlArchive, spot: Place) -> None:
    job, stored = await paint(archive)
    ids = [str(row[0]) for row in spot.rows("SELECT id FROM pictures WHERE role <> 'picture'")]
    assert [await archive.picture(each) for each in ids] == [None] * 4
    assert [await archive.picture(each[-8:]) for each in ids] == [None] * 4
    assert await archive.picture_by_pixels(handed().pixels_digest) is None
    last = await archive.last_picture(ANN.id)
    assert last is not None and last.role == "picture"
    equal = await archive.equal_picture([digest(stored[0].recipe)], ANN, HALL)
    assert equal is not None and equal.id == stored[0].id
    assert await archive.children(stored[0].id) == []
    assert len(await archive.gallery(ANN.id, Search(), None, 60)) == await archive.gallery_count(ANN.id, Search()) == 2
    assert (await archive.tally(None, 10**9)).painted == 2
    drawn = {found[0].role for chance in range(6) if (found := await archive.any_picture(chance / 6))}
    assert drawn == {"picture"}
    (parcel,) = await archive.parcels("w", 60)
    assert [each.id for each in parcel.pictures] == [each.id for each in stored]
    assert [len(each.companions) for each in parcel.pictures] == [2, 2]
    assert spot.rows("SELECT amount FROM ledger WHERE kind = 'charge'") == [(job.cost,)]


async def test_an_audit_with_some_beside_counts_once(archive: SqlArchive) -> None:
    _, (picture,) = await paint(archive, n=1)
    await archive.accept([audit(picture.pixels_digest or "", picture.id)], NONE)
    claimed = await archive.claim("w", 60)
    assert claimed is not None and claimed[0].person.id == AUDITOR.id
    stored = await archive.store(claimed[0], claimed[1][0], guided(claimed[1][0]))
    assert len(stored.companions) == 2
    found = await archive.audits()
    assert found.identical + found.different == 1


async def test_who_lost_the_job_writes_neither(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job("web:ann")], NONE)
    claimed = await archive.claim("w", 60)
    assert claimed is not None
    job, (picture,) = claimed
    with pytest.raises(Lost):
        await archive.store(replace(job, fence=job.fence + 1), picture, guided(picture))
    assert spot.rows("SELECT role, state FROM pictures") == [("picture", "waiting")]
    await archive.erase("web:ann")
    with pytest.raises(Lost):
        await archive.store(job, picture, guided(picture))
    assert not list((spot.data / "pictures").glob("*/*.png"))


async def test_it_is_exported_and_erased_with_its_picture(archive: SqlArchive, spot: Place) -> None:
    _, stored = await paint(archive)
    await paint(archive, "web:bob", n=1, shade=99)
    raw = b"".join([piece async for piece in zipped(archive, ANN, Defaults())])
    with zipfile.ZipFile(io.BytesIO(raw)) as folder:
        names = {name for name in folder.namelist() if name.startswith("pictures/")}
        assert folder.read(f"pictures/{stored[1].id}-prepared.png") == handed().png
    ends = ("", "-prepared", "-depth")
    assert names == {f"pictures/{each.id}{end}.png" for each in stored for end in ends}
    done = await archive.erase("web:ann")
    assert (done.jobs, done.pictures) == (1, 2)
    assert spot.rows("SELECT count(*) FROM pictures") == [(3,)]
    assert len(list((spot.data / "pictures").glob("*/*.png"))) == 3


async def test_its_file_grows_old_as_a_pictures_does(archive: SqlArchive, spot: Place) -> None:
    _, (picture,) = await paint(archive, n=1)
    for parcel in await archive.parcels("w", 60):
        await archive.delivered(parcel, Receipt())
    spot.clock.tick(2 * 24 * 3600)
    for path in spot.data.glob("*/*/*.png"):
        os.utime(path, (1, 1))
    assert await archive.forget(Keep(pictures_days=1)) == {("picture", "age"): 3}
    found = await archive.picture(picture.id)
    assert found is not None
    assert [each.file_digest for each in found[0].companions] == [None, None]
