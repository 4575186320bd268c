"""Fairness of the whole program: how unequally people are slowed while one of them sends 500 jobs.

usage: python -m bench.fairness [--scale 0.3] [--table e4.json]; SQL, claims, queue and steps are the program's own, and
a call sleeps what the cost table says, times the scale.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.common import PLACE, running, write
from bench.drive import Ask as Arrival
from bench.drive import Costs, poisson
from bench.e4 import read_table
from build import HOME, Program
from core.person import Person
from core.studio import Ask
from inference.run import Batch, Run
from tests.support.fake_engine import FakeEngine

FLOOD, FLOOD_STEPS = 500, 20
PEOPLE, EACH = 8, 12
"""So many others send so many Jobs each at once, of as many steps as the flood's."""

PASSING_JOBS, PASSING_LOAD, PASSERS = 150, 0.5, 10
SEEDS = (301,)
FLOODER = "web:flood"
GOAL = 1.5


class PricedFake(FakeEngine):
    """A FakeEngine whose begin, steps and decoding take what a cost table says."""

    def __init__(self, costs: Costs) -> None:
        super().__init__(costs.sizes, step_s=self._call)
        self._costs = costs

    def _call(self, batch: Batch) -> float:
        return self._costs.call_s[batch.size]

    def begin(self, run: Run) -> None:
        time.sleep(self._costs.begin_s)
        super().begin(run)

    def decode(self, run: Run) -> object:
        time.sleep(self._costs.decode_s)
        return super().decode(run)


class Crowd:
    """Ask in the names of many and note when each Job was painted; seconds of the loop's clock."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.asked_s: dict[str, tuple[str, int, float]] = {}
        self.done_s: dict[str, float] = {}
        self._changed = asyncio.Event()

    async def ask(self, person: str, steps: int) -> str:
        """Ask for one Picture."""
        at_s, number = time.perf_counter(), len(self.asked_s)
        words = f"a red heart --steps {steps} --seed {number}"
        ask = Ask(Person(person), PLACE, f"fairness-{person}-{number}-{at_s}", words)
        [sheet] = await self._program.studio.ask(ask)
        self.asked_s[sheet["id"]] = (person, steps, at_s)
        return sheet["id"]

    async def watch(self) -> None:
        """Note every Job that is painted."""
        after = 0
        with self._program.feed.subscribe() as inbox:
            while True:
                for move in await self._program.archive.moves_after(after, None):
                    after = move.id
                    if move.to_state == "rendered":
                        self.done_s.setdefault(move.job_id, time.perf_counter())
                        self._changed.set()
                await inbox.next()

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for Jobs to be painted."""
        while not done():
            self._changed.clear()
            await self._changed.wait()

    def slowdowns(self, alone: Callable[[int], float]) -> dict[str, list[float]]:
        """Return, by person, how many times its time alone each painted Job took."""
        found: dict[str, list[float]] = {}
        for job, (person, steps, at_s) in self.asked_s.items():
            if job in self.done_s:
                found.setdefault(person, []).append((self.done_s[job] - at_s) / alone(steps))
        return found


async def backlog(costs: Costs) -> dict[str, Any]:
    """Let one send 500 Jobs and then everybody EACH; return how slowed each is until all of theirs are painted.

    Slowdown: the time until a person's are painted, by what they take on a device of one's own; the flood's by how many
    of its Jobs were painted in the time of all others.
    """
    async with _crowd(costs) as crowd:
        for _ in range(FLOOD):
            await crowd.ask(FLOODER, FLOOD_STEPS)
        mine: dict[str, list[str]] = {f"web:p{number}": [] for number in range(PEOPLE)}
        began_s = time.perf_counter()
        for _ in range(EACH):
            for person, jobs in mine.items():
                jobs.append(await crowd.ask(person, FLOOD_STEPS))
        await crowd.until(lambda: all(job in crowd.done_s for jobs in mine.values() for job in jobs))
        alone_s = EACH * costs.alone(FLOOD_STEPS)
        slow = {who: (max(crowd.done_s[job] for job in jobs) - began_s) / alone_s for who, jobs in mine.items()}
        ended_s = max(crowd.done_s[job] for jobs in mine.values() for job in jobs)
        flood = [at_s for job, at_s in crowd.done_s.items() if crowd.asked_s[job][0] == FLOODER]
        # What the flood had while it had the device to itself is not held against it.
        within = sum(began_s <= at_s <= ended_s for at_s in flood)
        slow[FLOODER] = (ended_s - began_s) / (within * costs.alone(FLOOD_STEPS))
    return {"slowdown": slow, "max_by_min": max(slow.values()) / min(slow.values())}


