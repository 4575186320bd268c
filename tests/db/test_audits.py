"""What audits ask of the log, on both databases: their place behind everybody, what they draw and what they count."""

from __future__ import annotations

from dataclasses import replace

from core.audited import Audits
from core.limits import Limits
from core.person import AUDITOR, Person, Place
from core.picture import Fingerprint, Replay
from core.recipe import digest
from core.records import NewJob
from db.archive import SqlArchive
from tests.db.conftest import Place as Spot
from tests.support.archive import START, new_job, paint_all, recipe

HALL, NOOK = Place.of("web", {"channel": "1"}), Place.of("web", {"channel": "2"})
ANN = Person("web:ann")


def audit(pixels: str, parent: str | None = None) -> NewJob:
    replay = Replay(Fingerprint(((1, 2),), {"torch": "1"}), pixels)
    job = new_job(AUDITOR.id, kind="reproduce", replay=replay, parent_id=parent, place=Place.of("audit"))
    return replace(job, behind=True)


async def paint(archive: SqlArchive, job: NewJob) -> str:
    """Accept and paint one Job; return its first Picture's pixels' digest."""
    await archive.accept([job], Limits())
    claimed = await archive.claim("w", 60)
    assert claimed is not None
    await paint_all(archive, *claimed)
    return (await archive.pictures([claimed[0].id]))[claimed[0].id][0].pixels_digest or ""


async def test_a_job_behind_is_claimed_last_and_stands_in_no_line(archive: SqlArchive) -> None:
    """It is the oldest, and its Person the least served: without a place behind the others it would go first."""
    await paint(archive, new_job("web:ann", 1))
    ((mine, _),) = await archive.accept([audit("00")], Limits())
    ((theirs, _),) = await archive.accept([new_job("web:ann", 2)], Limits())
    assert [standing.job_id for standing in await archive.line()] == [theirs.id]
    first, second = await archive.claim("w", 60), await archive.claim("w", 60)
    assert first is not None and second is not None
    assert (first[0].id, second[0].id) == (theirs.id, mine.id)
    assert [standing.job_id for standing in await archive.line()] == [theirs.id]


async def test_verdicts_are_counted_and_times_told(archive: SqlArchive, spot: Spot) -> None:
    assert await archive.audits() == Audits()
    pixels = await paint(archive, new_job("web:ann", 1))
    assert await archive.audits() == Audits(asked=START)
    spot.clock.tick(60)
    assert await paint(archive, audit(pixels)) == pixels
    await paint(archive, audit("ff"))
    ((gone, _),) = await archive.accept([audit(pixels)], Limits())
    claimed = await archive.claim("w", 60)
    assert claimed is not None and claimed[0].id == gone.id
    await archive.fail_picture(claimed[0], claimed[1][0], "model_unavailable", "It is gone.")
    await archive.finish(claimed[0])
    found = await archive.audits()
    assert found == Audits(1, 1, 1, last=START + 60_000, asked=START)
    assert found.as_json() == {"checked": 3, "identical": 1, "different": 1, "last": START + 60_000}


async def test_an_audit_called_off_is_no_last_one_and_an_open_job_is_busy(archive: SqlArchive, spot: Spot) -> None:
    ((queued, _),) = await archive.accept([audit("00")], Limits())
    await archive.cancel(queued.id)
    ((running, _),) = await archive.accept([audit("00")], Limits())
    await archive.claim("w", 60)
    assert (await archive.audits()).last == START
    await archive.cancel(running.id)
    assert await archive.audits() == Audits()
    spot.clock.tick(5)
    await archive.accept([new_job("web:ann", 1)], Limits())
    assert await archive.audits() == Audits(asked=START + 5_000, busy=True)


async def test_any_picture_is_a_stored_one_that_somebody_asked_for(archive: SqlArchive) -> None:
    assert await archive.any_picture(0.5) is None
    pixels = await paint(archive, new_job("web:ann", 1, 2))
    await paint(archive, audit(pixels))
    await archive.accept([new_job("web:ann", 9)], Limits())
    drawn = [await archive.any_picture(chance) for chance in (0.0, 0.49, 0.5, 0.999)]
    assert [found[0].seed for found in drawn if found] == [1, 1, 2, 2]
    assert {found[1].person.id for found in drawn if found} == {"web:ann"}


async def test_an_equal_picture_is_ones_own_or_of_the_same_place(archive: SqlArchive) -> None:
    await paint(archive, new_job("web:ann", 1, place=HALL))
    await archive.accept([new_job("web:ann", 2, place=HALL)], Limits())
    equal, waiting = [digest(recipe(1)), digest(recipe(5))], [digest(recipe(2))]
    own = await archive.equal_picture(equal, ANN, NOOK)
    shared = await archive.equal_picture(equal, Person("web:bob"), HALL)
    assert own is not None and own == shared and own.seed == 1
    assert await archive.equal_picture(equal, Person("web:bob"), NOOK) is None
    assert await archive.equal_picture(equal, Person("web:bob"), Place("discord", HALL.detail)) is None
    assert await archive.equal_picture(waiting, ANN, HALL) is None
    assert await archive.equal_picture([], ANN, HALL) is None
