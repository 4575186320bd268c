"""Scheduler: decides which Runs step next; plain Python, no tensors, no threads, the clock is passed in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from inference.run import Batch, Key, Run
from inference.switches import Loads, Switches, nothing_loads
from inference.turns import OLDEST_EVERY, CallSeconds, Turns

MOST_IN_THE_MAKING = 64
DRAIN_AFTER_S = 60.0
PUT_OFF = 8
MUCH = 0.25
"""For so many calls a decode makes way for others' Runs of at most this part of its own length."""


class Scheduler:
    """Hold every Run between add and drop, and pick: who begins, who shares the next call, who is decoded.

    Who shares a call is decided in inference/turns.py, by `call_s`, how long a call of a Key and size takes; without it
    as if all took the same, that is: as many as fit. Which Model is loaded when: in inference/switches.py, by `loading`
    and `load_s`.

    A Run whose Key is exclusive, or that is solo, is *apart*: it is worked on while nothing else is in the making. Once
    one has waited `drain_after_s`, no other Run begins until it is through. `most` Runs are in the making at once;
    beyond that only those of a share with less than its part. A share whose Runs wait to be decoded begins no more of
    them: more steps would only keep finished Pictures waiting.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        clock: Callable[[], float],
        call_s: CallSeconds = lambda key, size: 1.0,
        loading: Loads = nothing_loads,
        load_s: Callable[[str], float] = lambda model: 0.0,
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
        self._turns = Turns(self.sizes, call_s)
        self._switches = Switches(clock, loading, load_s)
        self._decoded = 0
        self._put_off = 0
        self._begun: set[str] = set()
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

    def loaded(self) -> None:
        """Note that a Model was loaded just now."""
        self._switches.loaded()

    def again(self, run: Run) -> None:
        """Put a Run that was begun back among those that wait, with its place; it went back to its start."""
        since = self._making.pop(run)
        if run is self._apart:
            self._apart = None
        self._isolated.discard(run)
        self._waiting[run] = since

    def lower(self, key: Key, below: int) -> bool:
        """Let calls of a Key have fewer than `below` rows from now on; False where no smaller size is left."""
        return self._turns.lower(key, below)

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
            self._begun.add(found.share)
        return found

    def next_batch(self) -> Batch | None:
        """Choose who shares the next model call, None where nobody can step; charges those it returns."""
        self._begun.clear()
        ready = [run for run in self._on_stage() if run.key is not None and run.left > 0]
        if not ready:
            return None
        if self._apart is not None:
            return self._batch((self._apart,))
        runs = self._turns.choose(ready, self._isolated)
        self._isolated.difference_update(runs)
        return self._batch(runs)

    def next_finish(self) -> Run | None:
        """Return a Run that has made all its calls and is to be decoded: the shortest, at times the first begun.

        None for up to PUT_OFF calls while another share has a Run to step that is shorter: it would wait for nothing.
        """
        stage = self._on_stage()
        through = [run for run in stage if _is_through(run)]
        if not through:
            return None
        many = Counter(run.share for run in self)
        weight = {run: _whole(run) * many[run.share] for run in stage}
        found = min(through, key=weight.__getitem__)
        others = (weight[run] for run in stage if run.share != found.share and not _is_through(run))
        if self._put_off < PUT_OFF and min(others, default=math.inf) <= MUCH * weight[found]:
            self._put_off += 1
            return None
        self._put_off = 0
        self._decoded += 1
        return through[0] if self._decoded % OLDEST_EVERY == 0 else found

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
        shares = Counter(run.share for run in self._making)
        through = Counter(run.share for run in self._making if _is_through(run))
        able = [run for run in self._waiting if not _is_apart(run) and through[run.share] < self.sizes[-1]]
        if len(self._making) >= self._most:
            part = max(self._most // (len(shares) + 1), 1)
            able = [run for run in able if shares[run.share] < part]
        if len(shares) > 1:
            # Beginning takes time from everybody: who has a full call to step begins one Run between two calls.
            able = [run for run in able if run.share not in self._begun or self._rows(run.share) < self.sizes[-1]]
        rows = sum(run.rows for run in self._making if not _is_through(run))
        may = self._switches.allowed(able, {run.model for run in self._making}, full=rows >= self.sizes[-1])
        return min(may, key=lambda run: shares[run.share], default=None)

    def _rows(self, share: str) -> int:
        return sum(run.rows for run in self._making if run.share == share and not _is_through(run))

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


def _whole(run: Run) -> int:
    return run.calls * run.cost_per_call
