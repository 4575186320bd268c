"""Reproduce: the verdict of a Picture made again, and no new bytes where it is the same."""

from __future__ import annotations

from typing import Any

from core.limits import Limits
from core.picture import Fingerprint, Picture, Replay
from core.progress import Painted
from db import keeping
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, painted, png

NONE = Limits()


async def first(archive: SqlArchive) -> Picture:
    """Paint the Picture to be made again."""
    await archive.accept([new_job(seed=10)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    found = await archive.store(claimed[0], claimed[1][0], painted(claimed[1][0]))
    await archive.finish(claimed[0])
    return found


async def again(archive: SqlArchive, before: Picture, made: Painted | None = None, **over: Any) -> Picture:
    """Make it again; `made` or `over` say what comes out."""
    assert before.fingerprint and before.pixels_digest
    replay = Replay(before.fingerprint, before.pixels_digest)
    new = new_job(seed=10, kind="reproduce", replay=replay, parent_id=before.id)
    [(job, _)] = await archive.accept([new], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed and claimed[0].id == job.id
    assert claimed[1][0].replay == replay
    found = await archive.store(claimed[0], claimed[1][0], made or painted(claimed[1][0], **over))
    assert (await archive.finish(claimed[0])).state == "rendered"
    assert (await archive.pictures([job.id]))[job.id] == (found,)
    return found


async def test_identical_brings_no_new_bytes(archive: SqlArchive, spot: Place) -> None:
    before = await first(archive)
    after = await again(archive, before)
    assert after.verdict == {"reproduce": {"word": "identical", "fields": [], "most": 0, "share": 0.0}}
    assert after.replay is None
    assert after.file_digest == before.file_digest
    assert len(list(spot.data.glob("pictures/*/*"))) == 1


async def test_the_same_pixels_in_another_file_are_identical_too(archive: SqlArchive, spot: Place) -> None:
    before = await first(archive)
    assert before.pixels_digest and before.fingerprint
    other = await archive.file(before.file_digest or "", "picture")
    packed = other[:-12] + b"\0\0\0\0tEXt\0\0\0\0" + other[-12:]
    made = Painted(0, packed, before.pixels_digest, 64, 64, before.fingerprint)
    after = await again(archive, before, made)
    assert after.verdict["reproduce"]["word"] == "identical"
    assert after.file_digest == before.file_digest
    assert len(list(spot.data.glob("pictures/*/*"))) == 1


async def test_different_names_what_differs_and_by_how_much(archive: SqlArchive) -> None:
    before = await first(archive)
    after = await again(archive, before, colour=(10, 3, 7), facts={"torch": "3", "device": "test"}, trace=((8, 2),))
    # Every pixel's green went from 0 to 3: one value of three.
    said = after.verdict["reproduce"]
    assert (said["word"], said["fields"], said["most"]) == ("different", ["torch", "trace"], 3)
    assert abs(said["share"] - 1 / 3) < 1e-9
    assert after.file_digest != before.file_digest
    assert after.pixels_digest != before.pixels_digest


async def test_different_with_nothing_to_name(archive: SqlArchive) -> None:
    after = await again(archive, await first(archive), salt=1)
    assert after.verdict["reproduce"]["fields"] == []
    assert after.verdict["reproduce"]["most"] == 1


async def test_the_first_file_may_be_gone(archive: SqlArchive, spot: Place) -> None:
    before = await first(archive)
    [path] = spot.data.glob("pictures/*/*")
    path.unlink()
    after = await again(archive, before, salt=1)
    assert after.verdict["reproduce"] == {"word": "different", "fields": [], "most": 0, "share": 0.0}
    assert (await again(archive, before)).verdict["reproduce"]["word"] == "identical"
    assert path.exists()


async def test_a_picture_from_elsewhere_is_judged_by_its_digest(archive: SqlArchive) -> None:
    before = await first(archive)
    foreign = Picture(
        id="0" * 26,
        job_id="0" * 26,
        index=0,
        recipe=before.recipe,
        recipe_digest=before.recipe_digest,
        seed=10,
        state="stored",
        pixels_digest="00" * 32,
        fingerprint=Fingerprint(((1, 2),), {"torch": "2", "device": "other"}),
    )
    said = (await again(archive, foreign)).verdict["reproduce"]
    assert (said["word"], said["fields"]) == ("different", ["device"])


def test_pictures_of_two_sizes_are_wholly_apart() -> None:
    assert keeping.apart(png(size=(64, 64)), png(size=(64, 72))) == (255, 1.0)
    assert keeping.apart(png(), png()) == (0, 0.0)
