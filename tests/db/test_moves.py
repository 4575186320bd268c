"""Every way a Job may end or come back, and what each writes."""

from __future__ import annotations

import pytest

from core.job import Job
from core.limits import Limits
from core.picture import Picture
from core.records import Receipt
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all, painted

NONE = Limits()
COST = 64 * 64 * 2 * 2
RELEASED = [("charge", 0), ("hold", COST), ("release", COST)]


async def claimed(archive: SqlArchive, n: int = 1) -> tuple[Job, tuple[Picture, ...]]:
    """Accept a Job of n Pictures and claim it."""
    await archive.accept([new_job(n=n)], NONE)
    found = await archive.claim("w", 15)
    assert found
    return found


def booked(spot: Place) -> list[tuple[object, ...]]:
    """Return the ledger."""
    return spot.rows("SELECT kind, amount FROM ledger ORDER BY kind")


async def test_finish_charges_what_is_stored(archive: SqlArchive, spot: Place) -> None:
    job, pictures = await claimed(archive, 3)
    await archive.store(job, pictures[0], painted(pictures[0]))
    await archive.store(job, pictures[2], painted(pictures[2]))
    await archive.fail_picture(job, pictures[1], "empty_picture", "Nothing but black.")
    done = await archive.finish(job)
    assert (done.state, done.rendered_at, done.ended_at) == ("rendered", spot.clock.now, None)
    assert (done.error_code, done.error_text) == ("empty_picture", "Nothing but black.")
    assert booked(spot) == [("charge", 2 * COST), ("hold", 3 * COST), ("release", COST)]
    assert spot.rows("SELECT kind, state FROM outbox") == [("result", "todo")]


async def test_finish_of_failures_alone_is_a_failure(archive: SqlArchive, spot: Place) -> None:
    job, pictures = await claimed(archive)
    await archive.fail_picture(job, pictures[0], "out_of_memory", "Too large.")
    done = await archive.finish(job)
    assert (done.state, done.error_code, done.ended_at) == ("failed", "out_of_memory", spot.clock.now)
    assert booked(spot) == RELEASED
    assert spot.rows("SELECT kind FROM outbox") == [("apology",)]


async def test_finish_with_pictures_waiting_is_a_mistake(archive: SqlArchive) -> None:
    job, _ = await claimed(archive)
    with pytest.raises(ValueError, match="still wait"):
        await archive.finish(job)
    assert (await archive.beat([(job.id, job.fence)], 15))[job.id] == "held"


async def test_requeue_waits_longer_each_time_then_gives_up(archive: SqlArchive, spot: Place) -> None:
    job, _ = await claimed(archive)
    for attempt, wait in ((1, 2), (2, 4)):
        job = await archive.requeue(job, "worker_lost", "The worker was lost.", solo=attempt == 1)
        assert (job.state, job.attempt, job.solo) == ("queued", attempt, True)
        assert await archive.next_due("queue") == spot.clock.now + wait * 1000
        spot.clock.now += wait * 1000 - 1
        assert await archive.claim("w", 15) is None
        spot.clock.now += 1
        again = await archive.claim("w", 15)
        assert again
        job = again[0]
    job = await archive.requeue(job, "worker_lost", "The worker was lost.")
    assert (job.state, job.attempt, job.error_code) == ("failed", 3, "worker_lost")
    assert booked(spot) == RELEASED


async def test_requeue_of_a_cancelled_job_ends_it(archive: SqlArchive, spot: Place) -> None:
    job, _ = await claimed(archive)
    await archive.cancel(job.id)
    assert (await archive.requeue(job, "x", "y")).state == "cancelled"
    assert booked(spot) == RELEASED


async def test_requeue_with_nothing_left_to_paint_ends_it(archive: SqlArchive) -> None:
    job, pictures = await claimed(archive)
    await archive.store(job, pictures[0], painted(pictures[0]))
    assert (await archive.requeue(job, "x", "y")).state == "rendered"


@pytest.mark.parametrize("to", ["failed", "cancelled"])
async def test_settle_keeps_what_is_stored(archive: SqlArchive, spot: Place, to: str) -> None:
    job, pictures = await claimed(archive, 2)
    await archive.store(job, pictures[1], painted(pictures[1]))
    done = await archive.settle(job, "failed" if to == "failed" else "cancelled", "why", "So it is.")
    assert (done.state, done.error_text) == ("rendered", "So it is.")
    assert booked(spot) == [("charge", COST), ("hold", 2 * COST), ("release", COST)]
    assert [picture.state for picture in (await archive.pictures([job.id]))[job.id]] == ["dropped", "stored"]


