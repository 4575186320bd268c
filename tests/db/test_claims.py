"""Who is served next, who stands in line, and what only the holder of a claim may do."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text

from core.errors import Lost, NotFound
from core.limits import Limits
from core.pace import Standing
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all, painted

NONE = Limits()
COST = 64 * 64 * 2 * 2


async def test_nobody_is_claimed_twice(archive: SqlArchive) -> None:
    await archive.accept([new_job(), new_job()], NONE)
    first, second = await archive.claim("w", 15), await archive.claim("w", 15)
    assert first and second
    assert first[0].id != second[0].id
    assert await archive.claim("w", 15) is None
    job, pictures = first
    assert (job.state, job.attempt, job.fence, len(pictures)) == ("running", 1, 1, 1)


async def test_the_least_served_person_is_next_then_age(archive: SqlArchive, spot: Place) -> None:
    accepted = await archive.accept([new_job("web:a", n=2), new_job("web:a"), new_job("web:b"), new_job("web:b")], NONE)
    ids = [job.id for job, _ in accepted]
    order = []
    while claimed := await archive.claim("w", 15):
        order.append(ids.index(claimed[0].id))
        spot.clock.tick(1)
        await paint_all(archive, *claimed)
    # Held, a has 3 and b 2: b first; what was held is then charged, so it stays so until b is done.
    assert order == [2, 3, 0, 1]


async def test_what_was_charged_over_an_hour_ago_is_forgotten(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job("web:a", n=3)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    [(a, _), (b, _)] = await archive.accept([new_job("web:a"), new_job("web:b", n=2)], NONE)
    assert await archive.line() == [Standing(b.id, False, 2, 2 * COST), Standing(a.id, False, 1, COST)]
    spot.clock.tick(3600)
    assert [standing.job_id for standing in await archive.line()] == [a.id, b.id]
    claimed = await archive.claim("w", 15)
    assert claimed and claimed[0].id == a.id


async def test_claims_leave_out_those_who_have_a_full_hand(archive: SqlArchive, spot: Place) -> None:
    [(a, _), (b, _), (c, _)] = await archive.accept([new_job(f"web:{who}") for who in "abc"], NONE)
    found = await archive.claim("w", 15, besides=["web:a", "web:b"])
    assert found and found[0].id == c.id
    assert await archive.claim("w", 15, besides=["web:a", "web:b"]) is None
    found = await archive.claim("w", 15, besides=["web:a"])
    assert found and found[0].id == b.id
    await archive.requeue(found[0], "worker_lost", "The worker was lost.")
    assert await archive.next_due("queue", "w", besides=["web:b"]) is None
    assert await archive.next_due("queue", "w", besides=["web:a"]) == spot.clock.now + 2_000
    found = await archive.claim("w", 15)
    assert found and found[0].id == a.id


async def test_the_line_begins_with_what_runs_and_holds_only_what_is_still_to_paint(archive: SqlArchive) -> None:
    await archive.accept([new_job("web:a", n=3)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    [(mine, _)] = await archive.accept([new_job("web:b")], NONE)
    behind = Standing(mine.id, False, 1, COST)
    assert await archive.line() == [Standing(claimed[0].id, True, 3, 3 * COST), behind]
    await archive.store(claimed[0], claimed[1][0], painted(claimed[1][0]))
    assert await archive.line() == [Standing(claimed[0].id, True, 2, 2 * COST), behind]


async def test_the_line_agrees_with_the_order_of_claims(archive: SqlArchive, spot: Place) -> None:
    jobs = [new_job(f"web:{who}", n=n) for who, n in (("a", 3), ("b", 1), ("c", 2), ("a", 1), ("b", 1), ("c", 1))]
    accepted = []
    for new in jobs:
        accepted += [job for job, _ in await archive.accept([new], NONE)]
        spot.clock.tick(1)
    places = {standing.job_id: place for place, standing in enumerate(await archive.line())}
    served = []
    while claimed := await archive.claim("w", 15):
        served.append(claimed[0].id)
    assert served == sorted(places, key=lambda job: places[job])
    assert sorted(places.values()) == list(range(6))


async def test_beats_lengthen_and_tell(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job(), new_job()], NONE)
    first, second = await archive.claim("w", 15), await archive.claim("w", 15)
    assert first and second
    spot.clock.tick(14)
    await archive.cancel(second[0].id)
    held = [(first[0].id, 1), (second[0].id, 1), ("0" * 26, 1)]
    before = await archive.last_move()
    assert list((await archive.beat(held, 15)).values()) == ["held", "cancel", "lost"]
    assert await archive.last_move() == before
    spot.clock.tick(14)
    assert await archive.reap() == 0
    spot.clock.tick(2)
    assert await archive.reap() == 2
    assert (await archive.beat(held[:1], 15))[first[0].id] == "lost"


@pytest.mark.fault("F6", "an old fence is refused, so one result is taken")
async def test_a_late_result_is_refused(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job()], NONE)
    late = await archive.claim("w1", 15)
    assert late
    spot.clock.tick(16)
    assert await archive.reap() == 1
    spot.clock.tick(2)
    now = await archive.claim("w2", 15)
    assert now
    assert now[0].fence == 2
    for work in (
        archive.store(late[0], late[1][0], painted(late[1][0])),
        archive.fail_picture(late[0], late[1][0], "x", "y"),
        archive.finish(late[0]),
        archive.requeue(late[0], "x", "y"),
        archive.settle(late[0], "failed", "x", "y"),
        archive.give_back(late[0]),
    ):
        with pytest.raises(Lost):
            await work
    done = await paint_all(archive, *now)
    assert done.state == "rendered"


async def test_a_later_attempt_skips_what_is_stored(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job(n=3)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    job, pictures = claimed
    await archive.store(job, pictures[1], painted(pictures[1]))
    await archive.fail_picture(job, pictures[2], "empty_picture", "Nothing but black.")
    with pytest.raises(Lost):
        await archive.store(job, pictures[1], painted(pictures[1]))
    await archive.requeue(job, "worker_lost", "Lost.")
    spot.clock.tick(2)
    again = await archive.claim("w", 15)
    assert again
    assert [picture.index for picture in again[1]] == [0]
    states = [picture.state for picture in (await archive.pictures([job.id]))[job.id]]
    assert states == ["waiting", "stored", "failed"]


async def test_a_queued_job_is_cancelled_at_once(archive: SqlArchive, spot: Place) -> None:
    [(job, _)] = await archive.accept([new_job()], NONE)
    cancelled = await archive.cancel(job.id)
    assert (cancelled.state, cancelled.ended_at) == ("cancelled", spot.clock.now)
    assert await archive.cancel(job.id) == cancelled
    assert spot.rows("SELECT kind, amount FROM ledger ORDER BY kind") == [
        ("charge", 0),
        ("hold", COST),
        ("release", COST),
    ]
    assert spot.rows("SELECT state FROM pictures") == [("dropped",)]
    with pytest.raises(NotFound):
        await archive.cancel("0" * 26)


async def test_a_running_job_is_flagged_once(archive: SqlArchive) -> None:
    await archive.accept([new_job()], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    flagged = await archive.cancel(claimed[0].id)
    assert (flagged.state, flagged.cancel_requested) == ("running", True)
    before = await archive.last_move()
    await archive.cancel(claimed[0].id)
    assert await archive.last_move() == before


async def test_two_programs_claim_different_jobs(spot: Place) -> None:
    one, two = await spot.open(), await spot.open()
    await one.accept([new_job(f"web:{k}") for k in range(10)], NONE)
    found = await asyncio.gather(*(program.claim("w", 15) for _ in range(5) for program in (one, two)))
    assert len({claimed[0].id for claimed in found if claimed}) == 10
    await one.close()
    await two.close()


async def test_a_claim_waits_for_no_lock_on_postgres(spot: Place, pool: ThreadPoolExecutor) -> None:
    if spot.url.startswith("sqlite"):
        return
    archive = await spot.open()
    [(first, _), (second, _)] = await archive.accept([new_job("web:a"), new_job("web:b")], NONE)

    def claim_while_locked() -> None:
        engine = create_engine(spot.url)
        with engine.begin() as connection:
            connection.execute(text("SELECT id FROM jobs WHERE id = :id FOR UPDATE"), {"id": first.id})
            claimed = asyncio.run_coroutine_threadsafe(archive.claim("w", 15), loop).result(3)
            assert claimed and claimed[0].id == second.id
        engine.dispose()

    loop = asyncio.get_running_loop()
    await loop.run_in_executor(pool, claim_while_locked)
    await archive.close()
