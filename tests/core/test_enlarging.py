"""Enlarging: how far and by what, from words and typed options; what is refused before anything is written."""

from __future__ import annotations

from typing import Any

import pytest

from core.commands import Target, target
from core.draft import ModelCard
from core.enlarging import enlarged, notes, words_of
from core.errors import BadInput, BadWords, ModelUnavailable
from core.picture import Picture
from core.recipe import METHODS, Method, ModelRef, Paint, Upscale, from_json, to_json

NOTHING: dict[str, Any] = {}
LANCZOS: tuple[Method, ...] = ("lanczos",)


def parent(width: int = 512, height: int = 384) -> Picture:
    recipe = Upscale("ab" * 32, width, height)
    return Picture("P", "J", 0, recipe, "", 0, "stored", pixels_digest="cd" * 32, width=width, height=height)


@pytest.mark.parametrize(
    ("words", "options", "factor", "method"),
    [
        ("", NOTHING, 2, "lanczos"),
        ("x4", NOTHING, 4, "lanczos"),
        ("x4 --by x4plus", NOTHING, 4, "x4plus"),
        # As Easy Diffusion is asked: use_upscale "RealESRGAN_x4plus", upscale_amount 4 or 2.
        ("", {"by": "RealESRGAN_x4plus", "factor": 4}, 4, "x4plus"),
        ("", {"by": "RealESRGAN_x4plus_anime_6B.pth", "factor": 2}, 2, "x4plus-anime"),
        ("x3", {"by": "animevideov3"}, 3, "animevideov3"),
    ],
)
def test_an_enlargement_is_what_was_asked_for(words: str, options: dict[str, Any], factor: int, method: Method) -> None:
    recipe = enlarged(parent(), target(words, "upscale"), options, METHODS)
    assert recipe == Upscale("cd" * 32, 512 * factor, 384 * factor, factor, method)
    assert from_json(to_json(recipe)) == recipe
    assert bool(notes(recipe)) == (method != "lanczos")


