"""How LoRAs and embeddings are named in words, which Model takes which, and how they stand in Recipes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.addons import SCALE, AddOns, EmbeddingCard, LoraCard, LoraWish, check
from core.asking import with_options
from core.defaults import Defaults, typed
from core.draft import Draft, fill
from core.errors import BadWords, CannotReproduce, ModelUnavailable
from core.grammar import command_for, parse
from core.recipe import Embedding, Lora, Paint, digest, from_json, to_json
from core.sheet import addon_sheets
from core.telling import addon_lines
from tests.support.cards import card

INK, GRAIN, LARGE = "1a" * 32, "0b" * 32, "2c" * 32
BESIDE = AddOns(
    (
        LoraCard("ink", INK, 768, 4, "ready"),
        LoraCard("film Grain.v2", GRAIN, 0, 8, "ready"),
        LoraCard("large", LARGE, 2048, 8, "ready"),
        LoraCard("late", "", 768, 8, "reading", "its file is being read"),
        LoraCard("odd", "", 0, 0, "broken", "It holds no layers of a LoRA."),
    ),
    (
        EmbeddingCard("bad-hands", "3d" * 32, (768,), 2, "ready"),
        EmbeddingCard("glow", "4e" * 32, (768, 1280), 1, "ready"),
    ),
)
SD1 = card(text_widths=(768,))


def made(words: str, **changes: object) -> tuple[Paint, tuple[str, ...]]:
    recipes, notes = fill(parse(words, ("tiny",))[0], replace(SD1, **changes), lambda: 7, BESIDE)  # type: ignore[arg-type]
    return recipes[0], notes


@pytest.mark.parametrize(
    ("words", "prompt", "loras"),
    [
        ("a fox <lora:ink:0.8>, red", "a fox, red", {INK: 0.8}),
        ("<lora:INK> a fox", "a fox", {INK: 1.0}),
        ("a fox --lora ink:-.5", "a fox", {INK: -0.5}),
        ("a fox --lora film Grain.v2:1.25, ink", "a fox", {GRAIN: 1.25, INK: 1.0}),
        ("a fox <lora:ink:2> --lora film grain.v2", "a fox", {GRAIN: 1.0, INK: 2.0}),
        ("a fox --lora ink --steps 4 --lora 'film Grain.v2:0.3'", "a fox", {GRAIN: 0.3, INK: 1.0}),
        (f"a fox --lora {INK[:10]}:0.5", "a fox", {INK: 0.5}),
        ('--prompt "a <lora:ink:1> fox"', "a <lora:ink:1> fox", {}),
    ],
)
def test_words_name_loras(words: str, prompt: str, loras: dict[str, float]) -> None:
    recipe, notes = made(words)
    assert (recipe.prompt, notes) == (prompt, ())
    assert list(recipe.loras) == [Lora(*each) for each in sorted(loras.items())]
    assert from_json(to_json(recipe)) == recipe


def test_sets_and_the_order_they_are_typed_in() -> None:
    drafts = parse("a {fox, cat} <lora:ink:{0.5, 1}>", ())
    assert [(draft.prompt, draft.loras) for draft in drafts] == [
        (f"a {animal}", (LoraWish("ink", scale),)) for animal in ("fox", "cat") for scale in (0.5, 1.0)
    ]
    assert digest(made("a --lora ink, film Grain.v2")[0]) == digest(made("a --lora film Grain.v2, ink")[0])
    assert digest(made("a --lora ink")[0]) != digest(made("a --lora ink:0.9")[0]) != digest(made("a")[0])


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        ("a --lora inc", 'There is no LoRA "inc".', "The nearest is ink."),
        ("a <lora:>", "A LoRA needs a name.", "name:0.8"),
        ("a --lora", "A LoRA needs a name.", "name:0.8"),
        ("a <lora:ink:strong>", 'The weight of the LoRA "ink" is a number, not "strong".', "name:0.8"),
        ("a <lora:ink:0.5:0.7>", 'The weight of the LoRA "ink" is a number, not "0.5:0.7".', ""),
        ("a --lora ink:nan", 'is a number, not "nan"', ""),
        (f"a --lora ink:{SCALE[1] + 0.1}", "is out of range", "-4 to 4"),
        ("a --lora ink, INK:0.5", "The LoRA ink stands twice.", "once"),
        (f"a <lora:ink:1> --lora {INK[:12]}", "The LoRA ink stands twice.", "once"),
        ("a --lora large", "is for Stable Diffusion XL; the model builtin is Stable Diffusion 1.", "another model"),
        ("a --lora " + ",".join(["ink"] * 9), "These words ask for 9 LoRAs; 8 is the most.", ""),
    ],
)
def test_what_cannot_be_meant_is_said(words: str, said: str, hint: str) -> None:
    with pytest.raises(BadWords) as refused:
        made(words)
    assert said in refused.value.sentence and hint in refused.value.hint


@pytest.mark.parametrize(("name", "said"), [("late", "is not ready"), ("odd", "It holds no layers of a LoRA.")])
def test_a_file_that_cannot_be_used_yet_or_at_all_is_said(name: str, said: str) -> None:
    with pytest.raises(ModelUnavailable, match=said):
        made(f"a --lora {name}")


def test_a_model_without_text_of_its_own_takes_none() -> None:
    with pytest.raises(BadWords, match="The model builtin takes no LoRA"):
        made("a --lora ink", text_widths=())
    assert made("a bad-hands", text_widths=())[0].embeddings == ()


def test_no_weight_is_no_lora_and_said() -> None:
    recipe, notes = made("a --lora ink:0")
    assert recipe == made("a")[0] and notes == ("The LoRA ink has no effect at weight 0.",)


@pytest.mark.parametrize(
    ("words", "tokens"),
    [
        ("a fox --no bad-hands, blur", ["bad-hands"]),
        ("a (Bad-Hands:1.2) fox", ["bad-hands"]),
        ("a very-bad-hands fox", []),
        ("a bad-handsome fox", []),
        ("a bad hands fox", []),
    ],
)
def test_an_embedding_is_named_by_a_word_of_its_own(words: str, tokens: list[str]) -> None:
    recipe, notes = made(words)
    assert [each.token for each in recipe.embeddings] == tokens and not [note for note in notes if "embedding" in note]
    assert from_json(to_json(recipe)) == recipe


def test_an_embedding_for_another_family_is_said() -> None:
    recipe, notes = made("a glow --no bad-hands --guidance 5")
    assert recipe.embeddings == (Embedding("bad-hands", "3d" * 32),)
    assert notes == ("The embedding glow is for Stable Diffusion XL: here it is read as plain words.",)


def test_words_to_copy_name_them_and_give_the_same_recipe() -> None:
    recipe, _ = made("a fox <lora:ink:0.8> --lora film Grain.v2:-0.25 --no bad-hands")
    written = command_for(recipe, "tiny", names=BESIDE.names)
    assert '--lora "film Grain.v2:-0.25, ink:0.8"' in written
    assert made(written)[0] == recipe
    gone = command_for(recipe, "tiny")
    assert f"{GRAIN[:10]}:-0.25" in gone and made(gone)[0] == recipe


def test_a_recipe_of_the_log_needs_what_it_was_painted_with() -> None:
    recipe, _ = made("a fox --lora ink --no bad-hands")
    check(recipe, BESIDE)
    with pytest.raises(CannotReproduce, match="The LoRA it was painted with"):
        check(recipe, replace(BESIDE, loras=BESIDE.loras[1:]))
    with pytest.raises(CannotReproduce, match='The embedding "bad-hands"'):
        check(recipe, replace(BESIDE, embeddings=BESIDE.embeddings[1:]))


def test_no_default_names_a_lora() -> None:
    with pytest.raises(BadWords, match="A LoRA cannot be a default"):
        typed("--lora ink", ())
    with pytest.raises(BadWords, match="A LoRA cannot be a default"):
        Defaults().changed({"suffix": "inked <lora:ink:1>"})


def test_each_is_listed_with_what_it_is_for_or_why_it_cannot_be_used() -> None:
    lines = addon_lines(addon_sheets(BESIDE))
    assert lines[:2] == [
        "LoRA ink: 1a1a1a1a1a, for Stable Diffusion 1, rank 4",
        "LoRA film Grain.v2: 0b0b0b0b0b, for any family, rank 8",
    ]
    assert lines[4:6] == [
        "LoRA odd: broken. It holds no layers of a LoRA.",
        "embedding bad-hands: 3d3d3d3d3d, for Stable Diffusion 1, 2 vectors",
    ]


def test_options_apart_from_the_words_name_them_too() -> None:
    plain = Draft("a fox")
    assert with_options(plain, {"loras": "ink:0.5, large"}).loras == (LoraWish("ink", 0.5), LoraWish("large", 1.0))
    with pytest.raises(BadWords, match="loras is given twice: ink:0.5 in the words and large as an option"):
        with_options(parse("a fox <lora:ink:0.5>", ())[0], {"loras": "large"})


def test_loras_do_not_change_what_a_draft_without_them_is() -> None:
    assert "loras" not in to_json(made("a")[0]) and "embeddings" not in to_json(made("a")[0])
    assert fill(Draft("a"), SD1, lambda: 7)[0] == fill(Draft("a"), SD1, lambda: 7, BESIDE)[0]
