"""Pace: how fast the device steps, for the times people are told and the limit after which a call is stuck."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import median

LEAST_STUCK_S = 30.0
STUCK_TIMES = 10
FIRST_CALL_S = 300.0
KEPT = 64


class Pace:
    """Measure model calls in seconds a coin, per Model. The device's thread writes; any thread may read.

    told: called on the device's thread after each call with its seconds and rows.
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
        self._measured: dict[str, deque[float]] = {}
        self._call: tuple[float, str, int] | None = None
        self._rows = 0

    def start(self, model: str, coins: int, rows: int = 1) -> None:
        """Note that a call worth `coins` (padding counts) with so many rows of use begins now."""
        self._call, self._rows = (self._clock(), model, coins), rows

    def stop(self, useful: int | None = None) -> None:
        """Note that the call ended; `useful` is its worth without padding, None where it failed and says nothing."""
        if self._call is None:
            return
        began, model, _ = self._call
        self._call = None
        if self._told is not None:
            self._told(self._clock() - began, self._rows)
        if useful:
            self._measured.setdefault(model, deque(maxlen=KEPT)).append((self._clock() - began) / useful)

    def seconds(self, model: str, coins: float) -> float | None:
        """Return how long work worth `coins` takes, None while nothing of that Model was measured."""
        # A copy, since the device's thread may append meanwhile; deque.copy is one call and so not interrupted.
        measured = self._measured.get(model)
        return median(measured.copy()) * coins if measured else None

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
