"""Retention beside Jobs that are asked for meanwhile: nothing goes that an open Job needs, and what went is said."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.limits import Limits
from core.picture import Picture, Replay
from core.recipe import Mask, Paint, Sketch, Upscale
from core.records import Keep, NewPicture, Receipt
from db import retention
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all, png
from tests.support.attachments import holed

DAY_S = 24 * 3600
OLD = Keep(pictures_days=1, sketches_days=1)
NONE = Limits()
OWN = "web:owner"


async def painted(archive: SqlArchive, **over: Any) -> Picture:
    """Paint a Picture and deliver it."""
    await archive.accept([new_job(**over)], NONE)
    claimed = await archive.claim("t", 60)
    assert claimed is not None
    job = await paint_all(archive, *claimed)
    for parcel in await archive.parcels("t", 60):
        await archive.delivered(parcel, Receipt())
    return (await archive.pictures([job.id]))[job.id][0]


def age(spot: Place) -> list[Path]:
    """Let two days pass for every file that is there."""
    spot.clock.tick(2 * DAY_S)
    found = sorted(spot.data.glob("*/*/*.png"))
    for path in found:
        os.utime(path, (1, 1))
    return found


async def ask(archive: SqlArchive, parent: Picture, recipe: Paint | Upscale, replay: Replay | None = None) -> str:
    """Accept a Job that works from a Picture, or from what its Recipe names."""
    new = new_job()
    given = replace(new, kind="reproduce", pictures=(NewPicture(recipe, 1, parent.id, replay),))
    [(job, _)] = await archive.accept([given], NONE)
    return job.id


def again(picture: Picture) -> Replay:
    assert picture.fingerprint and picture.pixels_digest
    return Replay(picture.fingerprint, picture.pixels_digest)


async def test_the_parent_of_an_open_job_stays_until_it_has_ended(archive: SqlArchive, spot: Place) -> None:
    for seed, op in enumerate(("upscale", "reproduce")):
        parent = await painted(archive, seed=seed)
        [path] = age(spot)
        enlarged = Upscale(parent.pixels_digest or "", 128, 128)
        of = (enlarged, None) if op == "upscale" else (parent.recipe, again(parent))
        job = await ask(archive, parent, *of)
        assert await archive.forget(OLD) == {} and path.exists(), op
        await archive.cancel(job)
        assert await archive.forget(OLD) == {("picture", "age"): 1} and not path.exists(), op


async def test_what_an_enlargement_to_make_again_was_made_from_stays(archive: SqlArchive, spot: Place) -> None:
    parent = await painted(archive)
    [first] = age(spot)
    recipe = Upscale(parent.pixels_digest or "", 128, 128)
    await ask(archive, parent, recipe)
    claimed = await archive.claim("t", 60)
    assert claimed is not None
    job = await paint_all(archive, *claimed)
    for parcel in await archive.parcels("t", 60):
        await archive.delivered(parcel, Receipt())
    enlarged = (await archive.pictures([job.id]))[job.id][0]
    paths = age(spot)
    assert first in paths and len(paths) == 2
    # Its row's parent is the enlargement; what is read is the Picture that one was made from.
    await ask(archive, enlarged, recipe, again(enlarged))
    assert await archive.forget(OLD) == {} and all(path.exists() for path in paths)


async def test_a_job_accepted_while_it_was_looked_what_goes_keeps_its_files(archive: SqlArchive, spot: Place) -> None:
    sketch, _ = await archive.take_sketch(png((1, 2, 3)), OWN)
    mask, _ = await archive.take_mask(png((255, 255, 255)), OWN)
    parent = await painted(archive, sketch=sketch.digest)
    paths = age(spot)
    store = archive._store
    found = await store.read(lambda s: retention.doomed(s, spot.clock(), OLD))
    assert {kind for _, kind, _ in found} == {"picture", "sketch", "mask"}
    recipe = parent.recipe
    assert isinstance(recipe, Paint)
    over = replace(recipe, sketch=Sketch(sketch.digest), mask=Mask(mask.digest), strength=0.5)
    await ask(archive, parent, over, again(parent))
    assert await store.write(lambda s: retention.drop(s, spot.clock(), found)) == []
    assert await archive.forget(OLD) == {}
    assert len(spot.rows("SELECT * FROM files")) == 3 and all(path.exists() for path in paths)


async def test_pixels_painted_again_are_found_though_the_first_file_went(archive: SqlArchive, spot: Place) -> None:
    before = await painted(archive, seed=5)
    age(spot)
    await archive.forget(OLD)
    found = await archive.picture_by_pixels(before.pixels_digest or "")
    assert found and found.id == before.id and found.file_digest is None
    await ask(archive, before, before.recipe, again(before))
    claimed = await archive.claim("t", 60)
    assert claimed is not None
    job = await paint_all(archive, *claimed)
    after = (await archive.pictures([job.id]))[job.id][0]
    assert after.verdict["reproduce"]["word"] == "identical" and after.file_digest
    found = await archive.picture_by_pixels(before.pixels_digest or "")
    assert found and found.id == after.id and await archive.file(after.file_digest, "picture")


async def test_the_mask_of_a_transparent_part_stays_with_its_sketch_and_goes_with_it(
    archive: SqlArchive, spot: Place
) -> None:
    sketch, _ = await archive.take_sketch(holed(), OWN)
    await painted(archive, sketch=sketch.digest)
    age(spot)
    assert await archive.forget(Keep()) == {}, "no recipe names the mask, but its sketch may be painted over again"
    assert await archive.sketch(sketch.digest, OWN) == sketch and sketch.mask
    assert await archive.file(sketch.mask, "mask")
    assert await archive.forget(Keep(sketches_days=1)) == {("sketch", "age"): 1, ("mask", "age"): 1}
    assert spot.rows("SELECT * FROM holders") == []
