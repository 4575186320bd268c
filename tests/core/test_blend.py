"""Prompts of several parts: what is read as a part, what is refused, and optimizedSD's way of writing it."""

from __future__ import annotations

import pytest

from core.blend import from_optimized, parts_of
from core.errors import BadWords
from core.recipe import Part


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("hot::2 dog", [("hot", 2.0), ("dog", 1.0)]),
        ("hot:: dog::", [("hot", 1.0), ("dog", 1.0)]),
        ("tabby cat::0.25 white duck::0.75 hybrid", [("tabby cat", 0.25), ("white duck", 0.75), ("hybrid", 1.0)]),
        ("still life:: fruit::-.5", [("still life", 1.0), ("fruit", -0.5)]),
        ("a heart::2", [("a heart", 2.0)]),
        ("a (red:1.3) heart::1.5 on grass", [("a (red:1.3) heart", 1.5), ("on grass", 1.0)]),
        ("std::vector drawn as a cat", []),
        ("ratio 16:9 photo", []),
        ("a red heart", []),
        ("", []),
    ],
)
def test_what_is_a_part(prompt: str, parts: list[tuple[str, float]]) -> None:
    assert parts_of(prompt) == tuple(Part(*each) for each in parts)


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("::2 dog", "no words before ::2"),
        ("hot:: ::3 dog", "no words before ::3"),
        ("hot::11 dog", "11 is out of range"),
        ("hot::-1 dog", "add up to nothing"),
        ("hot::0", "add up to nothing"),
    ],
)
def test_what_cannot_be_weighed_is_refused(prompt: str, why: str) -> None:
    with pytest.raises(BadWords, match=why):
        parts_of(prompt)


@pytest.mark.parametrize(
    ("typed", "ours"),
    [
        ("tabby cat:0.25 white duck:0.75 hybrid", "tabby cat::0.25 white duck::0.75 hybrid"),
        ("a cat:2", "a cat::2"),
        ("x:1 y:-1", "x::1 y::-1"),
        ("ratio 16:9 photo", "ratio 16:9 photo"),
        ("cat: dog", "cat: dog"),
        ("cat:0.5dog", "cat:0.5dog"),
        ("a:b c", "a:b c"),
        ("hot::2 dog", "hot::2 dog"),
        (":", ":"),
        ("", ""),
    ],
)
def test_the_weights_of_optimized_sd_are_read_as_ours(typed: str, ours: str) -> None:
    assert from_optimized(typed) == ours
