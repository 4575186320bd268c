"""Scheduler: decides which Runs step next; plain Python, no tensors, no threads, the clock is passed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inference.run import Batch, Key, Run

MOST_IN_THE_MAKING = 64
DRAIN_AFTER_S = 60.0
LEAD_CALLS = 4
OLDEST_EVERY = 4


class _Name(NamedTuple):
    """Name a flow: the Runs of one share under one Key; those that step alone are a flow of their own."""

    key: Key
    share: str
    alone: bool


@dataclass(slots=True)
class _Flow:
    """Hold a flow's account, `credit` in coins, how many calls it led, and its Runs in the order they would step."""

    credit: float = 0.0
    turns: int = 0
    runs: tuple[Run, ...] = ()
    shortest: int = 0

    def queue_up(self, runs: list[Run]) -> None:
        """Put the shortest remaining work first; every OLDEST_EVERY-th turn the oldest Run goes before it."""
        ordered = sorted(runs, key=_remaining)
        self.shortest = _remaining(ordered[0])
        if self.turns % OLDEST_EVERY == OLDEST_EVERY - 1:
            ordered.remove(runs[0])
            ordered.insert(0, runs[0])
        self.runs = tuple(ordered)


class Scheduler:
    """Hold every Run between add and drop, and pick: who begins, who shares the next call, who is decoded.

    Deficit round robin over (Key, share) in coins of Run.cost_per_call: what a call costs is taken from those in it and
    owed in equal parts to all who wait for one. Whoever is owed LEAD_CALLS full calls goes first; else the least
    remaining work does, so that few steps never wait for many, and no Run starves.

    A Run whose Key is exclusive, or that is solo, is *apart*: it is worked on while nothing else is in the making. Once
    one has waited `drain_after_s`, no other Run begins until it is through. `most` Runs are in the making at once;
    beyond that only one of a share that has none.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        clock: Callable[[], float],
        *,
        most: int = MOST_IN_THE_MAKING,
        drain_after_s: float = DRAIN_AFTER_S,
    ) -> None:
        if not sizes or min(sizes) < 1:
            raise ValueError(f"batch sizes must be positive, not {tuple(sizes)}")
        self.sizes = tuple(sorted(set(sizes)))
        self._clock = clock
        self._most = most
        self._drain_after_s = drain_after_s
        self._waiting: dict[Run, float] = {}
        self._making: dict[Run, float] = {}
        self._flows: dict[_Name, _Flow] = {}
        self._largest: dict[Key, int] = {}
        self._isolated: set[Run] = set()
        self._apart: Run | None = None
        self._apart_ended = float("-inf")

    def __len__(self) -> int:
        """Count the Runs in hand."""
        return len(self._waiting) + len(self._making)

    def __iter__(self) -> Iterator[Run]:
        """Go through the Runs in hand, those in the making first."""
        yield from self._making
        yield from self._waiting

    def add(self, run: Run) -> None:
        """Take in a Run that is still to be begun."""
        self._waiting[run] = self._clock()

    def drop(self, run: Run) -> None:
        """Forget a Run that is decoded, failed or cancelled; unknown ones are ignored."""
        self._waiting.pop(run, None)
        self._making.pop(run, None)
        self._isolated.discard(run)
        if run is self._apart:
            self._apart = None
            self._apart_ended = self._clock()

    def lower(self, key: Key, below: int) -> bool:
        """Let calls of a Key have fewer than `below` rows from now on; False where no smaller size is left."""
        smaller = [size for size in self.sizes if size < below]
        if smaller:
            self._largest[key] = smaller[-1]
        return bool(smaller)

    def isolate(self, runs: Iterable[Run]) -> None:
        """Step each of these Runs alone once, before all others, to find the one that breaks a call."""
        self._isolated.update(runs)

    def next_begin(self) -> Run | None:
        """Move a waiting Run into the making and return it: the oldest of the share with fewest there."""
        if self._apart is not None or not self._waiting:
            return None
        calm = all(_is_apart(run) for run in self._making)
        first = self._first_apart()
        if first is not None and (self._overdue(first) or (calm and self._is_oldest(first))):
            if not calm or first in self._making:
                return None
            self._apart = first
        found = first if self._apart is not None else self._next_ordinary()
        if found is not None:
            self._making[found] = self._waiting.pop(found)
        return found

    def next_batch(self) -> Batch | None:
        """Choose who shares the next model call, None where nobody can step; charges those it returns."""
        ready = [run for run in self._on_stage() if run.key is not None and run.left > 0]
        if not ready:
            return None
        if self._apart is not None:
            return self._batch((self._apart,))
        self._sort_flows(ready)
        # What one may get ahead of the others: LEAD_CALLS of the dearest full calls that could be made now.
        bound = float(LEAD_CALLS * self.sizes[-1] * max(run.cost_per_call // run.rows for run in ready))
        suspect = next((run for run in ready if run in self._isolated), None)
        runs = self._fill(self._choose(bound), bound) if suspect is None else (suspect,)
        self._charge(runs, bound)
        self._isolated.difference_update(runs)
        return self._batch(runs)

    def next_finish(self) -> Run | None:
        """Return a Run that has made all its calls and is to be decoded, the first that was begun."""
        return next((run for run in self._on_stage() if _is_through(run)), None)

    def _on_stage(self) -> list[Run]:
        """Return the Runs that may be worked on now: the ordinary ones, or one apart where there are none."""
        if self._apart is None:
            ordinary = [run for run in self._making if not _is_apart(run)]
            if ordinary:
                return ordinary
            self._apart = min(self._making, key=self._making.__getitem__, default=None)
        return [] if self._apart is None else [self._apart]

    def _first_apart(self) -> Run | None:
        found = [*filter(_is_apart, self._making), *filter(_is_apart, self._waiting)]
        return min(found, key=self._since, default=None)

    def _since(self, run: Run) -> float:
        since = self._making.get(run)
        return self._waiting[run] if since is None else since

    def _turn_since(self, run: Run) -> float:
        # Counted from the end of the last one apart too: many in a row must not shut out everybody else.
        return max(self._since(run), self._apart_ended)

    def _overdue(self, run: Run) -> bool:
        return self._clock() - self._turn_since(run) >= self._drain_after_s

    def _is_oldest(self, run: Run) -> bool:
        since = self._turn_since(run)
        return all(_is_apart(other) or since < added for other, added in self._waiting.items())

    def _next_ordinary(self) -> Run | None:
        if sum(map(_is_through, self._making)) >= self.sizes[-1]:
            return None  # Decoding is behind: more steps now would only keep finished Pictures waiting.
        shares = Counter(run.share for run in self._making)
        full = len(self._making) >= self._most
        able = [run for run in self._waiting if not _is_apart(run) and not (full and shares[run.share])]
        return min(able, key=lambda run: shares[run.share], default=None)

    def _sort_flows(self, ready: list[Run]) -> None:
        """Give each flow its Runs; an account is closed when its flow has nothing to step."""
        found: dict[_Name, list[Run]] = {}
        for run in ready:
            found.setdefault(self._flow_of(run), []).append(run)
        self._flows = {name: self._flows.get(name) or _Flow() for name in found}
        for name, runs in found.items():
            self._flows[name].queue_up(runs)

    def _flow_of(self, run: Run) -> _Name:
        assert run.key is not None
        return _Name(run.key, run.share, run.replay is not None or run in self._isolated)

    def _choose(self, bound: float) -> _Name:
        owed = max(self._flows, key=lambda name: self._flows[name].credit)
        if self._flows[owed].credit >= bound:
            return owed
        return min(self._flows, key=lambda name: (self._flows[name].shortest, -self._flows[name].credit))

    def _fill(self, chosen: _Name, bound: float) -> tuple[Run, ...]:
        """Return the chosen flow's first Run and as many of its Key as fit: each flow's first, then its second."""
        head = self._flows[chosen].runs[0]
        if chosen.alone:
            return (head,)
        riders = [
            (rank, flow.credit < bound, _remaining(run), run)
            for name, flow in self._flows.items()
            if name.key == chosen.key and not name.alone
            for rank, run in enumerate(flow.runs)
            if run is not head
        ]
        riders.sort(key=lambda rider: rider[:3])
        runs, rows = [head], head.rows
        largest = self._largest.get(chosen.key, self.sizes[-1])
        for *_, run in riders:
            if rows + run.rows <= largest:
                runs.append(run)
                rows += run.rows
        return tuple(runs)

    def _charge(self, runs: tuple[Run, ...], bound: float) -> None:
        each = sum(run.cost_per_call for run in runs) / len(self._flows)
        for flow in self._flows.values():
            flow.credit += each
        for run in runs:
            flow = self._flows[self._flow_of(run)]
            flow.credit -= run.cost_per_call
            flow.turns += run is flow.runs[0]
        for flow in self._flows.values():
            flow.credit = min(max(flow.credit, -bound), bound)

    def _batch(self, runs: tuple[Run, ...]) -> Batch:
        """Pad to the next size of the list; a Reproduce has the size its log says."""
        key = runs[0].key
        assert key is not None
        rows = sum(run.rows for run in runs)
        forced = runs[0].forced_size()
        if forced is not None and forced >= rows:
            return Batch(key, runs, forced)
        size = next((size for size in self.sizes if size >= rows), None)
        if size is None:
            raise ValueError(f"{rows} rows do not fit the largest batch size {self.sizes[-1]}")
        return Batch(key, runs, size)


def _is_apart(run: Run) -> bool:
    return run.solo or (run.key is not None and run.key.exclusive)


def _is_through(run: Run) -> bool:
    return run.key is not None and run.left <= 0


def _remaining(run: Run) -> int:
    return run.left * run.cost_per_call
