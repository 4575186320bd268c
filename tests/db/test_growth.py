"""A large log stays quick: no call walks through it, counted in the database's own steps and not by the clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from core.limits import Limits
from core.search import Search
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job
from tests.support.grown import KEY, grow

PICTURES = 60_000
MOST = 10_000
"""Steps of SQLite's machine: a walk through the smallest table there is takes several times as many."""

WHO = "web:p0"
CALLS: dict[str, Callable[[SqlArchive], Awaitable[Any]]] = {
    "accept": lambda archive: archive.accept([new_job("web:p7")], Limits(5, 5, 10**12)),
    "claim": lambda archive: archive.claim("test", 60.0),
    "history": lambda archive: archive.history(WHO, None, 20),
    "older history": lambda archive: archive.history(WHO, "01J00000000000000000007000", 20),
    "gallery": lambda archive: archive.gallery(WHO, Search(), None, 60),
    "older gallery": lambda archive: archive.gallery(WHO, Search(), (1_799_000_000_000, "Z" * 26), 60),
    "favourites": lambda archive: archive.gallery(WHO, Search(favourite=True), None, 60),
    "picture by tail": lambda archive: archive.picture("050003"),
    "job by tail": lambda archive: archive.job("007003"),
    "last picture": lambda archive: archive.last_picture(WHO),
    "line": lambda archive: archive.line(),
    "usage": lambda archive: archive.usage(WHO),
    "moves": lambda archive: archive.moves_after(59_990, WHO),
    "parcels": lambda archive: archive.parcels("test", 60.0),
    "due": lambda archive: archive.next_due("outbox"),
    "audits": lambda archive: archive.audits(),
    "reap": lambda archive: archive.reap(),
    "restart": lambda archive: archive.restart(),
}


@contextmanager
def counting() -> Iterator[list[int]]:
    """Count the steps of SQLite's machine on every connection made meanwhile, in hundreds."""
    hundreds: list[int] = []

    def listen(raw: sqlite3.Connection, _: object) -> None:
        raw.set_progress_handler(lambda: hundreds.append(100) or 0, 100)

    event.listen(Engine, "connect", listen)
    try:
        yield hundreds
    finally:
        event.remove(Engine, "connect", listen)


async def test_no_call_walks_through_the_log(lite: Place, pool: ThreadPoolExecutor) -> None:
    await (await lite.open(payer_key=KEY)).close()
    grow(lite.data / "limner.db", PICTURES, lite.clock())
    with counting() as hundreds:
        archive = await lite.open(payer_key=KEY)
        assert sum(hundreds) < MOST
        steps = {}
        for name, call in CALLS.items():
            hundreds.clear()
            await call(archive)
            steps[name] = sum(hundreds)
        await archive.close()
    assert {name: count for name, count in steps.items() if count > MOST} == {}


async def test_a_walk_would_be_seen(lite: Place) -> None:
    await (await lite.open(payer_key=KEY)).close()
    grow(lite.data / "limner.db", PICTURES, lite.clock())
    lite.change(lambda connection: connection.exec_driver_sql("DROP INDEX pictures_tail"))
    with counting() as hundreds:
        archive = await lite.open(payer_key=KEY)
        hundreds.clear()
        assert await archive.picture("050003") is not None
        await archive.close()
    assert sum(hundreds) > MOST


@pytest.mark.soak
async def test_no_call_walks_through_ten_million(lite: Place) -> None:
    await (await lite.open(payer_key=KEY)).close()
    grow(lite.data / "limner.db", 10_000_000, lite.clock())
    with counting() as hundreds:
        archive = await lite.open(payer_key=KEY)
        for call in CALLS.values():
            await call(archive)
        await archive.close()
    assert sum(hundreds) < len(CALLS) * MOST
