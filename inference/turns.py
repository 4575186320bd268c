"""Turns: who shares the next model call, by what each Run gains from it a second and by what each share is owed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from inference.run import Key, Run

LEAD_CALLS = 64
OLDEST_EVERY = 4
COMPANY = 0.3
"""What anybody more in a call is worth beside its own gain, as a part of the first one's: it needs that call later."""

COURTESY_CALLS = 1000
COURTESY = 1.5
"""For so many calls after others were there a flood's take at most so many times the shortest: others may come."""

HAIR = 1e-6

CallSeconds = Callable[[Key, int], float]
"""A Key and a batch size -> how long such a call takes."""


class _Name(NamedTuple):
    """Name a flow: the Runs of one share under one Key; those that step alone are a flow of their own."""

    key: Key
    share: str
    alone: bool


@dataclass(slots=True)
class _Flow:
    """Hold a flow's account, `credit` in coins, how many calls it had a part in, and its Runs, the oldest first."""

    credit: float = 0.0
    turns: int = 0
    runs: list[Run] = field(default_factory=list)


class _Choice(NamedTuple):
    """Propose who shares a call; `worth` is what that brings a second."""

    worth: float
    runs: tuple[Run, ...]


class Turns:
    """Choose by two rules, and keep the accounts between calls.

    *Gain.* A call brings a Run one of its calls nearer to its end: the fewer it has in all, the more that is in
    slowdown. A Person's Runs share one gain among them, so that many of them weigh as much as one. Of all sizes and
    Keys the call is made that brings most a second; so a short Run goes alone where company would slow it, and all go
    together where that takes hardly longer.

    *Deficit round robin* over (Key, share) in coins of Run.cost_per_call: what a call costs is taken from those in it
    and owed in equal parts to all who wait for one. Who is owed LEAD_CALLS full calls goes before any gain: always
    before those who had as much more, every OLDEST_EVERY-th call before those who had little yet. And every
    OLDEST_EVERY-th time a flow's oldest Run goes before its best one: no Run starves.

    *Courtesy.* Who alone has more than a full call to step keeps calls short for a while after others were there: one
    that comes waits for the call under way.
    """

    def __init__(self, sizes: Sequence[int], call_s: CallSeconds) -> None:
        self._sizes = sizes
        self._call_s = call_s
        self._flows: dict[_Name, _Flow] = {}
        self._largest: dict[Key, int] = {}
        self._passed = 0
        self._share: str | None = None
        self._alone_calls = COURTESY_CALLS
        self._courteous = False

    def lower(self, key: Key, below: int) -> bool:
        """Let calls of a Key have fewer than `below` rows from now on; False where no smaller size is left."""
        smaller = [size for size in self._sizes if size < below]
        if smaller:
            self._largest[key] = smaller[-1]
        return bool(smaller)

    def choose(self, ready: Sequence[Run], isolated: Collection[Run]) -> tuple[Run, ...]:
        """Return who shares the next call, and charge them. ready: the oldest first; isolated ones step alone."""
        self._sort(ready, isolated)
        self._look(ready)
        # What one may get ahead of the others: LEAD_CALLS of the dearest full calls that could be made now.
        bound = float(LEAD_CALLS * self._sizes[-1] * max(run.cost_per_call // run.rows for run in ready))
        suspect = next((run for run in ready if run in isolated), None)
        runs = self._best(ready, bound) if suspect is None else (suspect,)
        self._charge(runs, bound)
        return runs

    def _sort(self, ready: Sequence[Run], isolated: Collection[Run]) -> None:
        """Give each flow its Runs; an account is closed when its flow has nothing to step."""
        found: dict[_Name, list[Run]] = {}
        for run in ready:
            assert run.key is not None
            name = _Name(run.key, run.share, run.replay is not None or run in isolated or not run.key.shared)
            found.setdefault(name, []).append(run)
        kept = self._flows
        self._flows = {name: kept.get(name) or _Flow() for name in found}
        for name, runs in found.items():
            self._flows[name].runs = runs

    def _look(self, ready: Sequence[Run]) -> None:
        """See whether one share alone has more than a full call to step, where others were not long ago."""
        shares = {run.share for run in ready}
        same = len(shares) == 1 and self._share in (None, *shares)
        self._alone_calls = self._alone_calls + 1 if same else 0
        self._share = ready[0].share
        flood = len(shares) == 1 and sum(run.rows for run in ready) > self._sizes[-1]
        self._courteous = flood and self._alone_calls < COURTESY_CALLS

    def _best(self, ready: Sequence[Run], bound: float) -> tuple[Run, ...]:
        gains = self._gains(ready)
        best = {name: max(gains[run] for run in flow.runs) for name, flow in self._flows.items()}
        owed = max(self._flows, key=lambda name: self._flows[name].credit)
        if self._flows[owed].credit >= bound:
            self._passed += 1
            # Whoever has had little yet goes before even then, but for every OLDEST_EVERY-th call.
            ahead = self._flows[max(best, key=best.__getitem__)].credit
            if ahead <= -bound / 2 or self._passed % OLDEST_EVERY == 0:
                return _most(self._choices(owed, gains))
        # The flow of the best Run leads its Key; one that steps alone leads itself.
        heads: dict[tuple[Key, str], _Name] = {}
        for name in sorted(self._flows, key=best.__getitem__, reverse=True):
            heads.setdefault((name.key, name.share if name.alone else ""), name)
        return _most([choice for name in heads.values() for choice in self._choices(name, gains)])

    def _gains(self, ready: Iterable[Run]) -> dict[Run, float]:
        """Return what a call brings each Run; a flow's oldest takes its best one's place when its turn has come."""
        many = Counter(run.share for run in ready)
        gains = {run: 1.0 / (run.calls * run.cost_per_call * many[run.share]) for run in ready}
        for flow in self._flows.values():
            if flow.turns % OLDEST_EVERY == OLDEST_EVERY - 1:
                gains[flow.runs[0]] = max(gains[run] for run in flow.runs)
        return gains

    def _choices(self, name: _Name, gains: dict[Run, float]) -> list[_Choice]:
        """Return for each size a call led by this flow may have who would be in it, smallest size first."""
        head = max(self._flows[name].runs, key=gains.__getitem__)
        riders: list[Run] = []
        sizes = [head.forced_size() or head.rows]
        if not name.alone:
            largest = self._largest.get(name.key, self._sizes[-1])
            sizes = [size for size in self._sizes if head.rows <= size <= largest] or [head.rows]
            if self._courteous:
                most_s = COURTESY * self._call_s(name.key, sizes[0])
                sizes = [size for size in sizes if self._call_s(name.key, size) <= most_s]
            for other, flow in self._flows.items():
                if other.key == name.key and not other.alone:
                    riders += [run for run in flow.runs if run is not head]
        riders.sort(key=gains.__getitem__, reverse=True)
        return [self._filled(name.key, size, head, riders, gains) for size in sizes]

    def _filled(self, key: Key, size: int, head: Run, riders: Iterable[Run], gains: dict[Run, float]) -> _Choice:
        runs, rows = [head], head.rows
        for run in riders:
            if rows + run.rows <= size:
                runs.append(run)
                rows += run.rows
        worth = sum(gains[run] for run in runs) + COMPANY * gains[head] * len(runs)
        return _Choice(worth / self._call_s(key, size), tuple(runs))

    def _charge(self, runs: Sequence[Run], bound: float) -> None:
        each = sum(run.cost_per_call for run in runs) / len(self._flows)
        stepped = set(runs)
        for flow in self._flows.values():
            mine = [run for run in flow.runs if run in stepped]
            flow.turns += bool(mine)
            flow.credit += each - sum(run.cost_per_call for run in mine)
            flow.credit = min(max(flow.credit, -bound), bound)


def _most(found: Sequence[_Choice]) -> tuple[Run, ...]:
    """Return who is in the choice worth most; of equals, as where nothing was measured, in the fullest."""
    enough = max(choice.worth for choice in found) * (1 - HAIR)
    return max((choice for choice in found if choice.worth >= enough), key=lambda choice: len(choice.runs)).runs
