"""Pace: how fast the device paints, measured in coins a second, and when each Job of the queue will be done."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

FORGET = 0.98
"""Weight of the past at each step told: about the last 50 steps count."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One open Job in the order of service: how many of its Pictures are still to be painted, and their cost."""

    job_id: str
    running: bool
    pictures: int
    cost: int


class Pace:
    """Measure work done while the device is busy; the clock is monotonic seconds.

    rows: the most rows of a model call. Two of them make a guided Picture's step, so rows / 2 Pictures share each call,
    and twice as many are in hand, the shortest first.
    """

    def __init__(self, clock: Callable[[], float], rows: int = 8) -> None:
        self._clock = clock
        self._together = max(rows // 2, 1)
        self._held: dict[str, Standing] = {}
        self._done: dict[str, float] = {}
        self._measured: dict[int, tuple[float, float]] = {}
        """Coins painted and seconds taken by how many Pictures shared the calls: together they are painted faster."""
        self._last = 0.0

    def started(self, job: Standing) -> None:
        """Tell that a Job was handed to the device."""
        if not self._held:
            self._last = self._clock()
        self._held[job.job_id] = job
        self._done[job.job_id] = 0.0

    def stepped(self, job_id: str, units: float) -> None:
        """Tell that `units` coins of a Job were painted."""
        now = self._clock()
        sharing = min(sum(len(self._left(job)) for job in self._held.values()), self._together)
        painted, took_s = self._measured.get(sharing, (0.0, 0.0))
        self._measured[sharing] = (painted * FORGET + units, took_s * FORGET + now - self._last)
        self._last = now
        if job_id in self._done:
            self._done[job_id] += units

    def ended(self, job_id: str) -> None:
        """Tell that a Job left the device."""
        self._held.pop(job_id, None)
        self._done.pop(job_id, None)

    @property
    def held(self) -> tuple[Standing, ...]:
        """Return the Jobs on the device."""
        return tuple(self._held.values())

    def seconds(self, units: float, sharing: int = 1) -> float | None:
        """Return how long `units` coins take where so many Pictures share the calls, None before any was measured."""
        known = [each for each, (painted, took_s) in self._measured.items() if painted > 0 and took_s > 0]
        if not known:
            return None
        painted, took_s = self._measured[min(known, key=lambda each: abs(each - sharing))]
        return max(units, 0.0) * took_s / painted

    def forecast(self, line: Sequence[Standing]) -> dict[str, float]:
        """Return the seconds until each open Job is done, empty before anything was measured.

        Played through as the device does it: taken in hand in order, the shortest in hand share each call.
        """
        if self.seconds(1) is None:
            return {}
        waiting = deque((left, standing.job_id) for standing in line for left in self._left(standing))
        hand: list[tuple[float, str]] = []
        ends: dict[str, float] = {}
        # So long takes a coin of each that steps, by how many do.
        coin_s = [(self.seconds(sharing, sharing) or 0.0) for sharing in range(self._together + 1)]
        passed = 0.0
        while waiting or hand:
            while waiting and len(hand) < 2 * self._together:
                insort(hand, waiting.popleft(), key=itemgetter(0))
            stepping = min(len(hand), self._together)
            least, job_id = hand.pop(0)
            passed += least * coin_s[stepping]
            ends[job_id] = passed
            # All that step get the same; those behind them wait as they were.
            hand[: stepping - 1] = [(left - least, each) for left, each in hand[: stepping - 1]]
        return ends

    def _left(self, standing: Standing) -> list[float]:
        """Return what each Picture of a Job still costs; of one on the device more is painted than is written down."""
        whole = self._held.get(standing.job_id, standing)
        left = max(whole.cost - self._done.get(whole.job_id, 0.0), 0.0)
        pictures = max(math.ceil(whole.pictures * left / max(whole.cost, 1)), 1)
        return [left / pictures] * pictures
