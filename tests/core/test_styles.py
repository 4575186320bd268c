"""Styles: their table, how one is named, and what it makes of a Prompt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.asking import with_options
from core.defaults import Defaults
from core.draft import Draft, fill
from core.errors import BadWords
from core.grammar import given, parse
from core.styles import STYLES, TABLE, dressed, style_named
from tests.support.cards import CARD

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def _painted(words: str, wishes: Defaults | None = None) -> list[str]:
    drafts = parse(words, ("builtin",))
    if wishes is not None:
        drafts = tuple(wishes.under(draft, given(words)) for draft in drafts)
    return [fill(draft, CARD, lambda: 1)[0][0].prompt for draft in drafts]


def test_the_words_of_a_style_stand_in_the_recipe() -> None:
    assert _painted("a red heart --style ink") == [f"a red heart, {STYLES['ink'].words}"]


def test_a_set_of_styles_makes_a_job_each() -> None:
    expected = [f"a heart, {STYLES[name].words}" for name in ("ink", "oil")]
    assert _painted("a heart --style {ink, oil}") == expected


@pytest.mark.parametrize("typed", ["Watercolor", "WATERCOLOUR", " watercolour "])
def test_a_name_is_read_as_people_write_it(typed: str) -> None:
    assert style_named(typed) == "watercolour"


def test_blanks_stand_for_hyphens() -> None:
    assert style_named("pixel art") == "pixel-art"


def test_an_unknown_style_names_the_nearest_and_points() -> None:
    with pytest.raises(BadWords) as refused:
        parse("a heart --style watrcolour", ("builtin",))
    assert "nearest is watercolour" in refused.value.hint
    assert refused.value.at == len("a heart --style ")


def test_a_style_needs_a_name() -> None:
    with pytest.raises(BadWords, match="needs a value"):
        parse("a heart --style", ("builtin",))


def test_a_style_is_no_words_of_its_own() -> None:
    with pytest.raises(BadWords, match="nothing to paint"):
        _painted("--style ink")


def test_an_option_apart_says_the_same_as_the_flag() -> None:
    assert with_options(Draft(prompt="a heart"), {"style": "Ink"}).style == "ink"


def test_a_default_style_yields_to_a_typed_one_to_none_and_to_words_in_marks() -> None:
    wishes = Defaults().changed({"options": {"style": "oil"}})
    assert _painted("a heart", wishes) == [f"a heart, {STYLES['oil'].words}"]
    assert _painted("a heart --style ink", wishes) == [f"a heart, {STYLES['ink'].words}"]
    assert _painted("a heart --style none", wishes) == ["a heart"]
    assert _painted('--prompt "a heart"', wishes) == ["a heart"]


def test_words_that_grow_too_long_are_refused() -> None:
    with pytest.raises(BadWords, match="With the style ink"):
        dressed("a" * 1990, "ink")


def test_the_table_is_fit_to_be_typed_and_offered() -> None:
    assert 35 <= len(STYLES) == sum(map(len, TABLE.values()))
    for style in STYLES.values():
        assert re.fullmatch("[a-z][a-z-]{1,30}", style.name) and style.words == style.words.strip()
        assert not re.search(r"[{}|\"]|--|—", style.words), "the grammar would read these"


def test_the_page_lists_every_style_under_its_category() -> None:
    for category, found in TABLE.items():
        names = ", ".join(f"`{name}`" for name in found)
        assert f"| {category} | {names} |" in PAGE
