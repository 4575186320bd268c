"""Slash commands, what they are about, and Recipes written as words again."""

from __future__ import annotations

import pytest

from core.draft import SketchInfo, fill
from core.errors import BadWords
from core.grammar import COMMANDS, Target, clean, command, command_for, parse, target
from core.recipe import Paint
from core.wording import facts
from tests.support.cards import CARD

ID = "01JC4Q2R8F6N7V3W5X9YAB7F3K"


@pytest.mark.parametrize(
    ("typed", "name", "words"),
    [
        ("/imagine a red heart", "imagine", "a red heart"),
        ("a red heart", "imagine", "a red heart"),
        ("  /Reroll 7F3K2A --seed 5 ", "reroll", "7F3K2A --seed 5"),
        ("/queue", "queue", ""),
        ("/imagine\na {b,\nc}", "imagine", "a {b,\nc}"),
        ("a /imagine b", "imagine", "a /imagine b"),
        ("", "imagine", ""),
        *((f"/{name} x", name, "x") for name in COMMANDS),
    ],
)
def test_a_command_is_split_from_its_words(typed: str, name: str, words: str) -> None:
    assert command(typed) == (name, words)


@pytest.mark.parametrize(("typed", "near"), [("/imagin a", "/imagine"), ("/rerol", "/reroll"), ("/shwo x", "/show")])
def test_an_unknown_command_names_the_nearest(typed: str, near: str) -> None:
    with pytest.raises(BadWords) as found:
        command(typed)
    assert f"nearest is {near}." in found.value.hint
    assert found.value.at == 0


@pytest.mark.parametrize(
    ("words", "kind", "found"),
    [
        ("", "reroll", Target()),
        (ID, "show", Target(ID)),
        ("ab7f3k", "reroll", Target("AB7F3K")),
        ("AB7F3K --seed 5", "reroll", Target("AB7F3K", 5)),
        ("--seed=5", "reroll", Target(seed=5)),
        ("AB7F3K --seed -1", "reroll", Target("AB7F3K")),
        ("AB7F3K subtle", "vary", Target("AB7F3K", amount=0.15)),
        ("Strong AB7F3K --seed 9", "vary", Target("AB7F3K", 9, 0.4)),
        ("--amount 0.2", "vary", Target(amount=0.2)),
        ("AB7F3K --strength 1", "vary", Target("AB7F3K", amount=1.0)),
        ("AB7F3K x2", "upscale", Target("AB7F3K", factor=2)),
        ("AB7F3K x4 --by x4plus", "upscale", Target("AB7F3K", factor=4, by="x4plus")),
        ("×3 --by RealESRGAN_x4plus_anime_6B", "upscale", Target(factor=3, by="x4plus-anime")),
        ("--by realesr-animevideov3", "upscale", Target(by="animevideov3")),
        (
            "x4 --by large --noise-level 30 --steps 9 --guidance 4 --prompt a white cat",
            "upscale",
            Target(factor=4, by="large", steps=9, guidance=4.0, noise_level=30, prompt="a white cat"),
        ),
        ("x2", "", Target(factor=2)),
        ("AB7F3K x2 subtle --seed 5", "", Target("AB7F3K", 5, 0.15, 2)),
    ],
)
def test_what_a_command_is_about(words: str, kind: str, found: Target) -> None:
    assert target(words, kind) == found


