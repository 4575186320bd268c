"""The Archive under random steps: a model of who holds what, and the invariants, checked after each step."""

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

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, rule

from core.errors import Lost
from core.job import ENDED, MAX_ATTEMPTS, MOVES, Job
from core.limits import Limits
from core.picture import Picture
from core.ports import Parcel, Receipt
from db.archive import SqlArchive
from tests.support.archive import Ticks, new_job, noise, open_archive, painted

T = TypeVar("T")
Held = tuple[Job, tuple[Picture, ...]]

LEASE_S = 15.0
NO_LIMITS = Limits()
HOUR_MS = 3_600_000
WAYS = ("requeue", "failed", "cancelled", "give back")


class Killed(BaseException):
    """Stand for kill -9 at a crash point."""


class ArchiveMachine(RuleBasedStateMachine):
    """Accept, claim, paint, lose, cancel and deliver at random; `url` and `look` say on which database."""

    pool: ClassVar[ThreadPoolExecutor]
    made: ClassVar[Callable[[Path], tuple[str, Any]]]

    jobs: Bundle[str] = Bundle("jobs")
    leases: Bundle[Held] = Bundle("leases")
    letters: Bundle[Parcel] = Bundle("letters")

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
        self.held: dict[str, tuple[int, int]] = {}
        self.stored: dict[str, int] = {}
        self.parcels: dict[tuple[str, str], tuple[int, int]] = {}
        self.closed: set[tuple[str, str]] = set()
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

    @rule(target=jobs, key=st.integers(0, 6), who=st.sampled_from("ab"), n=st.integers(1, 3))
    def accept(self, key: int, who: str, n: int) -> str:
        """Accept, or find again what was accepted under this key."""
        new = new_job(f"web:{who}", n=n, key=f"k{key}/0")
        [(job, fresh)] = self._do(self.archive.accept([new], NO_LIMITS))
        assert fresh == (key not in self.accepted)
        assert self.accepted.setdefault(key, job.id) == job.id
        return job.id

    @rule(target=leases, who=st.sampled_from(["w1", "w2"]))
    def claim(self, who: str) -> Held | MultipleResults[Held]:
        """Claim; it must be the one that fairness says."""
        due = self._due()
        found = self._do(self.archive.claim(who, LEASE_S))
        assert (found[0].id if found else None) == due
        if found is None:
            return multiple()
        self.held[found[0].id] = (found[0].fence, self.clock.now + round(LEASE_S * 1000))
        return found

    def _due(self) -> str | None:
        """Say who is next, by plain arithmetic over all rows."""
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
        order = sorted((spent[person], created, job) for person, created, job in queued)
        return order[0][2] if order else None

    @rule(lease=leases)
    def beat(self, lease: Held) -> None:
        """Lengthen a lease; whoever lost it hears so."""
        job = lease[0]
        answer = self._do(self.archive.beat([(job.id, job.fence)], LEASE_S))[job.id]
        assert (answer == "lost") == (not self._mine(job))
        if answer != "lost":
            self.held[job.id] = (job.fence, self.clock.now + round(LEASE_S * 1000))

    @rule(lease=leases, which=st.integers(0, 2), fail=st.booleans())
    def store(self, lease: Held, which: int, fail: bool) -> None:
        """Store or fail one Picture."""
        job, pictures = lease
        picture = pictures[which % len(pictures)]
        if self._mine(job) and picture.id in self.stored:
            return
        if fail:
            self._guarded(job, self.archive.fail_picture(job, picture, "paint_failed", "It failed."))
            done = self._mine(job)
        else:
            done = self._guarded(job, self.archive.store(job, picture, painted(picture, salt=job.fence))) is not None
        if done:
            self.stored[picture.id] = -1 if fail else job.fence

    @rule(lease=leases)
    def finish(self, lease: Held) -> None:
        """Paint what is left and finish."""
        job, pictures = lease
        for picture in pictures:
            if self._mine(job) and picture.id not in self.stored:
                self._guarded(job, self.archive.store(job, picture, painted(picture, salt=job.fence)))
                self.stored[picture.id] = job.fence
        if self._guarded(job, self.archive.finish(job)):
            del self.held[job.id]

    @rule(lease=leases, way=st.sampled_from(WAYS), solo=st.booleans())
    def leave(self, lease: Held, way: str, solo: bool) -> None:
        """Give a Job up in one of the four ways."""
        job = lease[0]
        mine = self._mine(job)
        if way == "requeue":
            self._guarded(job, self.archive.requeue(job, "worker_lost", "Lost.", solo=solo))
        elif way == "give back":
            self._guarded(job, self.archive.give_back(job))
        else:
            self._guarded(job, self.archive.settle(job, "failed" if way == "failed" else "cancelled", way, "So it is."))
        if mine:
            del self.held[job.id]

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        """Cancel; a second time is no harm."""
        self._do(self.archive.cancel(job))

    @rule(seconds=st.floats(0, 30))
    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.tick(seconds)

    @rule()
    def reap(self) -> None:
        """Reap those whose lease is over, and no other."""
        over = [job for job, (_, until) in self.held.items() if until < self.clock.now]
        assert self._do(self.archive.reap()) == len(over)
        for job in over:
            del self.held[job]

    @rule(target=leases, who=st.sampled_from(["w1", "w2"]))
    def stall(self, who: str) -> Held | MultipleResults[Held]:
        """Let every lease run out and another take over: random steps seldom get there."""
        self.clock.tick(LEASE_S + 9)
        self.reap()
        self.clock.tick(9)
        return self.claim(who)

    # Random steps seldom meet in these ways, so each is a step of its own.

    @rule(n=st.integers(2, 3))
    def overtake(self, n: int) -> None:
        """Let a Worker come back with a Picture after another took over its Job."""
        self.accept(1000 + next(self.turns), "a", n)
        late = self.claim("w1")
        self.stall("w2")
        while isinstance(self.claim("w2"), tuple):
            continue
        if isinstance(late, tuple):
            self.store(late, 0, False)
            self.finish(late)

    @rule(painted=st.booleans(), asked=st.booleans())
    def part(self, painted: bool, asked: bool) -> None:
        """Leave Jobs in every way, with one Picture of two or to be cancelled, and come back to them."""
        for way in WAYS:
            self.accept(1000 + next(self.turns), "b", 2)
            lease = self.claim("w1")
            if isinstance(lease, tuple):
                if painted:
                    self.store(lease, 0, False)
                if asked:
                    self.cancel(lease[0].id)
                self.leave(lease, way, False)
                self.finish(lease)

    @rule(order=st.permutations("aab"))
    def crowd(self, order: list[str]) -> None:
        """Let two Persons ask for unequal much, and serve one Job."""
        for who in order:
            self.accept(1000 + next(self.turns), who, 1)
        self.claim("w1")

    @rule(target=letters)
    def collect(self) -> MultipleResults[Parcel]:
        """Lease what is to be delivered, asking twice; nothing that is leased or closed."""
        return multiple(*self._leased(), *self._leased())

    def _leased(self) -> list[Parcel]:
        found = self._do(self.archive.parcels("courier", LEASE_S))
        for parcel in found:
            name = (parcel.job.id, parcel.kind)
            assert name not in self.closed, "delivered twice"
            assert self.parcels.get(name, (0, 0))[1] < self.clock.now, "handed out twice"
            assert parcel.kind == "apology" or any(picture.state == "stored" for picture in parcel.pictures)
            self.parcels[name] = (parcel.fence, self.clock.now + round(LEASE_S * 1000))
        return found

    @rule()
    def letter(self) -> None:
        """Bring a Job to its end, deliver it, and deliver it again."""
        self.cancel(self.accept(1000 + next(self.turns), "a", 1))
        for parcel in self._leased():
            self.deliver(parcel, False, False)
            self.deliver(parcel, True, False)

    @rule(parcel=letters, dead=st.booleans(), late=st.booleans())
    def deliver(self, parcel: Parcel, dead: bool, late: bool) -> None:
        """Close a parcel or put it off; only who holds it may, and only once."""
        name = (parcel.job.id, parcel.kind)
        mine = name not in self.closed and self.parcels[name][0] == parcel.fence
        receipt = Receipt("m1", dead=dead)
        try:
            self._do(self.archive.deliver_later(parcel, 5) if late else self.archive.delivered(parcel, receipt))
        except Lost:
            assert not mine
            return
        assert mine, "closed by somebody who does not hold it"
        if late:
            self.parcels[name] = (0, 0)
        else:
            self.closed.add(name)

    @rule(when=st.sampled_from(["before", "after"]), step=st.sampled_from(["accept", "claim", "store", "finish"]))
    def kill(self, when: str, step: str) -> None:
        """Be killed before or after a commit, start again, reap everything."""
        self.armed = f"{when}_{step}_commit"
        key = len(self.accepted) + 100 + next(self.turns)
        lost: Held | None = None
        try:
            self._do(self.archive.accept([new_job(key=f"k{key}/0")], NO_LIMITS))
            lost = self._do(self.archive.claim("w3", LEASE_S))
            while lost is not None:
                for picture in lost[1]:
                    self._do(self.archive.store(lost[0], picture, painted(picture, salt=lost[0].fence)))
                self._do(self.archive.finish(lost[0]))
                lost = self._do(self.archive.claim("w3", LEASE_S))
        except Killed:
            self.armed = ""
        self._do(self.archive.close())
        self.archive = self._open()
        self._do(self.archive.restart())
        self._again(key)

    def _again(self, key: int) -> None:
        """Take into the model what was committed before the kill."""
        self.armed = ""
        self.held.clear()
        for (job,) in self._rows(f"SELECT id FROM jobs WHERE dedupe_key = 'k{key}/0'"):
            self.accepted[key] = job
        for picture, fence in self._rows("SELECT id, fence FROM pictures WHERE state = 'stored'"):
            self.stored.setdefault(picture, fence)
        self.parcels = {name: (0, 0) for name in self.parcels}

    @invariant()
    def jobs_stand(self) -> None:
        """Check I1 to I6 and the log of moves on what stands in the database."""
        jobs = self._rows("SELECT id, state, attempt, max_attempts, lease_owner FROM jobs")
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
                assert stored and outbox[job] == "result", "I3, I6"
            elif state in ENDED:
                assert not stored and outbox[job] == "apology", "I3"
            else:
                assert job not in outbox
            waits = [row for row in pictures[job] if row[1] == "waiting"]
            assert not waits or state in ("queued", "running"), "I3"
            assert all(self.stored[row[4]] == row[3] for row in stored), "I4"
            lost = [row for row in pictures[job] if self.stored.get(row[4], -1) > 0 and row not in stored]
            assert not lost, "a stored Picture was taken away"
            assert attempt <= most == MAX_ATTEMPTS, "I5"
            assert (owner is not None) == (state == "running") == (job in self.held)

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
            for _ in range(60):
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
