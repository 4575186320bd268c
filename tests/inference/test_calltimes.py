"""CallTimes: seconds a coin per Model, seconds per Key and size, and when a call is stuck."""

from __future__ import annotations

import pytest

from core.recipe import ModelRef, Paint
from inference.calltimes import FORGET_AFTER, CallTimes
from inference.run import Batch, Key, Run

COINS = 64 * 64


class Clock:
    """Monotonic seconds, moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def batch(size: int = 1, model: str = "m", side: int = 64, rows: int | None = None) -> Batch:
    recipe = Paint("a fox", 1, side, side, 4, 1.0, "ddim", ModelRef("sd1", model))
    key = Key(model, latent=(side // 8, side // 8))
    return Batch(key, (Run("job", 0, "ann", recipe, key=key, rows=rows or size),), size)


def call(times: CallTimes, clock: Clock, seconds: float, made: Batch) -> None:
    times.start(made)
    clock.now += seconds
    times.stop(made)


def learned(**seconds: float) -> tuple[CallTimes, Clock]:
    """Return times of calls of sizes named r1, r2 ... each after a slow first one."""
    clock = Clock()
    times = CallTimes(clock)
    for name, taken in seconds.items():
        for each in (60.0, taken, taken):
            call(times, clock, each, batch(int(name[1:])))
    return times, clock


def test_nothing_measured_is_not_known() -> None:
    assert CallTimes(Clock()).seconds("m", 5) is None


def test_the_median_of_a_models_own_calls_counts() -> None:
    clock = Clock()
    times = CallTimes(clock)
    for seconds in (90.0, 1.0, 1.0):
        call(times, clock, seconds, batch())
    call(times, clock, 50.0, batch(model="slow"))
    assert times.seconds("m", 2 * COINS) == 2.0
    assert times.seconds("slow", 2 * COINS) == 100.0


def test_padding_is_no_work_done() -> None:
    clock = Clock()
    times = CallTimes(clock)
    call(times, clock, 8.0, batch(4, rows=2))
    assert times.seconds("m", 2 * COINS) == 8.0


def test_a_failed_call_says_nothing() -> None:
    clock = Clock()
    times = CallTimes(clock)
    times.start(batch())
    clock.now += 9
    times.stop()
    assert times.seconds("m", 1) is None and times.stuck_s() is None


def test_each_size_has_its_median_and_the_first_call_does_not_count() -> None:
    times, clock = learned(r2=0.043, r4=0.061, r8=0.095)
    call(times, clock, 5.0, batch(8))
    for size, taken in ((2, 0.043), (4, 0.061), (8, 0.095)):
        assert times.call_s(batch(size).key, size) == pytest.approx(taken)


def test_a_size_never_tried_is_thought_cheap() -> None:
    times, _ = learned(r4=0.06)
    key = batch().key
    assert times.call_s(key, 8) == pytest.approx(0.06), "four rows more for nothing"
    assert times.call_s(key, 2) == pytest.approx(0.03), "half of it"
    assert times.call_s(Key("new"), 8) == times.call_s(Key("new"), 1)


def test_more_rows_take_no_less_and_no_more_than_more_calls() -> None:
    times, _ = learned(r2=0.04, r4=0.9, r8=0.03)
    key = batch().key
    assert times.call_s(key, 4) == pytest.approx(0.08)
    assert times.call_s(key, 8) == pytest.approx(0.08)


def test_a_size_not_used_for_long_is_tried_again() -> None:
    times, clock = learned(r2=0.04, r8=0.16)
    for _ in range(FORGET_AFTER):
        call(times, clock, 0.04, batch(2))
    assert times.call_s(batch().key, 8) == pytest.approx(0.04)
    call(times, clock, 0.12, batch(8))
    assert times.call_s(batch().key, 8) == pytest.approx(0.12), "what was forgotten does not come back"


def test_keys_are_told_apart() -> None:
    times, clock = learned(r2=0.04)
    for _ in range(3):
        call(times, clock, 9.0, batch(2, side=512))
    assert times.call_s(batch().key, 2) == pytest.approx(0.04)


def test_a_call_is_stuck_after_half_a_minute_or_ten_times_the_median() -> None:
    clock = Clock()
    times = CallTimes(clock)
    call(times, clock, 0.5, batch())
    for size, limit in ((1, 30.0), (10, 50.0)):
        times.start(batch(size))
        clock.now += limit
        assert times.stuck_s() is None
        clock.now += 1
        assert times.stuck_s() == limit + 1
        times.stop()
    assert times.stuck_s() is None


def test_the_first_call_of_a_model_may_take_long() -> None:
    clock = Clock()
    times = CallTimes(clock, first_call_s=300.0)
    times.start(batch())
    clock.now += 299
    assert times.stuck_s() is None
    clock.now += 2
    assert times.stuck_s() == 301.0
