"""Pace: seconds for a cost, from work measured while the device was busy, and when each Job will be done."""

from __future__ import annotations

from core.pace import Pace, Standing


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def job(name: str, cost: int, pictures: int = 1) -> Standing:
    return Standing(name, True, pictures, cost)


def measured(units_per_s: float) -> Pace:
    watch = Watch()
    pace = Pace(watch, rows=4)
    pace.started(job("warm", 1000))
    watch.now += 1.0
    pace.stepped("warm", units_per_s)
    pace.ended("warm")
    return pace


def test_nothing_measured_is_said_as_none() -> None:
    assert Pace(Watch()).seconds(100) is None
    assert Pace(Watch()).forecast([job("a", 100)]) == {}


def test_it_counts_busy_time_alone() -> None:
    watch = Watch()
    pace = Pace(watch)
    pace.started(job("a", 500))
    for _ in range(10):
        watch.now += 1.0
        pace.stepped("a", 50)
    pace.ended("a")
    watch.now += 1000.0
    pace.started(job("b", 500))
    watch.now += 1.0
    pace.stepped("b", 50)
    assert abs((pace.seconds(500) or 0) - 10.0) < 1e-9


def test_work_of_several_jobs_in_one_call_adds_up() -> None:
    watch = Watch()
    pace = Pace(watch)
    pace.started(job("a", 600))
    pace.started(job("b", 200))
    for _ in range(20):
        watch.now += 2.0
        pace.stepped("a", 30)
        pace.stepped("b", 10)
    assert abs((pace.seconds(200) or 0) - 10.0) < 0.5


def test_a_lone_job_takes_what_it_costs() -> None:
    assert measured(10).forecast([job("a", 100)]) == {"a": 10.0}


def test_short_jobs_end_before_long_ones_that_came_first() -> None:
    ends = measured(10).forecast([job("long", 100), job("short", 20), job("middle", 50)])
    # Two share each call: short with middle until short ends at 40, then middle with long until 40 + 60, then long.
    assert ends == {"short": 4.0, "middle": 10.0, "long": 17.0}


def test_who_stands_beyond_what_fits_in_hand_waits_however_short() -> None:
    ends = measured(10).forecast([*(job(str(k), 100) for k in range(4)), job("late", 10)])
    assert ends["late"] > ends["1"] - 10
    assert ends["late"] < ends["3"]


def test_what_is_painted_already_counts_no_more() -> None:
    pace = measured(10)
    pace.started(job("a", 100, pictures=4))
    pace.stepped("a", 50)
    left = pace.forecast(pace.held)["a"]
    assert left == pace.seconds(50)
    assert pace.forecast([Standing("a", True, 2, 50)])["a"] == left
