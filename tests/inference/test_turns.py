"""Turns: short Runs go alone where company would slow them, all together where it would not; nobody starves."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.picture import Fingerprint, Replay
from core.recipe import ModelRef, Paint
from inference.run import Key, Run
from inference.turns import COURTESY_CALLS, LEAD_CALLS, Turns

SIZES = (1, 2, 4, 8)
DEAR: Mapping[int, float] = {1: 0.025, 2: 0.043, 4: 0.061, 8: 0.095}
"""As measured on a CPU: eight rows take twice as long as two."""
FREE: Mapping[int, float] = dict.fromkeys(SIZES, 0.05)
"""As on a GPU that one picture does not fill."""


def run(calls: int, share: str = "ann", *, key: str = "a", rows: int = 2, trace: int | None = None) -> Run:
    recipe = Paint("a fox", 1, 64, 64, calls, 1.0, "ddim", ModelRef("sd1", key))
    replay = None if trace is None else Replay(Fingerprint(((trace, calls),)), "")
    return Run("job", 0, share, recipe, replay, key=Key(key), calls=calls, rows=rows)


def turns(table: Mapping[int, float]) -> Turns:
    return Turns(SIZES, lambda key, size: table[size])


def test_a_short_run_goes_without_long_ones_that_would_slow_it() -> None:
    long = [run(50, "bob"), run(50, "cy"), run(20, "di")]
    short = run(4)
    assert turns(DEAR).choose([*long, short], ()) == (short,)


def test_where_company_costs_nothing_everybody_goes() -> None:
    ready = [run(50, "bob"), run(50, "cy"), run(20, "di"), run(4)]
    assert set(turns(FREE).choose(ready, ())) == set(ready)


def test_alike_runs_go_together() -> None:
    ready = [run(20, name) for name in ("ann", "bob", "cy", "di")]
    assert set(turns(DEAR).choose(ready, ())) == set(ready)


def test_padding_is_filled() -> None:
    # Two short ones take four rows together; one alone takes two, and a half-empty size would carry nobody.
    ready = [run(50, "bob", rows=1), run(4, rows=1), run(4, "cy", rows=1), run(4, "di", rows=1)]
    chosen = turns(DEAR).choose(ready, ())
    assert sum(each.rows for each in chosen) == 4 and ready[0] in chosen


def test_many_runs_of_one_person_weigh_as_one() -> None:
    flood = [run(20, "flood") for _ in range(50)]
    other = run(50)
    assert turns(DEAR).choose([*flood, other], ())[0] is other


def test_the_key_that_brings_most_goes() -> None:
    wide = [run(50, name, key="b") for name in ("bob", "cy", "di", "eve")]
    short = run(4)
    assert turns(DEAR).choose([*wide, short], ()) == (short,)
    slow = Turns(SIZES, lambda key, size: DEAR[size] * (100 if key.model == "a" else 1))
    assert set(slow.choose([*wide, short], ())) == set(wide)


def test_a_reproduce_is_priced_at_its_own_size_and_goes_alone() -> None:
    replay = run(4, trace=8)
    short = run(4, "bob")
    assert turns(DEAR).choose([replay, short], ()) == (short,)
    assert turns(DEAR).choose([replay, run(50, "bob")], ()) == (replay,)


@pytest.mark.parametrize("table", [DEAR, FREE])
def test_who_is_owed_goes_before_any_gain(table: Mapping[int, float]) -> None:
    chooser = turns(table)
    long = run(150, "bob", key="b")
    for taken in range(2 * LEAD_CALLS * SIZES[-1]):
        if long in chooser.choose([long, run(4)], ()):
            assert taken <= LEAD_CALLS * SIZES[-1] + 1
            return
    raise AssertionError("it starves")


def test_who_had_little_goes_before_who_is_owed_but_for_every_fourth_call() -> None:
    chooser = turns(DEAR)
    flood = [run(20, "flood", key="b") for _ in range(8)]
    for k in range(4 * LEAD_CALLS * SIZES[-1]):
        chooser.choose([*flood, run(4, f"p{k}")], ())  # Somebody new each time: only the flood's account grows.
    led = [chooser.choose([*flood, run(4, f"q{k}")], ())[0].share for k in range(4 * 8)]
    assert 4 <= led.count("flood") <= 8


def test_a_flood_is_courteous_after_others_were_there() -> None:
    chooser = turns(DEAR)
    flood = [run(20, "flood") for _ in range(8)]
    assert len(chooser.choose(flood, ())) == 4, "nobody else was ever there"
    chooser.choose([*flood, run(4)], ())
    assert len(chooser.choose(flood, ())) == 2
    assert len(chooser.choose(flood[:4], ())) == 4, "one full call is no flood"
    for _ in range(COURTESY_CALLS):
        chooser.choose(flood, ())
    assert len(chooser.choose(flood, ())) == 4


@pytest.mark.parametrize("largest_first", [True, False])
def test_memory_sets_a_limit(largest_first: bool) -> None:
    chooser = turns(FREE)
    ready = [run(20, name) for name in ("ann", "bob", "cy", "di")]
    assert chooser.lower(Key("a"), 8)
    assert len(chooser.choose(ready[:: 1 if largest_first else -1], ())) == 2
    assert chooser.lower(Key("a"), 2) and len(chooser.choose(ready, ())) == 1, "one Run goes whatever it takes"
    assert not chooser.lower(Key("a"), 1)


KINDS = st.tuples(
    st.sampled_from((1, 4, 20, 50)), st.sampled_from("abc"), st.sampled_from("kl"), st.sampled_from((1, 2))
)


@settings(max_examples=60, deadline=None)
@given(st.lists(KINDS, min_size=1, max_size=12), st.lists(st.floats(0.001, 10), min_size=4, max_size=4))
def test_whatever_calls_cost_everybody_gets_through(kinds: list[tuple[int, str, str, int]], cost: list[float]) -> None:
    chooser = turns(dict(zip(SIZES, cost, strict=True)))
    left = [run(calls, share, key=key, rows=rows) for calls, share, key, rows in kinds]
    for _ in range(sum(each.calls for each in left)):
        if not left:
            return
        chosen = chooser.choose(left, ())
        assert len(set(chosen)) == len(chosen) > 0
        assert len({each.key for each in chosen}) == 1 and sum(each.rows for each in chosen) <= SIZES[-1]
        for each in chosen:
            each.stepped(next(size for size in SIZES if size >= sum(one.rows for one in chosen)))
        left = [each for each in left if each.left]
    assert not left
