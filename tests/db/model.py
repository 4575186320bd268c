"""The model behind the Archive's state machine: who holds what, and the invariants that every step must leave true."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from core.errors import Lost
from core.job import ENDED, MAX_ATTEMPTS, MOVES, Job
from core.records import Receipt
from db.archive import SqlArchive
from tests.support.archive import Ticks, noise, open_archive, painted

T = TypeVar("T")

LEASE_S = 15.0
HOUR_MS = 3_600_000
STARVED_MS = 120_000


class Killed(BaseException):
    """Stand for kill -9 at a crash point."""


class ArchiveModel(RuleBasedStateMachine):
    """Know what must be true of an Archive; `made` and `pool` say on which database and with which threads."""

    pool: ClassVar[ThreadPoolExecutor]
    made: ClassVar[Callable[[Path], tuple[str, Any]]]

    def __init__(self) -> None:
        super().__init__()
        # In memory where there is such a folder: thousands of flushes are not the subject here.
        shared = Path("/dev/shm")
        self.home = Path(tempfile.mkdtemp(prefix="limner-machine-", dir=shared if shared.is_dir() else None))
        self.runner = asyncio.Runner()
        self.clock = Ticks()
        self.noise = noise()
        self.armed = ""
        self.url, self.look = vars(type(self))["made"](self.home)
        self.archive = self._open()
        self.accepted: dict[int, str] = {}
        self.asked: dict[str, tuple[int, int]] = {}
        self.held: dict[str, tuple[int, int]] = {}
        self.stored: dict[str, int] = {}
        self.parcels: dict[tuple[str, str], tuple[int, int]] = {}
        self.closed: dict[tuple[str, str], bool] = {}
        self.turns: Iterator[int] = itertools.count()

    def _open(self) -> SqlArchive:
        given = {
            "url": self.url,
            "clock": self.clock,
            "pool": type(self).pool,
            "at": self._at,
            "randomness": self.noise,
        }
        return self._do(open_archive(self.home, **given))

    def _at(self, point: str) -> None:
        if point == self.armed:
            self.armed = ""
            raise Killed(point)

    def _do(self, work: Awaitable[T]) -> T:
        async def wrapped() -> T:
            return await work

        return self.runner.run(wrapped())

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.look.execute(sql).fetchall()]

    def _mine(self, job: Job) -> bool:
        return self.held.get(job.id, (None, 0))[0] == job.fence

    def _guarded(self, job: Job, work: Awaitable[T]) -> T | None:
        """Run what only the holder may do: anybody else must be told that it is lost."""
        mine = self._mine(job)
        try:
            found = self._do(work)
        except Lost:
            assert not mine, "the holder was refused"
            return None
        assert mine, "somebody was let in who does not hold the job"
        return found

    def _due(self) -> str | None:
        """Say who is next, by plain arithmetic over all rows and over what was asked, not over what was written."""
        spent: dict[str, int] = {}
        state = {row[0]: row[1:] for row in self._rows("SELECT id, state, person FROM jobs")}
        for job, kind, amount, at in self._rows("SELECT job_id, kind, amount, at FROM ledger"):
            came, person = state[job]
            held = kind == "hold" and came in ("queued", "running")
            if held or kind == "charge" and at > self.clock.now - HOUR_MS:
                spent[person] = spent.get(person, 0) + amount
        queued = self._rows(
            f"SELECT person, created_at, id FROM jobs WHERE state = 'queued' AND not_before <= {self.clock.now}"
        )
        order = []
        for person, created, job in queued:
            weight, priority = self.asked[job]
            # Whoever waited two minutes stands with the highest; what runs behind all others never does.
            rank = 9 if priority >= 0 and self.clock.now - created >= STARVED_MS else priority
            order.append((-rank, spent[person] / weight, created, job))
        return min(order)[-1] if order else None

    def _again(self, key: int) -> None:
        """Take into the model what was committed before the kill."""
        self.armed = ""
        self.held.clear()
        for (job,) in self._rows(f"SELECT id FROM jobs WHERE dedupe_key = 'k{key}/0'"):
            self.accepted[key] = job
            self.asked[job] = (1, 0)
        for picture, fence in self._rows("SELECT id, fence FROM pictures WHERE state = 'stored'"):
            self.stored.setdefault(picture, fence)
        self.parcels = {name: (0, 0) for name in self.parcels}

    @invariant()
    def jobs_stand(self) -> None:
        """Check I1 to I6 and the log of moves on what stands in the database."""
        jobs = self._rows("SELECT id, state, attempt, max_attempts, lease_owner FROM jobs")
        assert not self._rows("SELECT id FROM jobs WHERE state = 'queued' AND cancel_requested"), "nobody claims it"
        assert {row[0] for row in jobs} == set(self.accepted.values()), "I1"
        ledger: dict[str, dict[str, int]] = {}
        for job, kind, amount in self._rows("SELECT job_id, kind, amount FROM ledger"):
            ledger.setdefault(job, {})[kind] = amount
        outbox = dict(self._rows("SELECT job_id, kind FROM outbox"))
        pictures: dict[str, list[tuple[Any, ...]]] = {}
        for row in self._rows("SELECT job_id, state, cost, fence, id FROM pictures"):
            pictures.setdefault(row[0], []).append(row)
        for job, state, attempt, most, owner in jobs:
            stored = [row for row in pictures[job] if row[1] == "stored"]
            self._settled(state, ledger[job], sum(row[2] for row in stored))
            if state in ("rendered", "delivered", "undeliverable"):
                assert stored and outbox.get(job) == "result", "I3, I6"
            elif state in ENDED:
                assert not stored and outbox.get(job) == "apology", "I3"
            else:
                assert job not in outbox
            waits = [row for row in pictures[job] if row[1] == "waiting"]
            assert not waits or state in ("queued", "running"), "I3"
            assert all(self.stored[row[4]] == row[3] for row in stored), "I4"
            lost = [row for row in pictures[job] if self.stored.get(row[4], -1) > 0 and row not in stored]
            assert not lost, "a stored Picture was taken away"
            assert attempt <= most == MAX_ATTEMPTS, "I5"
            assert (owner is not None) == (state == "running") == (job in self.held)
            closed = self.closed.get((job, "result"))
            assert (state == "delivered") == (closed is False), "delivered, and the outbox closed, or neither"
            assert (state == "undeliverable") == (closed is True), "undeliverable, and the outbox dead, or neither"

    def _settled(self, state: str, entries: dict[str, int], stored: int) -> None:
        if state in ("queued", "running"):
            assert set(entries) == {"hold"}, "I2"
        else:
            assert set(entries) == {"hold", "charge", "release"}, "I2"
            assert entries["charge"] == stored, "I2"
            assert entries["charge"] + entries["release"] == entries["hold"], "I2"

    @invariant()
    def moves_chain(self) -> None:
        """Check that each Job's moves are legal and end where it stands."""
        now = dict(self._rows("SELECT id, state FROM jobs"))
        at: dict[str, str] = {}
        for job, came, went in self._rows("SELECT job_id, from_state, to_state FROM moves ORDER BY id"):
            assert at.get(job, "") == came
            assert came == "" or any((came, went) == move for move in MOVES)
            at[job] = went
        assert at == now

    def teardown(self) -> None:
        """Stop the faults: every Job must come to an end (I8)."""
        try:
            self.armed = ""
            # Each round ends a Job, or has its lease over.
            for _ in range(3 * len(self.accepted) + 10):
                left = [row for row in self._rows("SELECT id, state FROM jobs") if row[1] not in ENDED]
                if not left:
                    break
                self.clock.tick(100)
                self._do(self.archive.reap())
                found = self._do(self.archive.claim("w", LEASE_S))
                if found is not None:
                    for picture in found[1]:
                        self._do(self.archive.store(found[0], picture, painted(picture)))
                    self._do(self.archive.finish(found[0]))
                for parcel in self._do(self.archive.parcels("courier", LEASE_S)):
                    self._do(self.archive.delivered(parcel, Receipt("m2")))
            assert not left, f"I8 {left}"
        finally:
            self._do(self.archive.close())
            self.runner.close()
            self.look.close()
            shutil.rmtree(self.home)


def on_sqlite(home: Path) -> tuple[str, Any]:
    """Place a machine on SQLite."""
    path = home / "limner.db"
    return f"sqlite:///{path}", sqlite3.connect(path, isolation_level=None)
