"""What typed words become: sets, matrix and every option, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from core.draft import Draft
from core.grammar import from_argv, parse, sampler_id
from core.recipe import SAMPLERS, Variation

MODELS = ("builtin", "sd-1.5", "Dreamy")

EXPANSIONS = [
    ("a red heart", ["a red heart"]),
    (
        "horse | illustration | cinematic lighting",
        ["horse", "horse, cinematic lighting", "horse, illustration", "horse, illustration, cinematic lighting"],
    ),
    ("{moon,earth}", ["moon", "earth"]),
    (
        "a {red,blue} {cat,dog} | oil",
        [
            "a red cat", "a red dog", "a blue cat", "a blue dog",
            "a red cat, oil", "a red dog, oil", "a blue cat, oil", "a blue dog, oil",
        ],
    ),
    ("a {x", ["a {x"]),
    ("a {red, blue heart", ["a {red, blue heart"]),
    ("a {x,}", ["a x", "a"]),
    ("a {b,{c,d}}", ["a b", "a c", "a d"]),
    ("{2-4} cats", ["{2-4} cats"]),
    (r"a \{b,c\}", [r"a \{b,c\}"]),
    ("|only", ["only"]),
    ("|", [""]),
    ("", [""]),
    ("|a|b", ["b", "a", "a, b"]),
    ("a||b", ["a", "a, b"]),
    ("horse | {oil, ink}", ["horse", "horse, oil", "horse, ink"]),
    ("{a {b, c}, d}", ["a b", "a c", "d"]),
    (r"a {red\, blue, green} bird", ["a red, blue bird", "a green bird"]),
    (r"red\, blue", [r"red\, blue"]),
    (r"a {x, {b,c}", ["a {x, b", "a {x, c"]),
    ("a } {b,c}", ["a } b", "a } c"]),
    ("a {red|blue} cat", ["a {red|blue} cat"]),
    (r"a \| b", [r"a \| b"]),
    (r"a \\{b,c}", [r"a \\b", r"a \\c"]),
    (
        "a {red, green} bird in the {jungle, desert}",
        [f"a {colour} bird in the {place}" for colour in ("red", "green") for place in ("jungle", "desert")],
    ),
    ("ratio 16:9", ["ratio 16:9"]),
    ("(word:1.3), [word], hot::2", ["(word:1.3), [word], hot::2"]),
    ("one\ntwo {a,b}", ["one\ntwo a", "one\ntwo b"]),
    ("a cat — black — on a mat", ["a cat — black — on a mat"]),
    ("a -- b --5 -x", ["a -- b --5 -x"]),
    ('a sign "sale --50 --off", red', ['a sign "sale --50 --off", red']),
    ("5\" by 6\" {a,b}", ["5\" by 6\" a", "5\" by 6\" b"]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "prompts"), EXPANSIONS)
def test_sets_and_matrix_give_these_prompts_in_this_order(words: str, prompts: list[str]) -> None:
    assert [draft.prompt for draft in parse(words, MODELS)] == prompts


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("--seed 42", {"seed": 42}),
    ("--seed=42", {"seed": 42}),
    ("--seed = 42", {"seed": 42}),
    ("—seed 42", {"seed": 42}),
    ("–seed 42", {"seed": 42}),
    ("–-seed 42", {"seed": 42}),
    ("---seed 42", {"seed": 42}),
    ("--SEED 42", {"seed": 42}),
    ('--seed "42"', {"seed": 42}),
    ("--seed “42”", {"seed": 42}),
    ("--seed 4294967295", {"seed": 2**32 - 1}),
    ("--seed\n42", {"seed": 42}),
    ("--steps 150", {"steps": 150}),
    ("--guidance 7.5", {"guidance": 7.5}),
    ("--cfg 7", {"guidance": 7.0}),
    ("--scale .5", {"guidance": 0.5}),
    ("--guidance 0", {"guidance": 0.0}),
    ("--guidance -0", {"guidance": 0.0}),
    ("--size 512x768", {"width": 512, "height": 768}),
    ("--size 512 × 768", {"width": 512, "height": 768}),
    ("--ar 3:2", {"aspect": (3, 2)}),
    ("--aspect 16:9", {"aspect": (16, 9)}),
    ("--no text, blur --seed 1", {"negative_prompt": "text, blur", "seed": 1}),
    ("--negative red", {"negative_prompt": "red"}),
    (r'--no "a \"b\" \\ {c,d} --e"', {"negative_prompt": r'a "b" \ {c,d} --e'}),
    ("--no 'red, blue'", {"negative_prompt": "red, blue"}),
    ("--no don't", {"negative_prompt": "don't"}),
    ("--n 4", {"count": 4}),
    ("--count 16", {"count": 16}),
    ("--sampler Euler a --n 2", {"sampler": "euler-a", "count": 2}),
    ("--sampler DPM++ 2M Karras", {"sampler": "dpmpp-2m-karras"}),
    ("--strength 0.6", {"strength": 0.6}),
    ("--strength 0.33334", {"strength": 0.3333}),
    ("--iw 0", {"strength": 1.0}),
    ("--iw 3", {"strength": 0.0}),
    ("--iw 1", {"strength": 0.6667}),
    ("--inpaint", {"inpaint": True}),
    ("—Inpaint --seed 1", {"inpaint": True, "seed": 1}),
    ("--model SD-1.5", {"model": "sd-1.5"}),
    ("--vary 7:0.15", {"vary": Variation(7, 0.15)}),
]


@pytest.mark.parametrize(("words", "changes"), OPTIONS)
def test_options_fill_these_fields(words: str, changes: dict[str, Any]) -> None:
    assert parse(f"a red heart {words}", MODELS) == (Draft(prompt="a red heart", **changes),)


def test_options_without_words_leave_the_prompt_blank() -> None:
    assert parse("--seed 1", MODELS) == (Draft(seed=1),)


def test_sets_in_values_change_fastest() -> None:
    drafts = parse("a {red, green} bird --ar {3:2, 1:1} --no {x, y}", MODELS)
    found = [(draft.prompt, draft.aspect, draft.negative_prompt) for draft in drafts]
    colours, shapes = ("red", "green"), ((3, 2), (1, 1))
    assert found == [(f"a {c} bird", shape, no) for c in colours for shape in shapes for no in ("x", "y")]


def test_all_drafts_share_options_and_the_matrix_is_outermost() -> None:
    drafts = parse("a {b, c} | d --seed 3 --size {64x64, 128x64}", MODELS)
    assert {draft.seed for draft in drafts} == {3}
    assert [(d.prompt, d.width) for d in drafts] == [
        (prompt, width) for prompt in ("a b", "a c", "a b, d", "a c, d") for width in (64, 128)
    ]


def test_an_empty_alternative_of_no_avoids_nothing() -> None:
    assert [draft.negative_prompt for draft in parse("a --no {red,}", MODELS)] == ["red", None]


def test_repeats_stand_together_and_know_their_turn() -> None:
    drafts = parse("{a, b} --repeat 2 --n 4", MODELS)
    assert [(draft.prompt, draft.repeat, draft.count) for draft in drafts] == [
        ("a", 0, 4), ("a", 1, 4), ("b", 0, 4), ("b", 1, 4),
    ]  # fmt: skip
    assert parse("a --r 3", MODELS) == parse("a --repeat 3", MODELS)


def test_prompt_in_quotation_marks_is_not_read() -> None:
    assert parse(r'--prompt "a {b,c} | d \"--seed 4\"" --seed 5', MODELS) == (
        Draft(prompt='a {b,c} | d "--seed 4"', seed=5),
    )


def test_braces_in_quoted_values_hold_no_options() -> None:
    assert parse('--prompt "a {" --seed 5 --no "}"', MODELS) == (Draft(prompt="a {", seed=5, negative_prompt="}"),)


def test_what_is_mended_is_said() -> None:
    assert parse("a --seed -1", MODELS)[0].notes == ("--seed -1 asks for a fresh seed.",)
    assert parse("a --seed -1", MODELS)[0].seed is None
    assert parse("a --iw 1.5", MODELS)[0].notes == ("--iw 1.5 is a strength of 0.5 here.",)
    assert parse("a\x00b --seed 1", MODELS)[0].notes == ("1 control character was taken out of the words.",)
    assert parse("a --seed 1", MODELS)[0].notes == ()


def test_sixteen_drafts_are_allowed() -> None:
    assert len(parse("{a,b}{c,d}{e,f}{g,h}", MODELS)) == 16
    assert len(parse("|a|b|c|d", MODELS)) == 15
    assert len(parse("|{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p}", MODELS)) == 16


SAMPLER_NAMES = {
    "Euler a": "euler-a",
    "Euler": "euler",
    "DPM++ 2M": "dpmpp-2m",
    "DPM++ 2M Karras": "dpmpp-2m-karras",
    "DPM++ 2M SDE": "dpmpp-2m-sde",
    "DPM++ 2M SDE Karras": "dpmpp-2m-sde-karras",
    "DDIM": "ddim",
    "PLMS": "plms",
    "LMS": "lms",
    "LMS Karras": "lms-karras",
    "Heun": "heun",
    "UniPC": "unipc",
    "uni_pc": "unipc",
    "LCM": "lcm",
    "plms": "plms",
    "pndm": "plms",
    "dpm_solver": "dpmpp-2m",
    "k_euler_a": "euler-a",
    "euler_ancestral": "euler-a",
    "dpmpp_2m_k": "dpmpp-2m-karras",
    "DDIMScheduler": "ddim",
    "PNDMScheduler": "plms",
    "EulerDiscreteScheduler": "euler",
    "EulerAncestralDiscreteScheduler": "euler-a",
    "DPMSolverMultistepScheduler": "dpmpp-2m",
    "HeunDiscreteScheduler": "heun",
    "LMSDiscreteScheduler": "lms",
    "LCMScheduler": "lcm",
    "UniPCMultistepScheduler": "unipc",
    **{sampler: sampler for sampler in SAMPLERS},
}


@pytest.mark.parametrize(("name", "sampler"), SAMPLER_NAMES.items())
def test_other_tools_names_of_samplers(name: str, sampler: str) -> None:
    assert sampler_id(name) == sampler


def test_a_shells_words_read_like_a_chats() -> None:
    argv = ["a {red, blue} heart", "--sampler", "Euler a", "--no", "text, blur"]
    assert parse(from_argv(argv), MODELS) == parse("a {red, blue} heart --sampler Euler a --no text, blur", MODELS)
    # The shell took the outer marks away.
    assert parse(from_argv(["--prompt", 'a {b,c} "d" --x', "--seed", "5"]), MODELS) == (
        Draft(prompt='a {b,c} "d" --x', seed=5),
    )
