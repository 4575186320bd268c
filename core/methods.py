"""Methods a Picture can be enlarged by: what each is called, how far it goes, what it asks of the Picture."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.errors import BadInput
from core.recipe import LANCZOS, METHODS, Method
from core.sizes import SIDE

EXTRA = "upscale"
"""The extra that brings what the methods with weights need."""

FACTORS = (2, 3, 4)
NOISE_LEVELS = (0, 1000)
MOST_SIDE = 2 * SIDE[1]
"""So long may a side of an enlarged Picture be."""

SLOW_SIDE = 1024
"""So long may a side of a Picture be that a method with weights enlarges: on a processor that takes minutes."""

FOREIGN = ("realesrgan", "realesr", "6b")
"""Parts of the names Real-ESRGAN and the tools that use it give its weights, which mean nothing here."""


@dataclass(frozen=True, slots=True)
class Enlargement:
    """How far a Picture is enlarged, and by what."""

    factor: int = 2
    method: Method = LANCZOS


def method_named(typed: str) -> Method | None:
    """Return the method a word means, also as Real-ESRGAN names its weights (`RealESRGAN_x4plus_anime_6B`)."""
    name = typed.strip().lower().removesuffix(".pth").replace("_", "-")
    for part in FOREIGN:
        name = name.replace(part, "")
    return next((each for each in METHODS if each == name.strip("-")), None)


def checked(factor: object, method: object) -> Enlargement:
    """Return an Enlargement from what a face typed apart from the words; raise BadInput where it is none."""
    if isinstance(factor, bool) or not isinstance(factor, int) or factor not in FACTORS:
        raise BadInput(f"Pictures cannot be enlarged x{str(factor):.10}.", f"Use {factors()}.")
    found = method_named(method) if isinstance(method, str) else None
    if found is None:
        raise BadInput(f"Nothing is enlarged by {str(method):.40}.", f"There is: {', '.join(METHODS)}.")
    return Enlargement(factor, found)


def check_there(method: Method, there: Collection[Method]) -> None:
    """Raise BadInput where a method's weights are not installed here."""
    if method not in there:
        raise BadInput(
            f"Enlarging by {method} is not installed here.",
            f"The owner adds it by ./limner add {EXTRA}; {LANCZOS} works without.",
        )


def check_size(what: Enlargement, width: int, height: int) -> None:
    """Raise BadInput where a Picture is too large for an Enlargement."""
    most = MOST_SIDE // what.factor if what.method == LANCZOS else min(SLOW_SIDE, MOST_SIDE // what.factor)
    if max(width, height) > most:
        by = "" if what.method == LANCZOS else f" by {what.method}"
        raise BadInput(f"{width} x {height} is too large to enlarge x{what.factor}{by}.", f"Up to {most} a side works.")


def factors() -> str:
    """Return the factors in words."""
    *first, last = (f"x{factor}" for factor in FACTORS)
    return f"{', '.join(first)} or {last}"