@pytest.mark.parametrize(
    ("options", "there", "side", "said", "hint"),
    [
        ({"by": "x4plus"}, LANCZOS, 64, "x4plus is not installed here", "./limner add upscale"),
        ({"by": "x4plus"}, METHODS, 1032, "1032 x 1032 is too large to enlarge x2 by x4plus", "1024 a side"),
        ({"factor": 4}, METHODS, 1032, "too large to enlarge x4", "1024 a side"),
        ({}, METHODS, 2056, "too large to enlarge x2", "2048 a side"),
        ({"factor": 5}, METHODS, 64, "enlarged x5", "x2, x3 or x4"),
        ({"factor": 0}, METHODS, 64, "enlarged x0", "x2, x3 or x4"),
        ({"factor": True}, METHODS, 64, "enlarged xTrue", "x2, x3 or x4"),
        ({"by": "gfpgan"}, METHODS, 64, "by gfpgan", "lanczos, x4plus"),
        ({"by": ""}, METHODS, 64, "Nothing is enlarged by", "lanczos"),
        ({"noise_level": 20}, METHODS, 64, "--noise-level goes with a model", "--by"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    options: dict[str, Any], there: tuple[Method, ...], side: int, said: str, hint: str
) -> None:
    with pytest.raises(BadInput) as found:
        enlarged(parent(side, side), Target(), options, there)
    assert said in found.value.sentence and hint in found.value.hint


def test_what_is_said_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="factor is given twice: 2 and 4"):
        enlarged(parent(), Target(factor=2), {"factor": 4}, METHODS)


def test_what_is_typed_for_it_again_names_factor_and_method() -> None:
    said = [
        words_of(enlarged(parent(), target(words, "upscale"), NOTHING, METHODS), "P7F3K2", "")
        for words in ("", "x4 --by x4plus")
    ]
    assert said == ["/upscale P7F3K2", "/upscale P7F3K2 x4 --by x4plus"]


def test_a_recipe_names_no_other_method() -> None:
    with pytest.raises(ValueError, match="enlarging by 'gfpgan' is not known"):
        from_json({"v": 1, "op": "upscale", "parent": "ab", "width": 8, "height": 8, "method": "gfpgan"})


def card(name: str = "large", **fields: Any) -> ModelCard:
    plain = {"digest": "d" * 64, "family": "whole", "width": 512, "height": 512, "multiple": 64, "steps": 75}
    known = {"guidance": 9.0, "sampler": "own", "samplers": {}, "enlarges": 4, "noise_levels": 350, **fields}
    return ModelCard(name, **{**plain, **known})


DOUBLE = card("double", enlarges=2, noise_levels=0, grid=64, steps=20, guidance=0.0)
CARDS = (card(), DOUBLE, card("away", state="reading", why="being read"), card("painter", enlarges=0, noise_levels=0))


def painted(width: int = 512, height: int = 384) -> Picture:
    model = ModelRef("sd1", "ab" * 32)
    recipe = Paint("a fox", 3, width, height, 30, 7.5, "ddim", model, negative_prompt="grey")
    return Picture("P", "J", 0, recipe, "", 0, "stored", pixels_digest="cd" * 32, width=width, height=height)


def by_model(words: str, options: dict[str, Any] = NOTHING, of: Picture | None = None) -> Upscale:
    return enlarged(of or painted(), target(words, "upscale"), options, LANCZOS, CARDS, lambda: 7)


def test_a_model_takes_the_parents_words_and_its_own_usual_unless_said() -> None:
    """As superresolution.py and its pipeline: 75 steps, guidance 9, noise 20."""
    usual = by_model("--by large")
    assert usual == Upscale(
        "cd" * 32, 2048, 1536, 4, seed=7, model=ModelRef("whole", "d" * 64), prompt="a fox", negative_prompt="grey",
        steps=75, guidance=9.0, noise_level=20,
    )  # fmt: skip
    assert notes(usual) == ()
    said = by_model("x4 --by large --noise-level 0 --steps 9 --guidance 4 --seed 5 --prompt a white cat")
    assert (said.noise_level, said.steps, said.guidance, said.seed, said.prompt) == (0, 9, 4.0, 5, "a white cat")
    apart = by_model("", {"by": "large", "noise_level": 350, "prompt": "", "steps": 1})
    assert (apart.noise_level, apart.prompt, apart.steps) == (350, "", 1)
    double = by_model("--by double", of=painted(512, 384))
    assert (double.width, double.factor, double.noise_level, double.guided) == (1024, 2, 0, False)
    for each in (usual, said, apart, double):
        name = "large" if each.factor == 4 else "double"
        words = words_of(each, "", name).removeprefix("/upscale ")
        noise = {"noise_level": 0} if name == "large" and not each.noise_level else {}
        prompt = {"prompt": ""} if not each.prompt else {}
        assert by_model(words, {**noise, **prompt}) == each
        assert from_json(to_json(each)) == each


@pytest.mark.parametrize(
    ("words", "options", "size", "error", "said"),
    [
        ("--by nobody", NOTHING, (64, 64), BadInput, "by nobody"),
        ("--by painter", NOTHING, (64, 64), BadInput, "by painter"),
        ("--by away", NOTHING, (64, 64), ModelUnavailable, "away is not ready"),
        ("x2 --by large", NOTHING, (64, 64), BadInput, "enlarges x4 alone"),
        ("--by large", NOTHING, (520, 64), BadInput, "520 x 64 is too large"),
        ("--by double", NOTHING, (96, 64), BadInput, "multiples of 64"),
        ("--by large --noise-level 351", NOTHING, (64, 64), BadWords, "351 is out of range"),
        ("--by double --noise-level 0", NOTHING, (64, 64), BadInput, "takes no --noise-level"),
        ("--by large", {"steps": 151}, (64, 64), BadWords, "out of range"),
        ("--by large", {"seed": -1}, (64, 64), BadWords, "out of range"),
        ("--by large", {"guidance": float("nan")}, (64, 64), BadWords, "out of range"),
        ("--by large --seed 5", {"seed": 6}, (64, 64), BadInput, "seed is given twice"),
    ],
)
def test_what_a_model_cannot_enlarge_is_refused(
    words: str, options: dict[str, Any], size: tuple[int, int], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        by_model(words, options, painted(*size))
