"""How others and Limner would serve the same Jobs, by discrete-event simulation over one cost table."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from bench.drive import Ask, Clock, Costs, Drive, PricedEngine
from core.recipe import ModelRef, Paint
from inference.run import Run

WINDOW_S = 0.020

Policy = Callable[[Sequence[Ask], Costs], list[float]]
"""Asks, ordered by time, and the cost table -> each one's latency in seconds."""


def fifo(asks: Sequence[Ask], costs: Costs) -> list[float]:
    """Paint whole Jobs in the order they came, as A1111 and ComfyUI do."""
    now, found = 0.0, []
    for ask in asks:
        now = max(now, ask.at_s) + costs.alone(ask.steps)
        found.append(now - ask.at_s)
    return found


def round_robin(asks: Sequence[Ask], costs: Costs) -> list[float]:
    """Paint whole Jobs, one of each person in turn, as InvokeAI can."""
    lines: dict[str, deque[int]] = {}
    found = [0.0] * len(asks)
    now, coming = 0.0, 0
    for _ in asks:
        if not lines:
            now = max(now, asks[coming].at_s)
        while coming < len(asks) and asks[coming].at_s <= now:
            lines.setdefault(asks[coming].person, deque()).append(coming)
            coming += 1
        person = next(iter(lines))
        line = lines.pop(person)
        number = line.popleft()
        now += costs.alone(asks[number].steps)
        found[number] = now - asks[number].at_s
        # Who came while it was painted stands in line before its own next one.
        while coming < len(asks) and asks[coming].at_s <= now:
            newcomer = line if asks[coming].person == person else lines.setdefault(asks[coming].person, deque())
            newcomer.append(coming)
            coming += 1
        if line:
            lines[person] = line
    return found


def window(asks: Sequence[Ask], costs: Costs) -> list[float]:
    """Gather equal Jobs for up to 20 ms and paint them as one batch, as request batching does."""
    found = [0.0] * len(asks)
    most = costs.sizes[-1] // costs.rows
    now, coming = 0.0, 0
    line: list[int] = []
    for _ in asks:
        if coming == len(asks) and not line:
            break
        if not line:
            now = max(now, asks[coming].at_s)
        coming = _arrived(asks, coming, now, line)
        alike = _alike(asks, line, most)
        closes_s = asks[line[0]].at_s + WINDOW_S
        while len(alike) < most and coming < len(asks) and asks[coming].at_s <= closes_s:
            coming = _arrived(asks, coming, asks[coming].at_s, line)
            alike = _alike(asks, line, most)
        # A full batch starts when its last Job is there, another one when the window closes.
        now = max(now, asks[alike[-1]].at_s if len(alike) == most else closes_s)
        steps = asks[line[0]].steps
        now += len(alike) * (costs.begin_s + costs.decode_s) + steps * costs.call(len(alike) * costs.rows)
        for number in alike:
            found[number] = now - asks[number].at_s
            line.remove(number)
    return found


def limner(asks: Sequence[Ask], costs: Costs) -> list[float]:
    """Step all of them together: the program's own Rounds and Scheduler on a simulated clock."""
    clock = Clock()
    runs = [run_of(number, ask) for number, ask in enumerate(asks)]
    drive = Drive(PricedEngine(costs, clock), clock, clock.wait)
    done_s = drive.go([(ask.at_s, run) for ask, run in zip(asks, runs, strict=True)])
    return [done_s[run] - ask.at_s for ask, run in zip(asks, runs, strict=True)]


POLICIES: Mapping[str, Policy] = {
    "fifo": fifo,
    "round robin": round_robin,
    "20 ms window": window,
    "limner": limner,
}


def run_of(number: int, ask: Ask) -> Run:
    """Return a Run of the mix for the Scheduler to look at; it is never painted."""
    recipe = Paint("priced", number, 128, 128, ask.steps, 5.0, "ddim", ModelRef("sd1", "priced"))
    return Run(f"j{number}", 0, ask.person, recipe)


def _arrived(asks: Sequence[Ask], coming: int, now: float, line: list[int]) -> int:
    while coming < len(asks) and asks[coming].at_s <= now:
        line.append(coming)
        coming += 1
    return coming


def _alike(asks: Sequence[Ask], line: Sequence[int], most: int) -> list[int]:
    """Return the first in line and those behind it that may share its batch: the same Steps."""
    return [number for number in line if asks[number].steps == asks[line[0]].steps][:most]