async def test_settle_without_a_picture(archive: SqlArchive, spot: Place) -> None:
    job, _ = await claimed(archive, 1)
    assert (await archive.settle(job, "failed", "why", "So it is.")).state == "failed"
    job, _ = await claimed(archive, 1)
    await archive.cancel(job.id)
    assert (await archive.settle(job, "failed", "why", "So it is.")).state == "cancelled"
    assert spot.rows("SELECT kind FROM outbox") == [("apology",), ("apology",)]


async def test_a_queued_job_with_a_picture_is_cancelled_to_rendered(archive: SqlArchive, spot: Place) -> None:
    job, pictures = await claimed(archive, 2)
    await archive.store(job, pictures[0], painted(pictures[0]))
    await archive.requeue(job, "worker_lost", "Lost.")
    assert (await archive.cancel(job.id)).state == "rendered"
    assert booked(spot) == [("charge", COST), ("hold", 2 * COST), ("release", COST)]


async def test_give_back_costs_no_attempt(archive: SqlArchive) -> None:
    job, _ = await claimed(archive)
    await archive.give_back(job)
    back = await archive.job(job.id)
    assert back and (back.state, back.attempt, back.fence) == ("queued", 0, 2)
    again = await archive.claim("w", 15)
    assert again and (again[0].attempt, again[0].fence) == (1, 3)


async def test_give_back_of_a_cancelled_job_ends_it(archive: SqlArchive) -> None:
    job, _ = await claimed(archive)
    await archive.cancel(job.id)
    await archive.give_back(job)
    back = await archive.job(job.id)
    assert back and back.state == "cancelled"


async def test_give_back_with_nothing_left_to_paint_finishes(archive: SqlArchive) -> None:
    job, pictures = await claimed(archive)
    await archive.store(job, pictures[0], painted(pictures[0]))
    await archive.give_back(job)
    back = await archive.job(job.id)
    assert back and back.state == "rendered"


@pytest.mark.fault(
    "F21", "leases are the clock's that the log goes by; a start reaps every running job whatever the clock says"
)
async def test_reap_takes_only_what_is_over(archive: SqlArchive, spot: Place) -> None:
    await claimed(archive)
    spot.clock.tick(10)
    await claimed(archive)
    spot.clock.tick(5)
    assert await archive.reap() == 0
    spot.clock.tick(1)
    assert await archive.reap() == 1
    assert await archive.restart() == 1
    assert await archive.restart() == 0


async def test_what_killed_two_workers_runs_alone_and_a_third_ends_it(archive: SqlArchive, spot: Place) -> None:
    job, _ = await claimed(archive)
    solo = []
    for _ in range(2):
        await archive.restart()
        spot.clock.tick(60)
        again = await archive.claim("w", 15)
        assert again
        solo.append(again[0].solo)
    assert solo == [False, True]
    assert await archive.restart() == 1
    ended = await archive.job(job.id)
    assert ended and (ended.state, ended.error_code) == ("failed", "worker_lost")
    assert booked(spot) == RELEASED


async def test_the_moves_tell_the_story(archive: SqlArchive) -> None:
    job, pictures = await claimed(archive)
    await archive.requeue(job, "worker_lost", "Lost.")
    told = [(move.from_state, move.to_state, move.why) for move in await archive.moves_after(0, None)]
    assert told == [
        ("", "queued", "accept"),
        ("queued", "running", "claim"),
        ("running", "queued", "requeue worker_lost: Lost."),
    ]
    assert pictures


async def test_the_crash_points_stand_around_each_commit(spot: Place) -> None:
    archive = await spot.open()
    await archive.accept([new_job()], NONE)
    found = await archive.claim("w", 15)
    assert found
    await paint_all(archive, *found)
    [parcel] = await archive.parcels("c", 15)
    await archive.delivered(parcel, Receipt("m"))
    await archive.close()
    named = [point for point in spot.points if "parcels" not in point]
    assert named == [
        "before_accept_commit",
        "after_accept_commit",
        "before_claim_commit",
        "after_claim_commit",
        "after_picture_file",
        "before_store_commit",
        "after_store_commit",
        "before_finish_commit",
        "after_finish_commit",
        "before_deliver_commit",
        "after_deliver_commit",
    ]
