"""Power cuts: the log is copied as it is at random moments of writing, its newest bytes torn off, and opened again."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.limits import Limits
from core.records import Receipt
from db.archive import SqlArchive
from tests.crash.steady import sound
from tests.support.archive import new_job, open_archive, paint_all

NONE = Limits()
BASE, WAL = "limner.db", "limner.db-wal"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Give a pool of four."""
    with ThreadPoolExecutor(4) as running:
        yield running


class Cutter:
    """Copy the log at random passings of the crash points, with the Jobs that were acknowledged by then."""

    def __init__(self, home: Path, chance: random.Random, cuts: int) -> None:
        self.home, self.chance, self.left = home, chance, cuts
        self.data = home / "data"
        self.acknowledged: list[str] = []
        self.copies: list[tuple[Path, frozenset[str]]] = []
        self.data.mkdir()

    def __call__(self, point: str) -> None:
        if self.left and self.chance.random() < 0.3:
            self.left -= 1
            copy = self.home / f"cut{self.left}"
            shutil.copytree(self.data, copy)
            self.copies.append((copy, frozenset(self.acknowledged)))


async def work(archive: SqlArchive, cutter: Cutter) -> None:
    """Accept, paint, lose, cancel and deliver until every cut is made."""
    number = 0
    while cutter.left:
        number += 1
        [(job, _)] = await archive.accept([new_job(n=1 + number % 3, seed=number)], NONE)
        cutter.acknowledged.append(job.id)
        found = await archive.claim("w", 15)
        assert found is not None
        if number % 4 == 1:
            await archive.requeue(found[0], "worker_lost", "Lost.", solo=False)
        elif number % 4 == 2:
            await archive.cancel(found[0].id)
            await archive.settle(found[0], "cancelled", "cancelled", "So it is.")
        else:
            await paint_all(archive, *found)
        for parcel in await archive.parcels("courier", 15):
            await archive.delivered(parcel, Receipt("m"))


async def reopened(copy: Path, pool: ThreadPoolExecutor) -> set[str]:
    """Open a copy as the next start does, let everything come to an end, and return the Jobs that are there."""
    archive = await open_archive(copy, pool=pool, synchronous="FULL")
    await archive.restart()
    clock = archive._clock
    while (found := await archive.claim("w", 15)) or await archive.next_due("queue") is not None:
        clock.tick(30)  # type: ignore[attr-defined]
        if found is not None:
            await paint_all(archive, *found)
    for parcel in await archive.parcels("courier", 15, 10_000):
        await archive.delivered(parcel, Receipt("m"))
    await archive.close()
    with closing(sqlite3.connect(copy / BASE)) as base:
        left = base.execute("SELECT id FROM jobs WHERE state IN ('queued', 'running', 'rendered')").fetchall()
        sums = base.execute("SELECT sum(CASE kind WHEN 'hold' THEN amount ELSE -amount END), count(*) FROM ledger"
                            " GROUP BY job_id").fetchall()  # fmt: skip
        jobs = {job for (job,) in base.execute("SELECT id FROM jobs")}
    assert not left and set(sums) <= {(0, 3)} and len(sums) == len(jobs)
    assert sound(copy) == []
    return jobs


@pytest.mark.parametrize("cuts", [12, pytest.param(400, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
async def test_after_a_power_cut_every_acknowledged_job_is_there(
    tmp_path: Path, pool: ThreadPoolExecutor, cuts: int
) -> None:
    """What was acknowledged stands in the file; a commit that was under way is there as a whole or not at all."""
    cutter = Cutter(tmp_path, random.Random(cuts), cuts)
    archive = await open_archive(cutter.data, pool=pool, synchronous="FULL", at=cutter)
    await work(archive, cutter)
    await archive.close()
    for copy, acknowledged in cutter.copies:
        assert acknowledged <= await reopened(copy, pool)


@pytest.mark.parametrize("cuts", [12, pytest.param(400, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
async def test_a_torn_tail_loses_the_last_commits_alone(tmp_path: Path, pool: ThreadPoolExecutor, cuts: int) -> None:
    """A disk that lies about flushing may lose the newest commits; what is left is whole, and in order."""
    chance = random.Random(cuts)
    cutter = Cutter(tmp_path, chance, cuts)
    archive = await open_archive(cutter.data, pool=pool, synchronous="FULL", at=cutter)
    await work(archive, cutter)
    await archive.close()
    torn = 0
    for copy, _ in cutter.copies:
        wal = copy / WAL
        size = wal.stat().st_size if wal.exists() else 0
        if not size:
            continue
        with wal.open("r+b") as file:
            file.truncate(size - chance.randint(1, min(size, 20_000)))
        torn += 1
        there = await reopened(copy, pool)
        made = [job for job in cutter.acknowledged if job in there]
        assert made == cutter.acknowledged[: len(made)], "an older job is gone and a newer one is there"
    assert torn > cuts // 2
