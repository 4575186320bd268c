"""Blend: a Prompt of several parts that each pull with a weight, `hot::2 dog`, as Midjourney writes it."""

from __future__ import annotations

import re

from core.errors import BadWords
from core.plain import real
from core.recipe import Part
from core.words import shown

SIGN = re.compile(r"::([+-]?(?:\d+\.?\d*|\.\d+))?(?=\s|$)")
"""What ends a part, with its weight; `a::b` is none of it, for people write of std::vector too."""
HEAVIEST = 10.0
LEAST_SUM = 0.01
OLD = re.compile(r"(?<=[^\d\s:]):([+-]?(?:\d+\.?\d*|\.\d+))(?=\s|$)")
"""What optimizedSD takes for a weight, but behind a number: `ratio 16:9 photo` holds none."""


def parts_of(prompt: str) -> tuple[Part, ...]:
    """Return a Prompt's parts, none where no `::` ends one; raise BadWords where they do not add up."""
    ends = list(SIGN.finditer(prompt))
    if not ends:
        return ()
    parts, start = [], 0
    for end in ends:
        words = prompt[start : end.start()].strip()
        weight = real(float(end[1] or 1))
        if not words:
            raise BadWords(f"There are no words before {end[0]}.", "Write hot::2 dog: the weight behind its words.")
        if abs(weight) > HEAVIEST:
            raise BadWords(f"The weight {end[1]:.40} is out of range.", f"Use -{HEAVIEST:g} to {HEAVIEST:g}.")
        parts.append(Part(words, weight))
        start = end.end()
    if rest := prompt[start:].strip():
        parts.append(Part(rest, 1.0))
    if sum(part.weight for part in parts) < LEAST_SUM:
        told = ", ".join(f"{shown(part.words)} {part.weight:g}" for part in parts)
        raise BadWords(f"The weights add up to nothing: {told}.", "Their sum must be more than 0.")
    return tuple(parts)


def reads_as(prompt: str, parts: tuple[Part, ...]) -> bool:
    """Say whether a Prompt is read as these parts; an old one may hold what is a weight today."""
    try:
        return parts_of(prompt) == parts
    except BadWords:
        return False


def from_optimized(prompt: str) -> str:
    """Return words with the weights of optimizedSD as ours: `cat:0.25 duck:0.75` -> `cat::0.25 duck::0.75`."""
    return OLD.sub(r"::\1", prompt)
