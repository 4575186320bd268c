"""Accepting: all rows or none, once by key, within the Limits, and never on a full disk or a locked file."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from core.errors import Busy, DiskFull, LimitReached, Unavailable
from core.limits import Limits, Usage
from core.picture import Fingerprint, Replay
from core.recipe import SEEDS, digest
from core.records import Reply
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all, painted, recipe

NONE = Limits()
COST = 64 * 64 * 2 * 2


async def test_a_job_is_written_whole(archive: SqlArchive, spot: Place) -> None:
    reply = Reply("app", "token", "channel", "message", spot.clock.now + 1000)
    new = new_job("discord:7", seed=SEEDS - 1, n=2, reply=reply, notes=("Mended.",), typed="ein rotes Herz ❤")
    [(job, fresh)] = await archive.accept([new], NONE)
    assert fresh
    assert await archive.job(job.id) == job
    assert (job.state, job.cost, job.notes, job.model) == ("queued", 2 * COST, ("Mended.",), "tiny")
    assert (job.person.id, job.place, job.typed) == ("discord:7", new.place, "ein rotes Herz ❤")
    first, second = (await archive.pictures([job.id]))[job.id]
    assert (first.index, second.index) == (0, 1)
    assert (first.seed, second.seed) == (SEEDS - 1, 0)
    assert first.recipe == recipe(SEEDS - 1)
    assert first.recipe_digest == digest(first.recipe)
    assert spot.rows("SELECT kind, amount FROM ledger") == [("hold", 2 * COST)]
    assert spot.rows("SELECT token, channel_id FROM replies") == [("token", "channel")]
    assert spot.rows("SELECT from_state, to_state, why FROM moves") == [("", "queued", "accept")]


async def test_the_ledger_never_names_the_person(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job("discord:7"), new_job("discord:7"), new_job("discord:8")], NONE)
    payers = [row[0] for row in spot.rows("SELECT payer FROM ledger ORDER BY job_id")]
    assert payers[0] == payers[1] != payers[2]
    assert all(len(payer) == 64 and payer != "7" for payer in payers)


async def test_a_key_is_accepted_once(archive: SqlArchive, spot: Place) -> None:
    [(job, _)] = await archive.accept([new_job(key="i1/0")], NONE)
    again = await archive.accept([new_job(key="i1/0", seed=9), new_job(key="i1/1"), new_job(key="i1/1")], NONE)
    assert [fresh for _, fresh in again] == [False, True, False]
    assert again[0][0] == job
    assert again[1][0].id == again[2][0].id
    assert len(spot.rows("SELECT * FROM ledger")) == 2


async def test_what_was_accepted_is_found_again_whatever_the_limits_say(archive: SqlArchive) -> None:
    await archive.accept([new_job(key="i1/0")], NONE)
    [(_, fresh)] = await archive.accept([new_job(key="i1/0")], Limits(waiting=1, per_minute=1, day_cost=1))
    assert not fresh


async def test_all_or_none(archive: SqlArchive, spot: Place) -> None:
    with pytest.raises(LimitReached):
        await archive.accept([new_job(), new_job(), new_job()], Limits(waiting=2))
    for table in ("jobs", "pictures", "ledger", "moves"):
        assert spot.rows(f"SELECT * FROM {table}") == []


async def test_the_minute_opens_when_its_oldest_job_leaves(archive: SqlArchive, spot: Place) -> None:
    limits = Limits(per_minute=2)
    await archive.accept([new_job()], limits)
    spot.clock.tick(20)
    await archive.accept([new_job()], limits)
    with pytest.raises(LimitReached) as refused:
        await archive.accept([new_job()], limits)
    opens = spot.clock.now + 40_000
    assert refused.value.opens_at == opens
    spot.clock.now = opens - 1
    with pytest.raises(LimitReached):
        await archive.accept([new_job()], limits)
    spot.clock.now = opens
    await archive.accept([new_job()], limits)


async def test_others_do_not_count(archive: SqlArchive) -> None:
    await archive.accept([new_job("web:a")], Limits(waiting=1))
    await archive.accept([new_job("web:b")], Limits(waiting=1))


async def test_a_day_counts_holds_and_charges(archive: SqlArchive, spot: Place) -> None:
    limits = Limits(day_cost=3 * COST)
    await archive.accept([new_job(n=2)], limits)
    with pytest.raises(LimitReached):
        await archive.accept([new_job(n=2)], limits)
    claimed = await archive.claim("w", 15)
    assert claimed
    job, pictures = claimed
    await archive.store(job, pictures[0], painted(pictures[0]))
    await archive.settle(job, "failed", "x", "y")
    assert await archive.usage("web:owner") == Usage(
        waiting=0,
        minute=1,
        minute_opens=spot.clock.now + 60_000,
        day_cost=COST,
        day_opens=spot.clock.now + 24 * 3_600_000,
    )
    await archive.accept([new_job(n=2)], limits)
    spot.clock.tick(24 * 3600)
    assert (await archive.usage("web:owner")).day_cost == 2 * COST


async def test_waiting_ends_with_the_job(archive: SqlArchive) -> None:
    await archive.accept([new_job()], Limits(waiting=1))
    claimed = await archive.claim("w", 15)
    assert claimed
    with pytest.raises(LimitReached):
        await archive.accept([new_job()], Limits(waiting=1))
    await paint_all(archive, *claimed)
    await archive.accept([new_job()], Limits(waiting=1))


async def test_erasing_resets_no_limit(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job()], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    before = await archive.usage("web:owner")
    spot.change(lambda connection: connection.execute(text("DELETE FROM jobs")))
    assert await archive.usage("web:owner") == before


async def test_a_replay_waits_in_the_verdict(archive: SqlArchive) -> None:
    replay = Replay(Fingerprint(((8, 12),), {"dtype": "bf16"}), "ab" * 32)
    [(job, _)] = await archive.accept([new_job(kind="reproduce", replay=replay, parent_id="P" * 26)], NONE)
    [picture] = (await archive.pictures([job.id]))[job.id]
    assert picture.replay == replay
    assert picture.parent_id == "P" * 26
    assert picture.verdict == {}


@pytest.mark.fault("F8", "refused in words before anything is held")
async def test_a_full_disk_is_told_before_any_hold(spot: Place) -> None:
    free = [500 * 1024 * 1024]
    archive = await spot.open(free_bytes=lambda _: free[0])
    await archive.accept([new_job(key="a/0")], NONE)
    free[0] -= 1
    with pytest.raises(DiskFull, match="nothing charged"):
        await archive.accept([new_job()], NONE)
    [(_, fresh)] = await archive.accept([new_job(key="a/0")], NONE)
    assert not fresh
    assert len(spot.rows("SELECT * FROM ledger")) == 1
    await archive.close()


@pytest.mark.fault("F7", "refused as busy after a second, nothing charged")
async def test_a_locked_database_is_busy_after_a_second(archive: SqlArchive, spot: Place) -> None:
    engine = create_engine(spot.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as other:
        lite = spot.url.startswith("sqlite")
        for statement in ("BEGIN IMMEDIATE",) if lite else ("BEGIN", "LOCK TABLE jobs"):
            other.exec_driver_sql(statement)
        with pytest.raises(Busy, match="not accepted, nothing charged"):
            await archive.accept([new_job()], NONE)
        other.exec_driver_sql("ROLLBACK")
    engine.dispose()
    assert spot.rows("SELECT * FROM jobs") == []
    await archive.accept([new_job()], NONE)


async def test_a_closed_archive_says_that_it_stops(lite: Place) -> None:
    archive = await lite.open()
    await archive.close()
    with pytest.raises(Busy, match="stopping"):
        await archive.accept([new_job()], NONE)


async def test_a_database_that_went_away_is_told_and_found_again(spot: Place) -> None:
    if spot.url.startswith("sqlite"):
        return
    archive = await spot.open()
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    kill = f"{end} pg_backend_pid()"

    def cut(session: Session) -> None:
        spot.rows(kill)
        session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable, match="cannot be reached"):
        await archive._store.write(cut)
    spot.rows(kill)
    await archive.accept([new_job()], NONE)
    await archive.close()


async def test_a_disk_that_fills_up_rolls_back(lite: Place) -> None:
    archive = await lite.open()
    await archive.accept([new_job()], NONE)
    # A file that may not grow is what a full disk looks like to SQLite.
    pages = lite.rows("PRAGMA page_count")[0][0]
    await archive._store.write(lambda s: s.connection().exec_driver_sql(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(DiskFull):
        await archive.accept([new_job(n=16) for _ in range(40)], NONE)
    assert len(lite.rows("SELECT * FROM jobs")) == 1
    assert lite.rows("PRAGMA integrity_check") == [("ok",)]
    await archive.close()


async def test_blocking_work_leaves_the_loop_alone(lite: Place) -> None:
    main = threading.current_thread()
    seen: list[threading.Thread] = []

    def at(_: str) -> None:
        seen.append(threading.current_thread())

    def free(_: Path) -> int:
        seen.append(threading.current_thread())
        return 10**12

    archive = await lite.open(at=at, free_bytes=free)
    await archive.accept([new_job()], NONE)
    await archive.close()
    assert len(seen) == 3
    assert main not in seen
    assert len(set(seen)) == 1
