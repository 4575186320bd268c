"""What typed words are refused for, and the sign each refusal points at."""

from __future__ import annotations

import time

import pytest

from core.errors import BadWords
from core.grammar import caret, parse, sampler_id
from core.unheld import REFUSED
from core.words import LONGEST

MODELS = ("builtin", "sd-1.5")

REFUSALS = [
    ("a --sead 5", "--sead", "--seed"),
    ("a --sampel ddim", "--sampel", "--sampler"),
    ("a —stepz 5", "—stepz", "--steps"),
    ("a —black cat", "—black", "blank behind the dash"),
    ("a --ar3:2", "--ar3", "--ar"),
    ("a --no-flag", "--no-flag", "--no"),
    ("a (--sead 5)", "--sead", "--seed"),
    ("a --seed", "--seed", "value"),
    ("a --seed --steps 5", "--seed --", "value"),
    ("a --sampler", "--sampler", "ddim"),
    ("a --seed x", "x", "4294967295"),
    ("a --seed 1.5", "1.5", "4294967295"),
    ("a --seed ４", "４", "4294967295"),
    ("a --seed 1_0", "1_0", "4294967295"),
    ("a --seed 4294967296", "4294967296", "4294967295"),
    ("a --seed -2", "-2", "4294967295"),
    ("a --seed 5 heart", "heart", "first"),
    ("a --seed 5, heart", "heart", "first"),
    ("a --steps 0", "0", "1 to 150"),
    ("a --steps 151", "151", "1 to 150"),
    ("a --steps 20.0", "20.0", "1 to 150"),
    ("a --guidance nan", "nan", "0 to 30"),
    ("a --guidance inf", "inf", "0 to 30"),
    ("a --guidance 1e400", "1e400", "0 to 30"),
    ("a --guidance 30.5", "30.5", "0 to 30"),
    ("a --guidance 7,5", "7,5", "point"),
    ("a --size 512", "512", "512x768"),
    ("a --size 512x513", "513", "512"),
    ("a --size 60x64", "60", "64 to 2048"),
    ("a --size 64x4096", "4096", "64 to 2048"),
    ("a --size 64x64 heart", "heart", "first"),
    ("a --ar 3x2", "3x2", "3:2"),
    ("a --ar 0:2", "0:2", "1 to 10000"),
    ("a --ar 9:2", "9:2", "4:1"),
    ("a {x, y} --ar {3:2, nine}", "nine", "3:2"),
    ("a --seed {1, {2, x}}", "x}}", "4294967295"),
    ("a --seed {1,}", "--seed", "value"),
    ("a --n 0", "0", "1 to 16"),
    ("a --n 17", "17", "1 to 16"),
    ("a --strength 1.1", "1.1", "0 to 1"),
    ("a --iw 4", "4", "0 to 3"),
    ("a --inpaint the sky", "the sky", "first"),
    ("a --inpaint --inpaint", "--inpaint", "once"),
    ("a --inpant", "--inpant", "--inpaint"),
    ("a --sampler Eulr", "Eulr", "euler"),
    ("a --model biltin", "biltin", "builtin"),
    ("a --model ../../etc/passwd", "../../etc/passwd", "builtin"),
    ("a --vary 7", "7", "7:0.15"),
    ("a --vary 7:2", "2", "0 to 1"),
    ("a --vary :", "--vary", "value"),
    ("a --seed 1 --seed 2", "--seed 2", "once"),
    ("a --cfg 1 --guidance 2", "--guidance 2", "once"),
    ("a --ar 1:1 --size 64x64", "--size", "one of them"),
    ("a --strength 0.5 --iw 1", "--iw", "one of them"),
    ("a --iw 1 --strength 0.5", "--strength", "one of them"),
    ("a {--ar 3:2, --seed 5}", "--ar", "--ar {3:2, 1:1}"),
    ("a --{ar 3:2, seed 5}", "--{", "--ar {3:2, 1:1}"),
    ('a --no "x', '"x', "Put another"),
    ('a --no "x" y', "y", "first"),
    ('a --prompt "b"', 'a --prompt "b"', "once"),
    ("--prompt b", "b", "{b, c}"),
    ("{a,b}{a,b}{a,b}{a,b} --no {a,b}", "{a,b}", "fewer"),
    ("a --repeat 17", "17", "1 to 16"),
    ("{a,b} --repeat 9", "--repeat 9", "fewer"),
    ("a | b | c | d | e | f", "| b", "fewer"),
]


