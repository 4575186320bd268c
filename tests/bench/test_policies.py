"""The simulation behind E4: each policy alone, the work it does, and what it does to a short Job behind long ones."""

from __future__ import annotations

import pytest

from bench.drive import Ask, Clock, Costs, Drive, PricedEngine, by_steps, poisson
from bench.e4 import at_loads, flooded
from bench.policies import POLICIES, WINDOW_S, fifo, limner, round_robin, run_of, window
from bench.replay import BEGIN, END, fill

CPU = Costs({2: 0.043, 4: 0.061, 8: 0.095}, begin_s=0.0035, decode_s=0.042)
"""A narrow UNet on two cores, as bench.e4 measured it."""
COSTS = Costs({1: 0.02, 2: 0.03, 4: 0.04, 8: 0.05}, begin_s=0.001, decode_s=0.01)


@pytest.mark.parametrize("name", POLICIES)
def test_a_job_alone_takes_its_time_alone(name: str) -> None:
    latency_s = POLICIES[name]([Ask(3.0, 20, "p")], COSTS)
    assert latency_s == [pytest.approx(COSTS.alone(20) + (WINDOW_S if name == "20 ms window" else 0.0))]


@pytest.mark.parametrize("name", POLICIES)
def test_every_job_is_served_and_none_faster_than_alone(name: str) -> None:
    asks = poisson(200, 1.0 / COSTS.mean_alone(), 8, seed=1)
    for ask, latency in zip(asks, POLICIES[name](asks, COSTS), strict=True):
        assert latency >= COSTS.alone(ask.steps) - 1e-9


def test_fifo_waits_for_all_before_it() -> None:
    asks = [Ask(0.0, 50, "a"), Ask(0.0, 50, "a"), Ask(0.0, 4, "b")]
    assert fifo(asks, COSTS)[2] == pytest.approx(2 * COSTS.alone(50) + COSTS.alone(4))


def test_round_robin_lets_another_person_pass() -> None:
    asks = [Ask(0.0, 50, "a"), Ask(0.0, 50, "a"), Ask(0.1, 4, "b")]
    assert round_robin(asks, COSTS)[2] == pytest.approx(COSTS.alone(50) + COSTS.alone(4) - 0.1)


def test_a_window_joins_equal_jobs_alone() -> None:
    asks = [Ask(0.0, 20, "a"), Ask(0.010, 20, "b"), Ask(0.011, 4, "c")]
    both = WINDOW_S + 2 * 0.011 + 20 * 0.04
    assert window(asks, COSTS) == [
        pytest.approx(both),
        pytest.approx(both - 0.010),
        pytest.approx(both + COSTS.alone(4) - 0.011),
    ]


def test_a_full_window_does_not_wait() -> None:
    asks = [Ask(0.001 * n, 4, f"p{n}") for n in range(4)]
    assert window(asks, COSTS)[3] == pytest.approx(4 * 0.011 + 4 * 0.05)


def test_limner_steps_a_short_job_among_long_ones() -> None:
    asks = [Ask(0.0, 50, "a"), Ask(0.0, 50, "b"), Ask(0.5, 4, "c")]
    assert limner(asks, COSTS)[2] < 2 * COSTS.alone(4)
    assert fifo(asks, COSTS)[2] > 10 * COSTS.alone(4)


def test_the_drive_charges_every_call_once() -> None:
    clock = Clock()
    run = run_of(0, Ask(0.0, 20, "a"))
    Drive(PricedEngine(COSTS, clock), clock, clock.wait).go([(2.0, run)])
    assert (run.done, run.trace) == (20, [[2, 20]])
    assert clock() == pytest.approx(2.0 + COSTS.alone(20))


def test_the_same_seed_gives_the_same_figures() -> None:
    assert at_loads(COSTS, 60) == at_loads(COSTS, 60)


def test_one_person_with_fifty_jobs_hurts_least_in_limner() -> None:
    ratios = {name: flooded(policy, COSTS, 200)["others_slowdown_ratio"] for name, policy in POLICIES.items()}
    assert ratios["limner"] == min(ratios.values())
    assert ratios["limner"] < 1.5 < 10 < ratios["fifo"]


def test_few_steps_take_at_most_twice_their_time_alone_at_a_load_of_four_fifths() -> None:
    asks = poisson(400, 0.8 / CPU.mean_alone(), 20, seed=1)
    told = {name: by_steps(asks, POLICIES[name](asks, CPU), CPU.alone) for name in ("fifo", "limner")}
    assert told["limner"]["4 steps"]["slowdown"]["p95"] <= 2 < 10 < told["fifo"]["4 steps"]["slowdown"]["p95"]
    assert told["limner"]["50 steps"]["slowdown"]["p95"] <= 4
    assert told["limner"]["mean_slowdown"] <= 1.5


def test_one_person_with_fifty_jobs_slows_nobody_else_by_more_than_half() -> None:
    felt = flooded(limner, CPU, 600)
    assert felt["others_slowdown_ratio"] <= 1.2
    assert felt["worst_person_ratio"] <= 1.5


def test_classes_are_told_apart() -> None:
    asks = [Ask(0.0, 4, "a"), Ask(0.0, 20, "a"), Ask(0.0, 4, "a")]
    told = by_steps(asks, [1.0, 2.0, 3.0], lambda steps: 1.0)
    assert (told["4 steps"]["seconds"]["p50"], told["4 steps"]["seconds"]["p95"]) == (1.0, 3.0)
    assert told["mean_slowdown"] == 2.0


def test_the_table_goes_between_the_marks() -> None:
    row = {"dtype": "float32", "reproducing": "float32", "mistake": "none", "identical": 3, "of": 3}
    page = fill(f"before\n{BEGIN}\nold\n{END}\nafter\n", [row])
    assert "| float32 | float32 | none | 3 of 3 |" in page
    assert "old" not in page
    assert page.startswith("before\n") and page.endswith(f"{END}\nafter\n")
    with pytest.raises(ValueError, match="no marks"):
        fill("no table here", [row])
