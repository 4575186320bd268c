"""How a Draft's blanks are filled, what is refused, and what a Recipe costs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from core.cost import calls, cost
from core.draft import Draft, SketchInfo, fill
from core.errors import BadWords, ModelUnavailable
from core.recipe import SEEDS, Mask, Paint, Sketch, Upscale, Variation
from tests.support.cards import CARD, card

SKETCH = SketchInfo("cd" * 32, 300, 200)
HOLED = SketchInfo("cd" * 32, 300, 200, "part", "ef" * 32)
CLEAR = SketchInfo("cd" * 32, 300, 200, "whole")


def _one(draft: Draft, **changes: Any) -> Paint:
    return fill(draft, card(**changes), lambda: 7)[0][0]


def test_blanks_take_the_models_defaults_and_a_fresh_seed() -> None:
    found = _one(Draft("a red heart"))
    assert (found.prompt, found.seed, found.width, found.height) == ("a red heart", 7, 128, 128)
    assert (found.steps, found.guidance, found.sampler) == (20, 5.0, "ddim")
    assert (found.negative_prompt, found.sketch, found.strength, found.vary) == ("", None, None, None)
    assert found.sampler_config == CARD.samplers["ddim"]
    assert (found.model.family, found.model.digest) == (CARD.family, CARD.digest)


def test_picture_k_has_seed_plus_k_and_wraps_round() -> None:
    recipes, _ = fill(Draft("a", seed=SEEDS - 2, count=4), CARD, lambda: 7)
    assert [recipe.seed for recipe in recipes] == [SEEDS - 2, SEEDS - 1, 0, 1]
    assert [replace(recipe, seed=0) for recipe in recipes] == [replace(recipes[0], seed=0)] * 4


@pytest.mark.parametrize("seed", [None, 7])
def test_repeats_go_on_where_the_pictures_before_them_ended(seed: int | None) -> None:
    found = [fill(Draft("a", seed=seed, count=2, repeat=turn), CARD, lambda: 7)[0] for turn in range(3)]
    assert [recipe.seed for recipes in found for recipe in recipes] == [7, 8, 9, 10, 11, 12]


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"width": 512, "height": 768}, (512, 768)),
        ({"width": 64, "height": 2048}, (64, 2048)),
        ({"aspect": (1, 1)}, (512, 512)),
        ({"aspect": (3, 2)}, (640, 448)),
        ({"aspect": (2, 3)}, (448, 640)),
        ({"aspect": (4, 1)}, (1024, 256)),
        ({"aspect": (6000, 4000)}, (640, 448)),
        ({"sketch": SKETCH}, (640, 448)),
        ({"sketch": SKETCH, "aspect": (1, 1)}, (512, 512)),
        ({"sketch": SKETCH, "width": 64, "height": 72}, (64, 72)),
    ],
)
def test_size_is_as_typed_or_the_aspect_at_the_models_pixel_count(
    changes: dict[str, Any], size: tuple[int, int]
) -> None:
    found = _one(Draft("a", **changes), width=512, height=512, multiple=64)
    assert (found.width, found.height) == size


def test_an_aspect_keeps_the_multiple_of_a_small_model() -> None:
    found = _one(Draft("a", aspect=(4, 1)))
    assert (found.width, found.height) == (256, 64)


@pytest.mark.parametrize(
    ("strength", "steps", "left"),
    [(0.29, 100, 28), (0.58, 50, 28), (0.57, 100, 56), (0.8, 50, 40), (1.0, 20, 20), (0.05, 20, 1)],
)
def test_strength_leaves_as_many_steps_as_diffusers_makes(strength: float, steps: int, left: int) -> None:
    found = _one(Draft("a", steps=steps, strength=strength, sketch=SKETCH))
    assert found.strength == strength
    assert found.steps - found.first_step == left == calls(found)
    assert found.sketch == Sketch(SKETCH.digest)


@pytest.mark.parametrize("steps", range(1, 151))
def test_strength_is_raised_to_one_step_and_says_so(steps: int) -> None:
    recipes, notes = fill(Draft("a", steps=steps, strength=0.0, sketch=SKETCH), CARD, lambda: 7)
    (found,) = recipes
    assert found.strength is not None
    assert int(steps * found.strength) == 1
    assert int(steps * round(found.strength - 0.0001, 4)) < 1
    assert len(notes) == 1
    assert notes[0].startswith(f"Strength 0 leaves no step of {steps}: raised to {found.strength:g}")


def test_strength_is_rounded_before_it_is_counted() -> None:
    recipes, notes = fill(Draft("a", steps=3, strength=0.33334, sketch=SKETCH), CARD, lambda: 7)
    assert recipes[0].strength == 0.3334
    assert len(notes) == 1


def test_the_models_strength_is_the_default_of_a_sketch() -> None:
    assert _one(Draft("", sketch=SKETCH)).strength == 0.75


def test_transparent_pixels_mean_white_paper_unless_inpaint_is_said() -> None:
    assert _one(Draft("a", sketch=HOLED)).mask is None
    asked = _one(Draft("a", sketch=HOLED, inpaint=True))
    assert (asked.sketch, asked.mask, asked.strength) == (Sketch(HOLED.digest), Mask("ef" * 32), 1.0)
    assert _one(Draft("a", sketch=HOLED, inpaint=True, strength=0.5)).strength == 0.5


def test_a_mask_given_apart_makes_the_same_recipe_and_goes_before_the_sketchs_own() -> None:
    said, given = Draft("a", inpaint=True, sketch=HOLED), Draft("a").with_sketch(SKETCH, "ef" * 32)
    assert _one(said) == _one(given) == _one(replace(given, inpaint=True, sketch=HOLED))
    assert _one(replace(said, mask="ab" * 32)).mask == Mask("ab" * 32)
    assert _one(replace(said, sketch=CLEAR, mask="ab" * 32)).mask == Mask("ab" * 32)


@pytest.mark.parametrize(
    ("changes", "given", "said"),
    [
        ({"inpaint": True}, {}, "needs a sketch and a mask"),
        ({"inpaint": True}, {"sketch": HOLED}, "needs a sketch and a mask"),
        ({"masks": False}, {"sketch": HOLED, "inpaint": True}, "cannot paint a part"),
        ({"masks": False}, {"sketch": SKETCH, "mask": "ab" * 32}, "cannot paint a part"),
    ],
)
def test_a_model_that_needs_a_mask_or_knows_none_is_refused_at_accept(
    changes: dict[str, Any], given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadWords, match=said) as found:
        _one(Draft("a", **given), **changes)
    assert found.value.hint
    assert _one(Draft("a", sketch=HOLED, inpaint=True), inpaint=True).mask == Mask("ef" * 32)


def test_guidance_and_variation_are_kept_at_four_places() -> None:
    found = _one(Draft("a", guidance=1.00001, vary=Variation(3, 0.123456)))
    assert (found.guidance, found.guided) == (1.0, False)
    assert found.vary == Variation(3, 0.1235)
    assert math.copysign(1, _one(Draft("a", guidance=-0.0)).guidance) == 1


NOTED = [
    (Draft("a", negative_prompt="b", guidance=1.0), {}, "--no"),
    (Draft("a", negative_prompt="b"), {"negative": False}, "--no"),
    (Draft("a", strength=0.5), {}, "--strength"),
]


@pytest.mark.parametrize(("draft", "changes", "said"), NOTED)
def test_what_has_no_effect_is_said(draft: Draft, changes: dict[str, Any], said: str) -> None:
    _, notes = fill(draft.noted("before"), card(**changes), lambda: 7)
    assert notes[0] == "before"
    assert said in notes[1]
    assert len(notes) == 2


def test_nothing_is_said_where_nothing_was_mended() -> None:
    assert fill(Draft("a", negative_prompt="b", strength=0.5, sketch=SKETCH), CARD, lambda: 7)[1] == ()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"prompt": ""}, "nothing to paint"),
    ({"count": 0}, "--n 0"),
    ({"count": 17}, "--n 17"),
    ({"steps": 0}, "--steps 0"),
    ({"steps": 151}, "--steps 151"),
    ({"steps": 20.5}, "--steps takes a whole number"),
    ({"steps": True}, "--steps takes a whole number"),
    ({"steps": "20"}, "--steps takes a whole number"),
    ({"guidance": math.nan}, "--guidance nan"),
    ({"guidance": math.inf}, "--guidance inf"),
    ({"guidance": -0.1}, "--guidance -0.1"),
    ({"guidance": 30.1}, "--guidance 30.1"),
    ({"guidance": "7"}, "--guidance takes a number"),
    ({"seed": -1}, "--seed -1"),
    ({"seed": SEEDS}, f"--seed {SEEDS}"),
    ({"width": 513, "height": 512}, "513 is no multiple of 8"),
    ({"width": 512, "height": 60}, "--size 60"),
    ({"width": 0, "height": 64}, "--size 0"),
    ({"width": 2056, "height": 64}, "--size 2056"),
    ({"width": 512}, "goes with its height"),
    ({"height": 512}, "goes with its height"),
    ({"width": 512, "height": 512, "aspect": (1, 1)}, "say the same"),
    ({"aspect": (0, 0)}, "--ar 0"),
    ({"aspect": (-3, -2)}, "--ar -3"),
    ({"aspect": (9, 2)}, "--ar 9:2 is too narrow"),
    ({"sampler": "euler-b"}, "no sampler euler-b"),
    ({"sketch": SKETCH, "strength": 1.1}, "--strength 1.1"),
    ({"sketch": SKETCH, "strength": math.nan}, "--strength nan"),
    ({"inpaint": True}, "--inpaint needs a sketch"),
    ({"inpaint": True, "sketch": SKETCH}, "no transparent part"),
    ({"inpaint": True, "sketch": CLEAR}, "All of the sketch is transparent"),
    ({"vary": Variation(1, 1.5)}, "--vary 1.5"),
    ({"vary": Variation(-1, 0.5)}, "--vary -1"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_what_cannot_be_painted_is_refused_with_what_to_do(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BadWords) as found:
        fill(Draft(**{"prompt": "a", **changes}), CARD, lambda: 7)
    assert said in found.value.sentence
    assert found.value.hint


def test_the_nearest_size_is_named() -> None:
    with pytest.raises(BadWords) as found:
        fill(Draft("a", width=100, height=64), CARD, lambda: 7)
    assert found.value.hint == "The nearest is 96."


@pytest.mark.parametrize("state", ["reading", "broken"])
def test_a_model_that_is_not_ready_paints_nothing(state: str) -> None:
    with pytest.raises(ModelUnavailable, match="being read"):
        fill(Draft("a"), card(state=state, why="being read (40 %)"), lambda: 7)


@pytest.mark.parametrize(
    ("sampler", "model_calls"),
    [("ddim", 20), ("euler-a", 20), ("heun", 39), ("heun-karras", 39), ("plms", 21), ("dpmpp-2m-sde-karras", 20)],
)
def test_cost_is_pixels_times_model_calls_times_two_if_guided(sampler: str, model_calls: int) -> None:
    guided = _one(Draft("a", sampler=sampler))
    assert calls(guided) == model_calls
    assert cost(guided) == 128 * 128 * model_calls * 2
    assert cost(replace(guided, guidance=1.0)) == 128 * 128 * model_calls


def test_a_sketch_costs_the_steps_that_are_made() -> None:
    found = _one(Draft("a", sketch=SKETCH, strength=0.5, width=128, height=64))
    assert cost(found) == 128 * 64 * 10 * 2
    assert calls(replace(found, sampler="heun")) == 19


def test_an_enlargement_costs_its_pixels() -> None:
    assert cost(Upscale("ab", 256, 128)) == 256 * 128
    assert calls(Upscale("ab", 256, 128)) == 0
