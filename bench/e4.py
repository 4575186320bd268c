"""E4, latency at load: FIFO, round robin, request batching and Limner over one measured cost table, at four loads.

usage: python -m bench.e4 [--table gpu.json] [--jobs 600] [--real]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.drive import MIX, Ask, Costs, Drive, by_steps, poisson
from bench.policies import POLICIES, Policy, limner

LOADS = (0.5, 0.8, 1.0, 1.2)
PEOPLE = 20
FLOOD = 50
FLOOD_STEPS = 20
SEEDS = range(201, 211)
REAL_S = 60.0
LONE = 5


def at_loads(costs: Costs, jobs: int, seed: int = 1) -> dict[str, Any]:
    """Return every policy's latencies at every load; a load of 1 is what FIFO can just do."""
    found: dict[str, Any] = {}
    for load in LOADS:
        asks = poisson(jobs, load / costs.mean_alone(), PEOPLE, seed)
        found[str(load)] = {name: by_steps(asks, policy(asks, costs), costs.alone) for name, policy in POLICIES.items()}
    return found


def flooded(
    policy: Policy, costs: Costs, jobs: int, load: float = 0.5, seed: int = 2, flood: int = FLOOD
) -> dict[str, float]:
    """Let one person send 50 Jobs, or `flood`, at once; return how much slower the others' Jobs became.

    Only Jobs that come while the flood could be felt are compared: those within its time alone.
    """
    others = poisson(jobs, load / costs.mean_alone(), PEOPLE, seed)
    at_s = others[len(others) // 4].at_s
    until_s = at_s + flood * costs.alone(FLOOD_STEPS)
    both = sorted([*others, *[Ask(at_s, FLOOD_STEPS, "flood")] * flood], key=lambda ask: ask.at_s)
    calm = {id(ask): latency for ask, latency in zip(others, policy(others, costs), strict=True)}
    busy = {id(ask): latency for ask, latency in zip(both, policy(both, costs), strict=True)}
    felt = [ask for ask in others if at_s <= ask.at_s <= until_s]
    people: dict[str, list[tuple[float, float]]] = {}
    for ask in felt:
        alone = costs.alone(ask.steps)
        people.setdefault(ask.person, []).append((busy[id(ask)] / alone, calm[id(ask)] / alone))
    ratios = [sum(b for b, _ in pairs) / sum(c for _, c in pairs) for pairs in people.values()]
    after, before = (sum(sum(pair[which] for pair in pairs) for pairs in people.values()) for which in (0, 1))
    return {
        "others_slowdown_ratio": after / before,
        "worst_person_ratio": max(ratios),
        "median_person_ratio": statistics.median(ratios),
        "jobs_felt": len(felt),
    }


def floods(costs: Costs) -> list[dict[str, float]]:
    """Flood Limner's line by SEEDS nobody tuned it by: with 50 and with 500 Jobs, among 300 and among 600 of others."""
    return [
        {"jobs": jobs, "flood": flood, "seed": seed, **flooded(limner, costs, jobs, seed=seed, flood=flood)}
        for jobs in (300, 600)
        for flood in (FLOOD, 10 * FLOOD)
        for seed in SEEDS
    ]


def read_table(path: Path) -> Costs:
    """Read a cost table out of a result of this benchmark or of bench.gpu."""
    data = json.loads(path.read_text(encoding="utf-8"))
    table = data.get("costs") or data["load"]["sd15"]["costs"]
    calls = {int(size): float(taken) for size, taken in table["call_s"].items()}
    return Costs(calls, table["begin_s"], table["decode_s"], table["rows"])


def real(local: Any, card: Any) -> dict[str, Any]:
    """Paint the mix at 0.8 load for about a minute, on the clock of the wall.

    What a Picture takes alone is painted before and after: a machine's pace changes while a crowd is served.
    """
    from bench.painting import runs_of, wait

    def paint(asks: Sequence[Ask]) -> list[float]:
        runs = runs_of(card, asks)
        done_s = Drive(local, time.perf_counter, wait).go(list(zip([ask.at_s for ask in asks], runs, strict=True)))
        return [done_s[run] - ask.at_s for ask, run in zip(asks, runs, strict=True)]

    def alone() -> dict[int, list[float]]:
        return {steps: [paint([Ask(0.0, steps, "p0")])[0] for _ in range(LONE)] for steps, _ in MIX}

    before = alone()
    mean_s = sum(share * statistics.median(before[steps]) for steps, share in MIX)
    asks = poisson(max(8, int(REAL_S * 0.8 / mean_s)), 0.8 / mean_s, PEOPLE, seed=3)
    latency_s = paint(asks)
    after = alone()
    typical = {steps: statistics.median([*before[steps], *after[steps]]) for steps, _ in MIX}
    drift = {steps: statistics.median(after[steps]) / statistics.median(before[steps]) for steps, _ in MIX}
    return {**by_steps(asks, latency_s, typical.__getitem__), "alone_s": typical, "alone_after_to_before": drift}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the table (or read one), simulate, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", type=Path, help="take the cost table of this result and measure nothing")
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--real", action="store_true", help="also paint for a minute at 0.8 load")
    wanted = parser.parse_args(argv)
    measured: dict[str, Any] = {}
    if wanted.table is not None:
        costs, measured = read_table(wanted.table), {"table": wanted.table.name}
    else:
        costs, measured = _measured(wanted.repeats, wanted.real)
    from bench.common import write

    write("e4", {"costs": asdict(costs), "jobs": wanted.jobs, "people": PEOPLE, "loads": at_loads(costs, wanted.jobs),
                 "flood": {name: flooded(policy, costs, wanted.jobs) for name, policy in POLICIES.items()},
                 "floods": floods(costs), **measured})  # fmt: skip


def _measured(repeats: int, with_real: bool) -> tuple[Costs, dict[str, Any]]:
    from bench.painting import NAME, engine, measure, model
    from bench.shapes import NARROW
    from inference.device import choose

    choice = choose("cpu", "auto", 0, 2)
    with model(NARROW, "cpu", choice.dtype) as (_, registry):
        local, card = engine(registry, dtype=choice.dtype, threads=choice.threads), registry.card(NAME)
        costs = measure(local, card, repeats)
        found: dict[str, Any] = {"dtype": choice.dtype, "threads": choice.threads}
        return costs, {**found, "real_at_0.8": real(local, card)} if with_real else found


if __name__ == "__main__":
    main()
