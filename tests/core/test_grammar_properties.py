"""What holds for any words at all: nothing but BadWords, a place within the words, and Recipes that come back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.draft import LCM_STEPS, SketchInfo, fill
from core.errors import BadWords
from core.flags import FLAGS, REFUSED
from core.grammar import PLAIN, caret, clean, command, command_for, from_argv, parse, sampler_id, target
from core.permutations import MOST
from core.recipe import SAMPLERS, SEEDS, Mask, ModelRef, Paint, Sketch, Variation
from tests.support.cards import CARD

PARTS = [
    *(f"--{name} " for flag in FLAGS for name in flag.names),
    *(f"—{name}=" for name in list(REFUSED)[:5]),
    "{", "}", ",", "|", "\\", '"', "'", "“", "”", " ", "\n", "a", "red heart", "3:2", "512x512", "-1", "7:0.5", "--",
    "nan", "1e9", "\x00", "\ud800", "é", "漢", "/", "/reroll ", "7F3K2A", "builtin", "x2", "subtle", "(a:1.3)", "[b]",
]  # fmt: skip
WORDS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PARTS), max_size=25).map("".join))


def _checked(call: Callable[[], object]) -> None:
    try:
        call()
    except BadWords as error:
        assert error.at is not None
        assert 0 <= error.at < max(len(error.words), 1)
        error.words.encode()
        error.whole().encode()
        assert error.sentence
        assert error.hint
        assert caret(error).count("\n") == (1 if error.words else 0)


@settings(max_examples=400, deadline=None)
@given(WORDS)
def test_any_words_are_read_or_refused_at_a_place(words: str) -> None:
    _checked(lambda: parse(words, ("builtin", "sd 1.5")))
    _checked(lambda: command(words))
    _checked(lambda: target(words))
    _checked(lambda: target(words, "vary"))


@settings(max_examples=200, deadline=None)
@given(WORDS)
def test_what_is_read_can_be_stored(words: str) -> None:
    try:
        drafts = parse(words, ("builtin",))
    except BadWords:
        return
    assert 1 <= len(drafts) <= MOST
    for draft in drafts:
        (draft.prompt + (draft.negative_prompt or "")).encode()
        assert "\x00" not in draft.prompt + (draft.negative_prompt or "")


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1))
def test_any_name_of_a_sampler_is_known_or_refused(name: str) -> None:
    try:
        assert sampler_id(name) in SAMPLERS
    except BadWords as error:
        assert error.at == 0


TYPED = WORDS.map(lambda words: clean(words)[0])
SMALL = st.integers(0, 10_000).map(lambda number: number / 10_000)
RECIPES = st.builds(
    Paint,
    prompt=TYPED.filter(bool),
    seed=st.integers(0, SEEDS - 1),
    width=st.integers(8, 256).map(lambda side: 8 * side),
    height=st.integers(8, 256).map(lambda side: 8 * side),
    steps=st.integers(1, 150),
    guidance=st.integers(0, 300_000).map(lambda number: number / 10_000),
    sampler=st.sampled_from(SAMPLERS),
    model=st.just(ModelRef(CARD.family, CARD.digest)),
    negative_prompt=TYPED,
    vary=st.none() | st.builds(Variation, st.integers(0, SEEDS - 1), SMALL),
).filter(lambda recipe: recipe.sampler != "lcm" or recipe.steps <= LCM_STEPS[1])


@settings(max_examples=300, deadline=None)
@given(RECIPES, st.none() | SMALL, st.booleans())
def test_a_copied_command_gives_the_same_recipe(recipe: Paint, strength: float | None, masked: bool) -> None:
    config = dict(CARD.samplers[recipe.sampler])
    whole = Paint(**{**{name: getattr(recipe, name) for name in recipe.__slots__}, "sampler_config": config})
    sketch = None
    if strength is not None and int(recipe.steps * strength) >= 1:
        sketch = SketchInfo("cd" * 32, 64, 64, "part", "ef" * 32)
        whole = Paint(
            **{name: getattr(whole, name) for name in whole.__slots__}
            | {"sketch": Sketch(sketch.digest), "strength": strength, "mask": Mask("ef" * 32) if masked else None}
        )
    written = command_for(whole, "builtin")
    name, words = command(written)
    assert name == "imagine"
    (draft,) = parse(words, ("builtin",))
    filled, _ = fill(draft if sketch is None else draft.with_sketch(sketch), CARD, lambda: 0)
    assert filled == (whole,)


@pytest.mark.parametrize("model", ["my model --x", 'a "b"', "sd-1.5", "models/a.safetensors"])
def test_a_models_name_comes_back(model: str) -> None:
    recipe = Paint("a", 1, 64, 64, 1, 1.0, "ddim", ModelRef("sd1", "00"))
    assert parse(command_for(recipe, model), (model,))[0].model == model


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PARTS)))
def test_any_shells_words_are_read_or_refused(argv: list[str]) -> None:
    _checked(lambda: parse(from_argv(argv), ("builtin",)))


@given(st.from_regex(PLAIN, fullmatch=True))
def test_plain_words_are_read_as_they_stand(words: str) -> None:
    [draft] = parse(f"{words} --seed 3 --size 64x64 --no dull", ())
    assert draft.prompt == words and draft.seed == 3