@pytest.mark.parametrize(("words", "pointed", "hint"), REFUSALS)
def test_refused_with_the_caret_under_it(words: str, pointed: str, hint: str) -> None:
    with pytest.raises(BadWords) as found:
        parse(words, MODELS)
    assert found.value.at is not None
    assert found.value.words == words
    assert words[found.value.at :].startswith(pointed)
    assert hint in found.value.hint


@pytest.mark.parametrize("name", REFUSED)
def test_other_tools_options_are_refused_in_words(name: str) -> None:
    with pytest.raises(BadWords) as found:
        parse(f"a heart --{name} 5", MODELS)
    assert found.value.sentence == f"--{name} does not work here: there is no {REFUSED[name][0]}."
    assert found.value.hint == REFUSED[name][1]
    assert found.value.at == 8


def test_stylize_names_guidance_as_nearest() -> None:
    with pytest.raises(BadWords, match="stylize") as found:
        parse("a --s 250", MODELS)
    assert "guidance" in found.value.hint


def test_two_thousand_characters_are_allowed_and_one_more_is_refused() -> None:
    assert parse("x" * LONGEST, MODELS)[0].prompt == "x" * LONGEST
    with pytest.raises(BadWords, match="2,001 characters") as found:
        parse("x" * 2001, MODELS)
    assert found.value.at == 2000
    with pytest.raises(BadWords, match="100,000 characters"):
        parse("x" * 100_000, MODELS)


@pytest.mark.parametrize(
    "words",
    ["{a,b}" * 400, "a|" * 1000, "{a," * 450 + "b" + "}" * 450, "{" * 2000, "{a," * 600, "-" * 2000, '"' * 2000],
    ids=["sets", "matrix", "nested", "open", "commas", "dashes", "marks"],
)
def test_nothing_blows_up(words: str) -> None:
    start = time.process_time()
    try:
        found = parse(words, MODELS)
    except BadWords as error:
        assert "prompts; 16 is the most" in error.sentence
    else:
        assert [draft.prompt for draft in found] == [words]
    assert time.process_time() - start < 1


def test_no_models_no_nearest_one() -> None:
    with pytest.raises(BadWords) as found:
        parse("a --model x", ())
    assert found.value.hint == "No model is registered yet."


def test_sampler_id_names_the_nearest() -> None:
    with pytest.raises(BadWords) as found:
        sampler_id("DPM++ 2M Keras")
    assert "nearest is dpmpp-2m-karras" in found.value.hint


@pytest.mark.parametrize(
    ("words", "picture"),
    [
        ("a heart --sead 5", "a heart --sead 5\n        ^"),
        ("one\ntwo --sead 5\nthree", "two --sead 5\n    ^"),
        ("漢字 --sead 5", "漢字 --sead 5\n     ^"),
        ("e\u0301 --sead 5", "e\u0301 --sead 5\n  ^"),
        ("a\tb\u202e\x9b --sead 5", "a b·· --sead 5\n      ^"),
        ("x" * 100 + " --sead 5 " + "y" * 100, f"…{'x' * 35} --sead 5 {'y' * 27}…\n{' ' * 37}^"),
    ],
)
def test_caret_stands_under_the_mistake(words: str, picture: str) -> None:
    with pytest.raises(BadWords) as found:
        parse(words, MODELS)
    assert caret(found.value) == picture


def test_no_caret_without_a_place() -> None:
    assert caret(BadWords("no")) == ""
    assert caret(BadWords("no", at=3)) == ""
