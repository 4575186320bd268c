"""The Archive under random steps: accept, claim, paint, lose, cancel, deliver, be killed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, multiple, rule

from core.errors import Lost
from core.job import MAX_ATTEMPTS, Job
from core.limits import Limits
from core.picture import Picture
from core.records import Parcel, Receipt
from tests.db.model import LEASE_S, STARVED_MS, ArchiveModel, Killed
from tests.support.archive import new_job, painted

Held = tuple[Job, tuple[Picture, ...]]

NO_LIMITS = Limits()
WAYS = ("requeue", "failed", "cancelled", "give back")
BEHIND = -1
"""The priority of a Job that stands behind all others."""


class ArchiveMachine(ArchiveModel):
    """Do at random what Persons, Workers, couriers and power cuts do."""

    jobs: Bundle[str] = Bundle("jobs")
    leases: Bundle[Held] = Bundle("leases")
    letters: Bundle[Parcel] = Bundle("letters")

    @rule(
        target=jobs,
        key=st.integers(0, 6),
        who=st.sampled_from("ab"),
        n=st.integers(1, 3),
        weight=st.sampled_from([1, 1, 4]),
        priority=st.sampled_from([0, 0, 0, 3, BEHIND]),
    )
    def accept(self, key: int, who: str, n: int, weight: int = 1, priority: int = 0) -> str:
        """Accept, or find again what was accepted under this key."""
        new = replace(
            new_job(f"web:{who}", n=n, key=f"k{key}/0"),
            weight=weight,
            priority=max(priority, 0),
            behind=priority == BEHIND,
        )
        [(job, fresh)] = self._do(self.archive.accept([new], NO_LIMITS))
        assert fresh == (key not in self.accepted)
        assert self.accepted.setdefault(key, job.id) == job.id
        self.asked.setdefault(job.id, (weight, priority))
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
            self.beat(late)
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

    @rule()
    def wear(self) -> None:
        """Requeue whatever comes, until attempts are used up."""
        self.accept(1000 + next(self.turns), "a", 1)
        for _ in range(MAX_ATTEMPTS + 1):
            self.clock.tick(LEASE_S + 9)
            self.reap()
            lease = self.claim("w1")
            if isinstance(lease, tuple):
                self.leave(lease, "requeue", True)

    @rule(order=st.permutations("aab"))
    def crowd(self, order: list[str]) -> None:
        """Let two Persons ask for unequal much, and serve one Job."""
        for who in order:
            self.accept(1000 + next(self.turns), who, 1)
        self.claim("w1")

    @rule(
        order=st.permutations([("a", 1, 0), ("b", 4, 0), ("b", 4, 0)]),
        starve=st.booleans(),
        late=st.permutations([("a", 1, BEHIND), ("b", 1, 3)]),
    )
    def rank(self, order: list[tuple[str, int, int]], starve: bool, late: list[tuple[str, int, int]]) -> None:
        """Let unequal shares wait, perhaps too long, then who stands above and behind; serve three Jobs."""
        for who, weight, priority in order:
            self.accept(1000 + next(self.turns), who, 1, weight, priority)
        if starve:
            self.clock.tick(STARVED_MS / 1000)
            self.reap()
        for who, weight, priority in late:
            self.accept(1000 + next(self.turns), who, 1, weight, priority)
        for _ in range(3):
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

    @rule(painted=st.booleans(), dead=st.booleans())
    def letter(self, painted: bool, dead: bool) -> None:
        """Bring a Job to its end, ask twice for what is to be delivered, and deliver it twice."""
        job = self.accept(1000 + next(self.turns), "a", 1)
        lease = self.claim("w1") if painted else None
        if isinstance(lease, tuple):
            self.finish(lease)
        self.cancel(job)
        for parcel in [*self._leased(), *self._leased()]:
            self.deliver(parcel, dead, False)
            self.deliver(parcel, not dead, False)

    @rule()
    def straggle(self) -> None:
        """Let a courier come back after its lease went to another."""
        self.letter(True, False)
        self.accept(1000 + next(self.turns), "b", 1)
        lease = self.claim("w1")
        if isinstance(lease, tuple):
            self.finish(lease)
        late = self._leased()
        self.clock.tick(LEASE_S + 1)
        self.reap()
        self._leased()
        for parcel in late:
            self.deliver(parcel, False, True)
            self.deliver(parcel, False, False)

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
            self.closed[name] = dead

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
