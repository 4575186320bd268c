"""Pace: seconds a coin per Model, and when a call is stuck."""

from __future__ import annotations

from inference.pace import Pace


class Clock:
    """Monotonic seconds, moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def call(pace: Pace, clock: Clock, seconds: float, model: str = "m", coins: int = 100) -> None:
    pace.start(model, coins)
    clock.now += seconds
    pace.stop(useful=coins)


def test_nothing_measured_is_not_known() -> None:
    assert Pace(Clock()).seconds("m", 5) is None


def test_the_median_of_a_models_own_calls_counts() -> None:
    clock = Clock()
    pace = Pace(clock)
    for seconds in (90.0, 1.0, 1.0):
        call(pace, clock, seconds)
    call(pace, clock, 50.0, model="slow")
    assert pace.seconds("m", 200) == 2.0
    assert pace.seconds("slow", 200) == 100.0


def test_a_failed_call_says_nothing() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.start("m", 100)
    clock.now += 9
    pace.stop()
    assert pace.seconds("m", 1) is None and pace.stuck_s() is None


def test_a_call_is_stuck_after_half_a_minute_or_ten_times_the_median() -> None:
    clock = Clock()
    pace = Pace(clock)
    call(pace, clock, 0.5)
    for coins, limit in ((100, 30.0), (1000, 50.0)):
        pace.start("m", coins)
        clock.now += limit
        assert pace.stuck_s() is None
        clock.now += 1
        assert pace.stuck_s() == limit + 1
        pace.stop()
    assert pace.stuck_s() is None


def test_the_first_call_of_a_model_may_take_long() -> None:
    clock = Clock()
    pace = Pace(clock, first_call_s=300.0)
    pace.start("m", 100)
    clock.now += 299
    assert pace.stuck_s() is None
    clock.now += 2
    assert pace.stuck_s() == 301.0
