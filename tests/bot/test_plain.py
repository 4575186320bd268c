"""Words made harmless, sign by sign."""

from __future__ import annotations

import pytest

from bot.guests import refusal
from bot.plain import clean, cut, fenced, quiet
from core.errors import BadWords, LimitReached


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a red heart ❤", "a red heart ❤"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("z\u0351\u0352\u0353\u0354a", "z\u0351\u0352a"),
        ("e\u0301te\u0301", "e\u0301te\u0301"),
        ("שָׁלוֹם", "שָׁלוֹם"),
    ],
)
def test_clean(typed: str, kept: str) -> None:
    assert clean(typed) == kept


def test_a_code_block_is_not_left() -> None:
    assert fenced("a ``` b ` c", 100).count("`") == 6
    assert fenced("", 100).strip("`\n") == "\u200b"
    assert len(fenced("x" * 5000, 600)) == 608 and fenced("x" * 5000, 600).endswith("…\n```")
    assert cut("abc", 3) == "abc"


@pytest.mark.parametrize("words", ["**b**", "[x](http://y)", "http://y", "<@1>", "<#1>", "`c`", "# h", "> q", "||s||"])
def test_nothing_in_a_sentence_acts(words: str) -> None:
    said = quiet(f"There is no model {words}.")
    assert words not in said or words in ("# h", "> q")


def test_a_refusal_shows_where_and_when() -> None:
    error = BadWords("There is no option --stepz.", "The nearest is --steps.", 6, "heart --stepz `3`")
    assert refusal(error).endswith("```\nheart --stepz ˋ3ˋ\n      ^\n```")
    assert refusal(LimitReached("Too many.", "Wait.", 1_767_225_660_500)).endswith("Free again <t:1767225660:R>.")
    assert refusal(LimitReached("Too many.", "Wait.")) == "Too many. Wait."
