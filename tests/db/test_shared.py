"""Tests of several programs on one PostgreSQL: its clock, word of each other's moves, names, leases, faces."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.limits import Limits
from core.person import Place as Where
from core.records import Reply
from db.archive import SqlArchive
from db.shared import DatabaseClock
from tests.db.conftest import Place
from tests.support.archive import new_job, open_archive, paint_all
from tests.support.postgres import Cluster

FREE = Limits()


@pytest.fixture
def both(postgres: Cluster, tmp_path: Path, pool: ThreadPoolExecutor) -> Place:
    return Place(postgres.fresh(), tmp_path, pool)


async def shared(place: Place, clock: DatabaseClock | None = None) -> SqlArchive:
    """Open one of several Archives on the same database."""
    return await open_archive(
        place.data, url=place.url, pool=place.pool, clock=clock or DatabaseClock(time.monotonic_ns), alone=False
    )


@pytest.mark.fault("F21", "of several programs the database's clock alone counts")
async def test_the_clock_is_the_databases_and_runs_on(both: Place) -> None:
    elapsed = [5_000_000_000]
    clock = DatabaseClock(lambda: elapsed[0])
    with pytest.raises(RuntimeError):
        clock()
    archive = await shared(both, clock)
    [(told,)] = both.rows("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    assert 0 <= told - clock() < 60_000
    before = clock()
    elapsed[0] += 3_000_000_000
    assert clock() == before + 3000
    # Read again by each writing transaction: what ran on here is forgotten.
    [(job, _)] = await archive.accept([new_job()], FREE)
    assert job.created_at < before + 60_000
    await archive.close()


async def test_moves_are_heard_by_the_others_alone(both: Place) -> None:
    one, two = await shared(both), await shared(both)
    heard: dict[str, asyncio.Event] = {"one": asyncio.Event(), "two": asyncio.Event()}
    tasks = [asyncio.create_task(one.listen(heard["one"].set)), asyncio.create_task(two.listen(heard["two"].set))]
    # Each is called once when it begins to listen.
    await asyncio.wait_for(asyncio.gather(*(event.wait() for event in heard.values())), 20)
    for event in heard.values():
        event.clear()
    await one.accept([new_job()], FREE)
    await asyncio.wait_for(heard["two"].wait(), 20)
    assert not heard["one"].is_set()
    heard["two"].clear()
    # Nothing moved: an empty outbox tells nobody, or two programs would wake each other for ever.
    assert await one.parcels("c", 60.0) == []
    assert await two.claim("w", 60.0) is not None
    await asyncio.wait_for(heard["one"].wait(), 20)
    assert not heard["two"].is_set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await one.close()
    await two.close()


@pytest.mark.fault("F23", "on PostgreSQL a shard is one program's; the same one twice is refused")
async def test_a_name_is_one_programs_until_it_ends(both: Place) -> None:
    one, two = await shared(both), await shared(both)
    assert await one.take_name("discord shard 0")
    assert not await two.take_name("discord shard 0")
    assert await two.take_name("discord shard 1")
    await one.close()
    three = await shared(both)
    assert await three.take_name("discord shard 0")
    await two.close()
    await three.close()


@pytest.mark.fault("F16", "of several programs the others tell the promises of one that died, and of none that lives")
async def test_promises_are_told_by_whoever_lives_once_their_maker_is_gone(both: Place) -> None:
    one, two = await shared(both), await shared(both)
    await one.promise(Reply("app", "broken", "channel", "", 2**50))
    await one.promise(Reply("app", "kept", "channel", "", 2**50))
    await two.promise(Reply("app", "theirs", "channel", "", 2**50))
    # So old as a promise may be before a program that has lost its line to the database has its name back.
    both.change(lambda connection: connection.exec_driver_sql("UPDATE replies SET promised_at = promised_at - 90000"))
    assert not await one.promises() and not await two.promises(), "nobody living is taken for dead"
    await one.promise_over("kept")
    await one.close()
    assert [reply.token for reply in await two.promises()] == ["broken"]
    three = await shared(both)
    assert [reply.token for reply in await three.promises()] == ["broken"]
    await three.promise_over("broken")
    assert not await two.promises()
    await two.close()
    assert [reply.token for reply in await three.promises()] == ["theirs"]
    await three.close()


async def test_a_program_whose_line_broke_has_its_name_back_before_it_is_taken_for_dead(both: Place) -> None:
    one, two = await shared(both), await shared(both)
    await one.promise(Reply("app", "token", "channel", "", 2**50))
    cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    both.change(lambda connection: connection.exec_driver_sql(cut))
    assert not await two.promises(), "the promise is young: its maker may come back"
    assert not await one.promises()
    both.change(lambda connection: connection.exec_driver_sql("UPDATE replies SET promised_at = promised_at - 90000"))
    assert not await two.promises(), "it has come back"
    await one.close()
    assert [reply.token for reply in await two.promises()] == ["token"]
    await two.close()


async def test_what_a_program_promised_that_is_gone_the_next_one_finds(spot: Place) -> None:
    archive = await spot.open()
    await archive.promise(Reply("app", "token", "channel", "", 2**50))
    await archive.close()
    archive = await spot.open()
    assert [reply.token for reply in await archive.promises()] == ["token"]
    await archive.promise_over("token")
    assert not await archive.promises()
    await archive.close()


async def test_a_start_leaves_what_others_hold_and_takes_what_they_left(both: Place) -> None:
    one = await shared(both)
    await one.accept([new_job()], FREE)
    assert await one.claim("one", 60.0) is not None
    two = await shared(both)
    assert await two.restart() == 0
    due = await two.next_due("queue", "two")
    assert due is not None and await one.next_due("queue", "one") is None
    both.change(lambda connection: connection.exec_driver_sql("UPDATE jobs SET lease_until = 1"))
    assert await two.restart() == 1
    await one.close()
    await two.close()


async def test_results_are_left_to_the_program_that_has_their_face(spot: Place) -> None:
    archive = await spot.open()
    for face in ("discord", "web"):
        await archive.accept([new_job(place=Where.of(face, {"channel": "1"}))], FREE)
        claimed = await archive.claim("w", 60.0)
        assert claimed is not None
        await paint_all(archive, *claimed)
    [mine] = await archive.parcels("c", 60.0, faces={"web", "cli"})
    assert mine.job.place.face == "web"
    await archive.deliver_later(mine, 9.0)
    assert await archive.next_due("outbox", faces={"discord"}) is None
    assert await archive.next_due("outbox", faces={"web"}) == spot.clock.now + 9000
    [theirs] = await archive.parcels("c", 60.0, faces={"discord"})
    assert theirs.job.place.face == "discord"
    await archive.close()
