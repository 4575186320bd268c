"""Switches: when a Model that is not in memory is loaded for the Runs that wait for it; plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from inference.engine import Loading
from inference.run import Run

WORTH = 4.0
"""For so many times as long as a load takes the Models that are there work on before the next: loads take at most a
fifth of the time."""


Loads = Callable[[Run, Collection[str]], Loading]
"""Say what beginning a Run would load beside the Models in use, by digest."""


def nothing_loads(run: Run, beside: Collection[str]) -> Loading:
    """Be the word of an Engine whose Models are all in memory."""
    return "none"


class Switches:
    """Hold back the Runs that would have a Model loaded while others can go on with those in memory.

    A load stops every Run of the device, and one that has no room drops a Model that may be wanted again at once. So a
    Run whose Model is not there begins where nothing else is to do, or when what is there has worked for WORTH times
    the load's length. Where it has no room beside the Models in use, nobody begins from then on until they are through;
    and before that nobody more than fill a call, so that this does not take long.

    load_s: how long a Model's load took, 0 at first.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        loading: Loads,
        load_s: Callable[[str], float],
    ) -> None:
        self._clock = clock
        self._loading = loading
        self._load_s = load_s
        self._since = -math.inf

    def loaded(self) -> None:
        """Note that a Model was loaded just now."""
        self._since = self._clock()

    def allowed(self, able: Sequence[Run], busy: Collection[str], *, full: bool) -> Sequence[Run]:
        """Return those of the Runs, the oldest first, that may begin. busy: Models in use; full: the next call is."""
        oldest = {run.loads: run for run in reversed(able)}
        kinds = {loads: self._loading(run, busy) for loads, run in oldest.items()}
        cold = next((run for run in able if kinds[run.loads] != "none"), None)
        if cold is None:
            return able
        warm = [run for run in able if kinds[run.loads] == "none"]
        if not warm and not busy:
            return [cold]
        kind = kinds[cold.loads]
        if self._clock() - self._since < WORTH * self._load_s(cold.loads):
            return [] if full and kind == "instead" else warm
        return [cold] if kind == "beside" else []
