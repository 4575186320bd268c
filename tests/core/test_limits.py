"""Limits of one Person: what is let in at the edge, what is refused, and what the refusal says."""

from __future__ import annotations

import pytest

from core.errors import LimitReached
from core.limits import Limits, Usage, share


def test_nothing_is_limited_by_default() -> None:
    Limits().check(Usage(waiting=10**6, minute=10**6, day_cost=10**18), 100, 10**18)


@pytest.mark.parametrize(
    ("limits", "used", "jobs", "cost"),
    [
        (Limits(waiting=3), Usage(waiting=2), 1, 0),
        (Limits(waiting=3), Usage(), 3, 0),
        (Limits(per_minute=5), Usage(minute=4), 1, 0),
        (Limits(day_cost=100), Usage(day_cost=60), 1, 40),
        (Limits(waiting=1, per_minute=1, day_cost=1), Usage(), 1, 1),
    ],
)
def test_the_limit_itself_is_allowed(limits: Limits, used: Usage, jobs: int, cost: int) -> None:
    limits.check(used, jobs, cost)


@pytest.mark.parametrize(
    ("limits", "used", "jobs", "cost", "said", "opens"),
    [
        (Limits(waiting=3), Usage(waiting=2), 2, 0, "2 of 3 jobs waiting; this would be 4", None),
        (Limits(per_minute=5), Usage(minute=5, minute_opens=7), 1, 0, "5 times in the last minute; 5", 7),
        (Limits(day_cost=100), Usage(day_cost=60, day_opens=9), 1, 41, "41 % of a day's budget; 40 % is left", 9),
        (Limits(day_cost=100), Usage(day_cost=120), 1, 1, "0 % is left", None),
        (Limits(day_cost=100), Usage(), 1, 300, "300 % of a day's budget; 100 % is left", None),
    ],
)
def test_one_more_is_refused_and_says_why(
    limits: Limits, used: Usage, jobs: int, cost: int, said: str, opens: int | None
) -> None:
    with pytest.raises(LimitReached) as found:
        limits.check(used, jobs, cost)
    assert said in found.value.sentence
    assert found.value.opens_at == opens
    assert found.value.as_json()["opens_at"] == opens
    assert found.value.hint


@pytest.mark.parametrize(
    ("cost", "whole", "said"),
    [(0, 100, "0 %"), (-5, 100, "0 %"), (1, 100, "1 %"), (1, 1000, "0.1 %"), (1, 10**9, "1e-07 %"), (50, 100, "50 %")],
)
def test_a_share_is_never_a_false_zero(cost: int, whole: int, said: str) -> None:
    assert share(cost, whole) == said
