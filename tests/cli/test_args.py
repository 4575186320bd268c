"""What is taken out of a verb's arguments, and what is left for the grammar."""

from __future__ import annotations

import pytest

from cli.args import take, whole_number
from core.errors import BadInput

OWN = ("--out", "--sketch")


def test_our_options_are_taken_and_all_else_is_words() -> None:
    given = take("imagine", ["a", "red heart", "--out", "h.png", "--seed", "42", "--json"], OWN, passes_flags=True)
    assert given.options == {"--out": "h.png"}
    assert given.json and not given.help
    assert given.words == ("a", "red heart", "--seed", "42")
    assert given.typed == "a red heart --seed 42"


def test_an_equals_sign_binds_a_value() -> None:
    assert take("imagine", ["--out=a=b.png"], OWN, passes_flags=True).options == {"--out": "a=b.png"}


def test_what_is_inside_quoted_words_is_not_ours() -> None:
    assert take("imagine", ["a door --out there"], OWN, passes_flags=True).words == ("a door --out there",)


def test_behind_two_hyphens_everything_is_words() -> None:
    given = take("imagine", ["--json", "--", "--out", "--help"], OWN, passes_flags=True)
    assert given.words == ("--out", "--help") and not given.help and given.options == {}


@pytest.mark.parametrize("args", [["--out"], ["--out", "--seed", "3"], ["--out", "a.png", "--out", "b.png"]])
def test_a_missing_or_doubled_value_is_refused(args: list[str]) -> None:
    with pytest.raises(BadInput, match="--out"):
        take("imagine", args, OWN, passes_flags=True)


def test_a_verb_without_words_refuses_unknown_flags_and_names_the_nearest() -> None:
    with pytest.raises(BadInput, match="--sketsch") as caught:
        take("show", ["--sketsch", "x"], OWN, passes_flags=False)
    assert "--sketch" in caught.value.hint


@pytest.mark.parametrize("text", ["0", "101", "-1", "ten", "1.5", "٣", ""])
def test_a_number_out_of_range_is_refused(text: str) -> None:
    given = take("history", [f"--limit={text}"], ("--limit",), passes_flags=False)
    with pytest.raises(BadInput, match="--limit"):
        whole_number(given, "--limit", 20, 100)


def test_a_number_in_range_is_read_and_a_missing_one_is_the_default() -> None:
    assert whole_number(take("history", ["--limit=100"], ("--limit",), passes_flags=False), "--limit", 20, 100) == 100
    assert whole_number(take("history", [], ("--limit",), passes_flags=False), "--limit", 20, 100) == 20
