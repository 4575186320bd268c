"""Drive: feed Runs to the program's own Rounds and Scheduler as their time comes; the clock may be a simulated one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.progress import PictureFailed
from core.recipe import ModelRef
from inference.calltimes import CallTimes
from inference.engine import Engine, Loading
from inference.rounds import Decoded, News, Rounds
from inference.run import Batch, Key, Run
from inference.scheduler import Scheduler

MIX = ((4, 0.7), (20, 0.2), (50, 0.1))
"""Steps of a Job and how often they are asked for."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody asks for one Picture at a time in seconds."""

    at_s: float
    steps: int
    person: str


@dataclass(frozen=True, slots=True)
class Costs:
    """The measured cost table, in seconds: a call by its rows, beginning a Run, decoding one."""

    call_s: dict[int, float]
    begin_s: float
    decode_s: float
    rows: int = 2

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the batch sizes measured."""
        return tuple(sorted(self.call_s))

    def call(self, rows: int) -> float:
        """Return what a call of these rows takes, padded as the Engine pads."""
        return self.call_s[next(size for size in self.sizes if size >= rows)]

    def alone(self, steps: int) -> float:
        """Return what one Picture takes with the device to itself."""
        return self.begin_s + steps * self.call(self.rows) + self.decode_s

    def mean_alone(self) -> float:
        """Return what a Job of the mix takes alone, on average; FIFO's capacity is one over it."""
        return sum(share * self.alone(steps) for steps, share in MIX)


def poisson(jobs: int, per_s: float, people: int, seed: int) -> list[Ask]:
    """Return Jobs of the mix that come at random, from people drawn at random."""
    chance = random.Random(seed)
    at_s, found = 0.0, []
    for _ in range(jobs):
        at_s += -math.log(1.0 - chance.random()) / per_s
        steps = chance.choices([steps for steps, _ in MIX], [share for _, share in MIX])[0]
        found.append(Ask(at_s, steps, f"p{chance.randrange(people)}"))
    return found


class Clock:
    """Simulated seconds: nothing passes but what is spent."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, until_s: float) -> None:
        """Let time pass up to a moment."""
        self.now = max(self.now, until_s)


class PricedEngine:
    """An Engine that paints nothing and spends what the cost table says on a simulated clock."""

    def __init__(self, costs: Costs, clock: Clock, side: int = 128) -> None:
        self.sizes = costs.sizes
        self._costs = costs
        self._clock = clock
        self._side = side // 8

    def warm(self) -> None:
        pass

    def load(self, model: ModelRef) -> None:
        """Have every Model there is."""

    def unload(self, digest: str) -> None:
        """Keep it."""

    def held(self) -> frozenset[str]:
        """Hold none that could be dropped."""
        return frozenset()

    def loading(self, run: Run, beside: Collection[str]) -> Loading:
        return "none"

    def begin(self, run: Run) -> None:
        self._clock.now += self._costs.begin_s
        run.key = Key("priced", latent=(self._side, self._side))
        run.rows, run.calls = self._costs.rows, getattr(run.recipe, "steps", 0)

    def step(self, batch: Batch) -> None:
        self._clock.now += self._costs.call_s[batch.size]
        for run in batch.runs:
            run.stepped(batch.size)

    def preview(self, run: Run) -> bytes | None:
        return None

    def decode(self, run: Run) -> object:
        self._clock.now += self._costs.decode_s
        return None

    def wrap(self, run: Run, decoded: object) -> Any:
        raise NotImplementedError("a priced Picture has no pixels")

    def close(self) -> None:
        pass


class Drive:
    """Paint Runs that come at given times with one Engine; seconds count from the start of `go`."""

    def __init__(self, engine: Engine, clock: Callable[[], float], wait: Callable[[float], None]) -> None:
        """wait: let time pass until the clock shows a moment."""
        self._engine = engine
        self._clock = clock
        self._wait = wait
        self._coming: list[tuple[float, Run]] = []
        self._began = 0.0
        self.done_s: dict[Run, float] = {}
        self.decoded: dict[Run, object] = {}
        times = CallTimes(clock)
        scheduler = Scheduler(engine.sizes, clock, times.call_s)
        self._rounds = Rounds(engine, scheduler, times, self._heard, previews=0)

    def go(self, coming: Sequence[tuple[float, Run]]) -> dict[Run, float]:
        """Paint all of them; return when each was decoded."""
        self._began = self._clock()
        self._coming = sorted(coming, key=lambda pair: pair[0], reverse=True)
        while self._coming:
            self._wait(self._began + self._coming[-1][0])
            self._feed()
            self._rounds.work()
        return self.done_s

    def _feed(self) -> None:
        while self._coming and self._began + self._coming[-1][0] <= self._clock():
            self._rounds.inbox.append(self._coming.pop()[1])

    def _heard(self, news: list[tuple[Run, News]]) -> None:
        for run, item in news:
            if isinstance(item, PictureFailed):
                raise item.error
            if isinstance(item, Decoded):
                self.done_s[run] = self._clock() - self._began
                self.decoded[run] = item.pixels
                run.state = None
        self._feed()


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th of 100 and the count."""
    ordered = sorted(values)
    return {"p50": _at(ordered, 0.5), "p95": _at(ordered, 0.95), "n": len(ordered)}


def by_steps(asks: Sequence[Ask], latency_s: Sequence[float], alone: Callable[[int], float]) -> dict[str, Any]:
    """Return p50 and p95 per class, in seconds and as slowdown against alone, and the mean slowdown of all."""
    found: dict[str, Any] = {}
    slow = [latency / alone(ask.steps) for ask, latency in zip(asks, latency_s, strict=True)]
    for steps in sorted({ask.steps for ask in asks}):
        mine = [number for number, ask in enumerate(asks) if ask.steps == steps]
        found[f"{steps} steps"] = {
            "seconds": percentiles([latency_s[number] for number in mine]),
            "slowdown": percentiles([slow[number] for number in mine]),
        }
    return {**found, "mean_slowdown": sum(slow) / len(slow)}


def sizes_upto(largest: int) -> Iterator[int]:
    """Yield 1, 2, 4 ... up to `largest`."""
    size = 1
    while size <= largest:
        yield size
        size *= 2


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan
