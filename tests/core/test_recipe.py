"""Recipes: one canonical form and one digest, the same for ever, whatever way they were built."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.plain import real
from core.recipe import (
    Control,
    Embedding,
    Lora,
    Mask,
    ModelRef,
    Paint,
    Part,
    Sketch,
    Upscale,
    Variation,
    canonical,
    digest,
    from_json,
    to_json,
)

GOLDEN = json.loads((Path(__file__).parent / "golden_recipes.json").read_text(encoding="utf-8"))
PLAIN = Paint("a red heart", 7, 128, 128, 20, 5.0, "ddim", ModelRef("sd1", "ab" * 32))
WHOLE = Paint(
    prompt="a \"red\" heart, 漢字\n",
    seed=2**32 - 1,
    width=512,
    height=768,
    steps=50,
    guidance=7.5,
    sampler="dpmpp-2m-karras",
    model=ModelRef("sd1", "cd" * 32),
    sampler_config={"class": "DPMSolverMultistepScheduler", "beta_start": 0.00085, "eta": 0.123456, "list": [1, 2.5]},
    negative_prompt="blur",
    sketch=Sketch("ef" * 32),
    strength=0.6,
    vary=Variation(3, 0.15),
    loras=(Lora("12" * 32, 0.8), Lora("34" * 32, 1.0)),
    clip_skip=1,
    eta=0.5,
    watermark="Limner",
    mask=Mask("56" * 32),
    embeddings=(Embedding("glow", "78" * 32),),
    control=Control("canny", "9f" * 32, 0.75, 0.1, 0.6),
    blend=(Part("a red heart", 2.0), Part("a star", -0.5)),
)  # fmt: skip


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden["name"])
def test_golden_recipes_keep_their_digest(golden: dict[str, Any]) -> None:
    recipe = from_json(golden["recipe"])
    assert digest(recipe) == golden["digest"]
    assert to_json(recipe) == golden["recipe"]


def test_there_are_twenty_golden_recipes_and_no_two_alike() -> None:
    assert len({golden["digest"] for golden in GOLDEN}) == len(GOLDEN) == 20


def test_the_digest_is_sha256_of_a_line_and_the_canonical_json() -> None:
    for golden in GOLDEN:
        text = json.dumps(golden["recipe"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(b"limner-recipe-1\n" + text.encode()).hexdigest() == golden["digest"]


def test_a_field_at_its_default_is_left_out() -> None:
    assert canonical(PLAIN) == (
        '{"guidance":5.0,"height":128,"model":{"digest":"' + "ab" * 32 + '","family":"sd1"},"op":"paint",'
        '"prompt":"a red heart","sampler":"ddim","seed":7,"steps":20,"v":1,"width":128}'
    )
    named = replace(PLAIN, sampler_config={}, negative_prompt="", loras=(), clip_skip=0, eta=0.0, watermark="")
    assert digest(named) == digest(PLAIN)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"guidance": 5}, {"guidance": 5.0}),
        ({"guidance": 0.0}, {"guidance": -0.0}),
        ({"guidance": 0.1 + 0.2}, {"guidance": 0.3}),
        ({"eta": -0.0}, {}),
        ({"eta": 0}, {}),
        ({"eta": 0.00001}, {}),
        ({"strength": 1}, {"strength": 1.0}),
        ({"strength": 0.29}, {"strength": 0.29000000001}),
        ({"vary": Variation(1, 1)}, {"vary": Variation(1, 1.0)}),
        ({"blend": (Part("a", 1),)}, {"blend": (Part("a", 1.00001),)}),
        ({"loras": (Lora("ab", 1),)}, {"loras": (Lora("ab", 1.00001),)}),
        ({"sampler_config": {"a": 1, "b": 2}}, {"sampler_config": {"b": 2, "a": 1}}),
    ],
)
def test_what_means_the_same_has_one_digest(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert digest(replace(PLAIN, **left)) == digest(replace(PLAIN, **right))


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a red heart "}, {"seed": 8}, {"width": 136}, {"height": 136}, {"steps": 21}, {"guidance": 5.0001},
        {"sampler": "plms"}, {"model": ModelRef("sd1", "cd" * 32)}, {"model": ModelRef("sd2", "ab" * 32)},
        {"sampler_config": {"a": 1}}, {"sampler_config": {"eta": 0.00001}}, {"negative_prompt": "x"},
        {"sketch": Sketch("ab")}, {"strength": 0.0}, {"vary": Variation(0, 0.0)}, {"loras": (Lora("ab", 1.0),)},
        {"clip_skip": 1}, {"eta": 0.0001}, {"watermark": "x"}, {"mask": Mask("ab")},
        {"embeddings": (Embedding("glow", "ab"),)}, {"control": Control("canny", "ab")},
        {"blend": (Part("a red heart", 1.0),)},
    ],
)  # fmt: skip
def test_what_differs_has_another_digest(change: dict[str, Any]) -> None:
    assert digest(replace(PLAIN, **change)) != digest(PLAIN)


def test_every_field_of_a_recipe_is_in_its_digest() -> None:
    tried = {"prompt", "seed", "width", "height", "steps", "guidance", "sampler", "model", "sampler_config",
             "negative_prompt", "sketch", "strength", "vary", "loras", "clip_skip", "eta", "watermark",
             "mask", "embeddings", "control", "blend"}  # fmt: skip
    assert {spec.name for spec in fields(Paint)} == tried
    assert set(to_json(WHOLE)) == tried | {"v", "op"}


@pytest.mark.parametrize("recipe", [PLAIN, WHOLE, Upscale("ab" * 32, 256, 256)])
def test_a_recipe_comes_back_from_its_json(recipe: Paint | Upscale) -> None:
    assert from_json(json.loads(canonical(recipe))) == recipe


def test_a_samplers_own_numbers_are_not_rounded() -> None:
    config = to_json(WHOLE)["sampler_config"]
    assert config == {"class": "DPMSolverMultistepScheduler", "beta_start": 0.00085, "eta": 0.123456, "list": [1, 2.5]}


@pytest.mark.parametrize(
    "change",
    [
        {"guidance": math.nan},
        {"guidance": math.inf},
        {"vary": Variation(1, math.nan)},
        {"sampler_config": {"a": math.nan}},
        {"sampler_config": {"a": [math.inf]}},
    ],
)
def test_what_is_no_number_has_no_digest(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="nan|inf"):
        digest(replace(PLAIN, **change))


BROKEN: list[dict[str, Any]] = [
    {"v": 2},
    {"op": "melt"},
    {"extra": 1},
    {"prompt": 5},
    {"seed": "7"},
    {"seed": 7.0},
    {"steps": True},
    {"guidance": "5"},
    {"guidance": None},
    {"strength": "1"},
    {"model": "sd1"},
    {"model": {"family": "sd1"}},
    {"model": {"family": "sd1", "digest": 5}},
    {"sketch": {"digest": 5}},
    {"mask": {"digest": 5}},
    {"mask": {"digest": "ab", "fit": "cover"}},
    {"vary": {"seed": 1}},
    {"vary": {"seed": 1, "amount": "x"}},
    {"loras": 5},
    {"loras": [{"digest": 5, "scale": 1.0}]},
    {"sampler_config": 5},
]


@pytest.mark.parametrize("change", BROKEN)
def test_what_is_no_recipe_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json({**to_json(PLAIN), **change})


@pytest.mark.parametrize("missing", ["v", "op", "prompt", "seed", "model", "guidance"])
def test_a_recipe_lacks_nothing(missing: str) -> None:
    data = to_json(PLAIN)
    del data[missing]
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(data)


@given(st.floats(-100, 100))
def test_real_keeps_four_places_and_no_negative_zero(value: float) -> None:
    found = real(value)
    assert abs(found - value) <= 0.00005 + 1e-12
    assert real(found) == found
    assert found or math.copysign(1, found) == 1


def test_rerolled_drops_the_variation() -> None:
    found = WHOLE.rerolled(5)
    assert (found.seed, found.vary) == (5, None)
    assert replace(found, seed=WHOLE.seed, vary=WHOLE.vary) == WHOLE


@pytest.mark.parametrize(("guidance", "guided"), [(1.0, False), (1.0001, True), (0.0, False)])
def test_guided_above_one(guidance: float, guided: bool) -> None:
    assert replace(PLAIN, guidance=guidance).guided is guided


@pytest.mark.parametrize(
    ("steps", "strength", "first"),
    [(100, 0.29, 72), (50, 0.58, 22), (100, 0.57, 44), (50, 0.8, 10), (10, 1.0, 0), (10, 0.0, 9)],
)
def test_first_step_of_a_sketch(steps: int, strength: float, first: int) -> None:
    recipe = replace(PLAIN, steps=steps, strength=strength, sketch=Sketch("ab"))
    assert recipe.first_step == first
    assert replace(recipe, sketch=None).first_step == 0