@pytest.mark.parametrize(
    ("words", "kind", "pointed", "said"),
    [
        ("7F3K", "show", "7F3K", "no id"),
        (ID + "X", "show", ID, "no id"),
        ("AB7F3K-", "show", "AB7F3K-", "no id"),
        ("AB7F3K blue", "reroll", "blue", "no id"),
        ("AB7F3K AB7F3K", "reroll", "AB7F3K", "twice"),
        ("subtle strong", "vary", "strong", "twice"),
        ("subtle --amount 0.2", "vary", "--amount", "twice"),
        ("--amount 1.5", "vary", "1.5", "out of range"),
        ("--seed x", "reroll", "x", "whole number"),
        ("AB7F3K x5", "upscale", "x5", "enlarged x5"),
        ("AB7F3K --noise-level 2000", "upscale", "2000", "out of range"),
        ("AB7F3K --prompt a cat", "reroll", "--prompt", "/reroll does not take a prompt"),
        ("AB7F3K --by x4plus", "vary", "--by", "/vary does not take a method"),
        ("x2 --by lanczos --by x4plus", "upscale", "--by", "a method twice"),
        ("AB7F3K --seed 5", "show", "--seed", "/show does not take a seed"),
        ("AB7F3K --amount 0.5", "reroll", "--amount", "/reroll does not take an amount"),
        ("AB7F3K x2", "vary", "x2", "/vary does not take a factor"),
        ("--seed 5 AB7F3K", "reroll", "AB7F3K", "stands behind"),
        ("AB7F3K --sead 5", "reroll", "--sead", "--sead"),
    ],
)
def test_what_a_command_is_not_about(words: str, kind: str, pointed: str, said: str) -> None:
    with pytest.raises(BadWords) as found:
        target(words, kind)
    assert said in found.value.sentence
    assert found.value.at is not None
    assert words[found.value.at :].startswith(pointed)


def _recipe(words: str) -> Paint:
    return fill(parse(words, ["builtin"])[0], CARD, lambda: 7)[0][0]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (
            "a red heart --no text, blur --guidance 7.5 --sampler Euler a",
            "a red heart --seed 7 --size 128x128 --steps 20 --guidance 7.5 --sampler euler-a --model builtin"
            " --no text, blur",
        ),
        (
            '--prompt "a {b,c}" --vary 3:0.4',
            '--prompt "a {b,c}" --seed 7 --size 128x128 --steps 20 --guidance 5 --sampler ddim --model builtin'
            " --vary 3:0.4",
        ),
        (
            "a {b --no \"{x,y} --z\"",
            'a {b --seed 7 --size 128x128 --steps 20 --guidance 5 --sampler ddim --model builtin --no "{x,y} --z"',
        ),
    ],
)  # fmt: skip
def test_a_recipe_is_written_as_people_would_type_it(words: str, written: str) -> None:
    assert command_for(_recipe(words), "builtin") == written


def test_a_masked_recipe_is_written_with_its_word() -> None:
    sketch = SketchInfo("cd" * 32, 64, 64, "part", "ef" * 32)
    (draft,) = parse("a red heart --inpaint --strength 0.8", ["builtin"])
    (recipe,), _ = fill(draft.with_sketch(sketch), CARD, lambda: 7)
    written = command_for(recipe, "builtin")
    assert written.endswith("--model builtin --strength 0.8 --inpaint")
    (again,) = parse(written, ["builtin"])
    assert fill(again.with_sketch(sketch), CARD, lambda: 0)[0] == (recipe,)
    assert fill(again.with_sketch(SketchInfo("cd" * 32, 64, 64), "ef" * 32), CARD, lambda: 0)[0] == (recipe,)
    assert "inpainted" in facts(recipe, "builtin") and "inpainted" not in facts(_recipe("a"), "builtin")


def test_a_prompt_that_starts_like_a_command_is_quoted() -> None:
    written = command_for(_recipe('--prompt "/reroll x"'), "builtin")
    assert command(written) == ("imagine", written)
    assert parse(written, ["builtin"])[0].prompt == "/reroll x"


@pytest.mark.parametrize(
    ("words", "kept", "notes"),
    [
        ("a\tb\nc", "a\tb\nc", ()),
        ("a\x00\x1b[0m\r", "a[0m", ("3 control characters were taken out of the words.",)),
        ("\ud800a", "a", ("1 control character was taken out of the words.",)),
        ("\u202eא e\u0301\x7f", "\u202eא e\u0301\x7f", ()),
    ],
)
def test_clean_takes_out_what_no_database_keeps(words: str, kept: str, notes: tuple[str, ...]) -> None:
    assert clean(words) == (kept, notes)
    kept.encode()
