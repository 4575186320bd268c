"""ULIDs: sorted by time, each above the last, readable back from what people type."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from db.ids import Ulids, encode, tidy
from tests.support.archive import noise


def test_the_known_example() -> None:
    assert encode(1469918176385 << 80)[:10] == "01ARYZ6S41"
    assert encode(2**128 - 1) == "7" + "Z" * 25


@given(st.lists(st.integers(0, 2**47), min_size=2, max_size=30), st.binary(min_size=10, max_size=10))
def test_each_is_above_the_last_whatever_the_clock_does(times: list[int], raw: bytes) -> None:
    clock = iter(times)
    ids = Ulids(lambda: next(clock), lambda _: raw)
    given_out = [ids.fresh() for _ in times]
    assert given_out == sorted(set(given_out))
    assert all(len(each) == 26 and tidy(each) == each for each in given_out)


def test_later_is_above_earlier() -> None:
    now = [1_800_000_000_000]
    ids = Ulids(lambda: now[0], noise())
    first = ids.fresh()
    now[0] += 1
    second = ids.fresh()
    assert first < second
    assert first[:10] < second[:10]


def test_what_people_type() -> None:
    assert tidy(" o1lI0a ") == "01110A"
    assert tidy("not an id!") == ""
    assert tidy("%") == ""
