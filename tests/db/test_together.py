"""Works that wait at the same time are written in one transaction, and each comes out as if it had been alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.defaults import Defaults
from core.errors import LimitReached
from core.limits import Limits
from core.records import Reply
from db.archive import SqlArchive
from db.known import Known
from tests.db.conftest import Place
from tests.support.archive import new_job

NONE = Limits()


@asynccontextmanager
async def held_up(archive: SqlArchive) -> AsyncIterator[None]:
    """Keep the writing thread busy, so that what is written meanwhile waits."""
    gate = threading.Event()
    busy = asyncio.create_task(archive._store.on_thread(lambda: gate.wait(20)))
    await asyncio.sleep(0)
    try:
        yield
        for _ in range(20):
            await asyncio.sleep(0)
    finally:
        gate.set()
    await busy


async def test_many_are_accepted_in_one_transaction_and_a_refused_one_undoes_nothing(
    archive: SqlArchive, spot: Place
) -> None:
    one = Limits(waiting=1)
    asks = [
        ("discord:1", "i1/0", NONE),
        ("discord:2", "i2/0", one),
        ("discord:2", "i3/0", one),
        ("discord:3", "i1/0", NONE),
    ]
    spot.points.clear()
    async with held_up(archive):
        tasks = [
            asyncio.create_task(archive.accept([new_job(person, key=key)], limits)) for person, key, limits in asks
        ]
    first, second, third, fourth = await asyncio.gather(*tasks, return_exceptions=True)
    assert not any(isinstance(each, BaseException) for each in (first, second, fourth))
    assert isinstance(third, LimitReached)
    assert first[0][1] and not fourth[0][1] and first[0][0].id == fourth[0][0].id
    assert spot.points == ["before_accept_commit"] * 4 + ["after_accept_commit"] * 4
    assert len(spot.rows("SELECT 1 FROM jobs")) == len(spot.rows("SELECT 1 FROM ledger")) == 2


async def test_one_that_breaks_the_transaction_breaks_its_own_alone(archive: SqlArchive, spot: Place) -> None:
    async with held_up(archive):
        good = [asyncio.create_task(archive.accept([new_job(key=f"i{n}/0")], NONE)) for n in range(2)]
        bad = asyncio.create_task(
            archive._store.write(lambda s: s.execute(text("SELECT nothing FROM nowhere")), "store")
        )
    found = await asyncio.gather(*good, bad, return_exceptions=True)
    assert isinstance(found[2], DBAPIError)
    assert [each[0][1] for each in found[:2] if not isinstance(each, BaseException)] == [True, True]
    assert len(spot.rows("SELECT 1 FROM jobs")) == 2


async def test_who_no_longer_waits_is_left_out(archive: SqlArchive, spot: Place) -> None:
    async with held_up(archive):
        tasks = [asyncio.create_task(archive.accept([new_job(key=f"i{n}/0")], NONE)) for n in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[1], asyncio.CancelledError)
    assert len(spot.rows("SELECT 1 FROM jobs")) == 2


async def test_a_promise_becomes_the_reply_of_the_first_job_or_is_struck_out(archive: SqlArchive, spot: Place) -> None:
    kept = Reply("app", "token", "channel", "", spot.clock.now + 1000)
    await archive.promise(kept)
    await archive.promise(Reply("app", "another", "channel", "", spot.clock.now + 1000))
    assert not await archive.promises(), "whoever made them lives"
    reply = Reply("app", "token", "channel", "", kept.expires_at, promised=True)
    jobs = [new_job(key=f"i1/{n}", reply=reply) for n in range(2)]
    found = [job for job, _ in await archive.accept(jobs, NONE)]
    told = spot.rows("SELECT job_id, token FROM replies WHERE job_id IS NOT NULL ORDER BY job_id")
    assert told == [(found[0].id, "token"), (found[1].id, "token")]
    await archive.promise_over("another")
    assert not spot.rows("SELECT 1 FROM replies WHERE job_id IS NULL")


async def test_what_is_decided_is_known_at_once(archive: SqlArchive) -> None:
    assert (await archive.defaults("discord:1")).suffix == ""
    await archive.keep_defaults("discord:1", Defaults(suffix="in ink"))
    assert (await archive.defaults("discord:1")).suffix == "in ink"
    await archive.erase("discord:1")
    assert (await archive.defaults("discord:1")).suffix == ""
    (await archive.overrides())["paused"] = True
    assert "paused" not in await archive.overrides()
    await archive.override({"paused": True})
    assert (await archive.overrides())["paused"] is True


async def test_what_was_read_before_a_change_is_not_kept_behind_it() -> None:
    known, gate = Known(on=True), asyncio.Event()
    values = iter(["old", "new", "never"])

    async def read() -> Any:
        found = next(values)
        await gate.wait()
        return found

    reading = asyncio.create_task(known.of("key", read))
    await asyncio.sleep(0)
    known.forget()
    gate.set()
    assert await reading == "old"
    assert await known.of("key", read) == "new" and await known.of("key", read) == "new"
    off = Known(on=False)
    values = iter(["one", "two"])
    assert [await off.of("key", read) for _ in range(2)] == ["one", "two"]


@pytest.mark.parametrize("move", ["accept", "store", "finish", "deliver"])
async def test_what_is_written_together_keeps_its_crash_points(archive: SqlArchive, spot: Place, move: str) -> None:
    spot.points.clear()
    assert await archive._store.write(lambda s: 7, move) == 7
    assert spot.points == [f"before_{move}_commit", f"after_{move}_commit"]
