"""Tests of what accounts are made of: passwords that can be tried and not read, names, and how often one may try."""

from __future__ import annotations

import pytest

from core.account import new_name
from core.attempts import PLACES, Attempts
from core.errors import BadInput
from core.passwords import LONGEST, Cost, check_password, opens, sealed

QUICK = Cost(n=16, r=1, p=1)


def test_a_password_opens_what_was_sealed_with_it_and_no_other_does() -> None:
    kept = sealed("correct horse", b"salt", QUICK)
    assert kept.startswith("scrypt:16:1:1:") and "horse" not in kept
    assert opens(kept, "correct horse")
    for wrong in ("correct hors", "correct horse ", "Correct horse", "", "\ud800", "x" * 10_000):
        assert not opens(kept, wrong)
    assert sealed("correct horse", b"other", QUICK).rpartition(":")[2] != kept.rpartition(":")[2]


def test_the_cost_stands_beside_it_so_that_it_may_grow() -> None:
    assert opens(sealed("a b c d e", b"salt", Cost(32, 2, 2)), "a b c d e")
    whole = Cost()
    assert 128 * whole.n * whole.r * whole.p >= 80 * 2**20, "what OWASP asks of scrypt, at the least"


def test_the_same_letters_composed_otherwise_are_the_same_password() -> None:
    assert opens(sealed("caf\u00e9 au lait", b"salt", QUICK), "cafe\u0301 au lait")


@pytest.mark.parametrize("password", ["", "1234567", "x" * (LONGEST + 1)])
def test_a_password_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(BadInput, match="8 to 1000 signs"):
        check_password(password)


@pytest.mark.parametrize("typed", ["", "-a", "a b", "ünal", "a/b", "..", "a" * 33, "<b>", "a\x00", "owner", "Owner "])
def test_names_that_are_none(typed: str) -> None:
    with pytest.raises(BadInput):
        new_name(typed, owner=False)


def test_a_name_is_kept_in_small_letters_and_the_owner_may_be_called_owner() -> None:
    assert new_name(" Ann_2 ", owner=False) == "ann_2"
    assert new_name("owner", owner=True) == "owner"


def test_tries_are_counted_in_a_window_that_moves() -> None:
    tries = Attempts(3, 1000)
    assert [tries.take("ann", at) for at in (0, 100, 200)] == [None] * 3
    assert tries.take("ann", 300) == 1000 and tries.take("bob", 300) is None
    assert tries.take("ann", 999) == 1000, "what was refused does not count"
    assert tries.take("ann", 1000) is None and tries.take("ann", 1001) == 1100
    tries.forget("ann")
    assert tries.take("ann", 1002) is None


def test_no_flood_of_names_takes_memory_or_pushes_one_out() -> None:
    tries = Attempts(2, 1000)
    for _ in range(2):
        tries.take("ann", 0)
    for number in range(3 * PLACES):
        tries.take(f"name {number}", 1)
    assert len(tries._tried) <= PLACES and tries.take("ann", 2) == 1000
