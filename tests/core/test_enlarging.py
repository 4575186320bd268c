"""Enlarging: how far and by what, from words and typed options; what is refused before anything is written."""

from __future__ import annotations

from typing import Any

import pytest

from core.commands import Target, target
from core.enlarging import enlarged, notes
from core.errors import BadInput
from core.picture import Picture
from core.recipe import METHODS, Method, Upscale, from_json, to_json

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


def test_a_recipe_names_no_other_method() -> None:
    with pytest.raises(ValueError, match="enlarging by 'gfpgan' is not known"):
        from_json({"v": 1, "op": "upscale", "parent": "ab", "width": 8, "height": 8, "method": "gfpgan"})