async def passing(costs: Costs, flood: int, seed: int) -> dict[str, list[float]]:
    """Return the slowdowns of people who come and go at half load, with a flood among them or without."""
    arrivals = poisson(PASSING_JOBS, PASSING_LOAD / costs.mean_alone(), PASSERS, seed)
    async with _crowd(costs) as crowd:
        for _ in range(flood):
            await crowd.ask(FLOODER, FLOOD_STEPS)
        began_s = time.perf_counter()
        asks = [asyncio.create_task(_at(crowd, began_s, arrival)) for arrival in arrivals]
        mine = await asyncio.gather(*asks)
        await crowd.until(lambda: all(job in crowd.done_s for job in mine))
        found = crowd.slowdowns(costs.alone)
    found.pop(FLOODER, None)
    return found


async def run(costs: Costs) -> dict[str, Any]:
    """Return the spread among people with equal work, and what a flood does to who comes and goes."""
    spread = [await backlog(costs) for _ in SEEDS]
    plays = []
    for seed in SEEDS:
        calm, busy = await passing(costs, 0, seed), await passing(costs, FLOOD, seed)
        ratios = {who: statistics.mean(busy[who]) / statistics.mean(calm[who]) for who in calm}
        whole = _mean(busy) / _mean(calm)
        plays.append({"seed": seed, "others_slower": whole, "worst_person": max(ratios.values()), "people": ratios})
    return {
        "flood": FLOOD,
        "backlog": spread,
        "max_by_min": max(each["max_by_min"] for each in spread),
        "passing": plays,
        "others_slower": max(play["others_slower"] for play in plays),
        "goal": GOAL,
    }


def scaled(costs: Costs, by: float) -> Costs:
    """Return a cost table whose every time is so many times as long."""
    calls = {size: taken * by for size, taken in costs.call_s.items()}
    return replace(costs, call_s=calls, begin_s=costs.begin_s * by, decode_s=costs.decode_s * by)


@asynccontextmanager
async def _crowd(costs: Costs) -> AsyncIterator[Crowd]:
    """Run the program with a watcher."""
    rows = str(list(costs.sizes)).replace(" ", "")
    async with running(lambda *_: PricedFake(costs), ENGINE__ROWS=rows, ENGINE__PREVIEWS="0") as program:
        crowd = Crowd(program)
        watching = asyncio.create_task(crowd.watch())
        try:
            yield crowd
        finally:
            watching.cancel()
            await asyncio.wait([watching])


async def _at(crowd: Crowd, began_s: float, arrival: Arrival) -> str:
    await asyncio.sleep(max(0.0, began_s + arrival.at_s - time.perf_counter()))
    return await crowd.ask(f"web:{arrival.person}", arrival.steps)


def _mean(found: dict[str, list[float]]) -> float:
    return statistics.mean(slow for several in found.values() for slow in several)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.3)
    parser.add_argument("--table", type=Path, default=HOME / "bench" / "results" / "e4.json")
    wanted = parser.parse_args(argv)
    costs = scaled(read_table(wanted.table), wanted.scale)
    write("fairness", {"costs": asdict(costs), "scale": wanted.scale, **asyncio.run(run(costs))})


if __name__ == "__main__":
    main()
