"""CallTimes: how long model calls take, for the Scheduler, for the times people are told and to see a stuck call."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median

from inference.run import Batch, Key

LEAST_STUCK_S = 30.0
STUCK_TIMES = 10
FIRST_CALL_S = 300.0
KEPT = 64
KEPT_A_SIZE = 15
FORGET_AFTER = 4000
KEYS = 64
SHORTEST_S = 1e-6


@dataclass(slots=True)
class _Size:
    """Hold the newest times of calls of one Key and size; the first call chooses kernels and says nothing."""

    last: int = 0
    tried: bool = False
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_A_SIZE))


class CallTimes:
    """Measure model calls: in seconds a coin per Model, and in seconds per Key and batch size.

    The device's thread writes and reads the latter; any thread may read the rest. told: called on the device's thread
    after each call with its seconds and rows.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        first_call_s: float = FIRST_CALL_S,
        told: Callable[[float, int], None] | None = None,
    ) -> None:
        self._clock = clock
        self._told = told
        self._first_call_s = first_call_s
        self._a_coin: dict[str, deque[float]] = {}
        self._sizes: dict[Key, dict[int, _Size]] = {}
        self._loads: dict[str, float] = {}
        self._calls = 0
        self._call: tuple[float, str, int] | None = None
        self._rows = 0

    def start(self, batch: Batch) -> None:
        """Note that a call begins now."""
        self._call = (self._clock(), batch.key.model, _coins(batch) * batch.size // batch.rows)
        self._rows = batch.rows

    def stop(self, batch: Batch | None = None) -> None:
        """Note that the call ended; `batch` is what it stepped, None where it failed and says nothing."""
        if self._call is None:
            return
        took_s = self._clock() - self._call[0]
        self._call = None
        if self._told is not None:
            self._told(took_s, self._rows)
        if batch is None:
            return
        self._a_coin.setdefault(batch.key.model, deque(maxlen=KEPT)).append(took_s / _coins(batch))
        self._note(batch, took_s)

    @contextmanager
    def loading(self, model: str) -> Iterator[None]:
        """Note how long it takes to load a Model; a failure says nothing."""
        began = self._clock()
        yield
        self._loads[model] = self._clock() - began

    def load_s(self, model: str) -> float:
        """Return how long it last took to load a Model, 0 where that is not known yet."""
        return self._loads.get(model, 0.0)

    def seconds(self, model: str, coins: float) -> float | None:
        """Return how long work worth `coins` takes, None while nothing of that Model was measured."""
        # A copy, since the device's thread may append meanwhile; deque.copy is one call and so not interrupted.
        measured = self._a_coin.get(model)
        return median(measured.copy()) * coins if measured else None

    def call_s(self, key: Key, size: int) -> float:
        """Return how long a call takes; of a size not measured lately the least it could, so that it is tried.

        A size larger than any measured costs no more than the largest; a smaller one its part of the next.
        """
        known = self._known(plain(key))
        if size in known:
            return known[size]
        smaller = [other for other in known if other < size]
        if smaller:
            return known[max(smaller)]
        larger = min(known, default=None)
        return 1.0 if larger is None else known[larger] * size / larger

    def stuck_s(self) -> float | None:
        """Return for how many seconds the present call has run, if that is longer than any call should."""
        call = self._call
        if call is None:
            return None
        began, model, coins = call
        usual = self.seconds(model, coins)
        # The first call of a Model reads its weights and compiles kernels: no median speaks for it.
        limit = self._first_call_s if usual is None else max(LEAST_STUCK_S, STUCK_TIMES * usual)
        took = self._clock() - began
        return took if took > limit else None

    def _known(self, key: Key) -> dict[int, float]:
        """Return the seconds of a Key's sizes; what was not used lately is forgotten.

        More rows take no less, and no more than as many calls of fewer: a call that something else held up is no rule.
        """
        found: dict[int, float] = {}
        below, least_s, most_s = 1, 0.0, math.inf
        for size, noted in sorted(self._sizes.get(key, {}).items()):
            if noted.seconds and self._calls - noted.last < FORGET_AFTER:
                found[size] = min(max(median(noted.seconds), least_s), most_s * size / below)
                below, least_s, most_s = size, found[size], found[size]
        return found

    def _note(self, batch: Batch, took_s: float) -> None:
        self._calls += 1
        key = plain(batch.key)
        sizes = self._sizes.pop(key, {})
        self._sizes[key] = sizes  # The Key used last stands last.
        if len(self._sizes) > KEYS:
            del self._sizes[next(iter(self._sizes))]
        noted = sizes.setdefault(batch.size, _Size())
        if self._calls - noted.last >= FORGET_AFTER:
            noted.seconds.clear()
        noted.last = self._calls
        if noted.tried:
            noted.seconds.append(max(took_s, SHORTEST_S))
        noted.tried = True


def plain(key: Key) -> Key:
    """Return a Key without its LoRAs: they are fused into the weights, and a call takes as long as without them."""
    return replace(key, loras=()) if key.loras else key


def _coins(batch: Batch) -> int:
    return sum(run.cost_per_call for run in batch.runs)
