"""From a logged Picture and what was asked for to the Recipe of an enlarged one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core.commands import Target
from core.errors import BadInput
from core.methods import Enlargement, check_size, check_there, checked
from core.picture import Picture
from core.recipe import LANCZOS, Method, Upscale

USUAL = {"factor": 2, "by": LANCZOS}
"""What is meant where nothing is said."""

SLOW = "{method} computes on the processor, tile by tile: a large picture takes minutes."


def enlarged(parent: Picture, typed: Target, options: Mapping[str, Any], there: Collection[Method]) -> Upscale:
    """Return the Recipe; raise BadInput where the Picture is not painted, or the words ask for what cannot be.

    there: the methods that are installed.
    """
    if parent.state != "stored" or parent.pixels_digest is None or parent.width is None or parent.height is None:
        raise BadInput(f"Picture {parent.id[-6:]} is not painted yet.", "Wait for it.")
    what = wished(typed, options)
    check_there(what.method, there)
    check_size(what, parent.width, parent.height)
    width, height = parent.width * what.factor, parent.height * what.factor
    return Upscale(parent.pixels_digest, width, height, what.factor, what.method)


def wished(typed: Target, options: Mapping[str, Any]) -> Enlargement:
    """Return how far and by what, from the words and from what was typed apart; each may stand in one of them."""
    told = {"factor": typed.factor, "by": typed.by}
    for name, value in told.items():
        if value is not None and options.get(name) not in (None, value):
            raise BadInput(f"{name} is given twice: {value} and {options[name]!r:.40}.", "Give it once.")
    found = {name: options.get(name) if value is None else value for name, value in told.items()}
    return checked(*(found[name] if found[name] is not None else plain for name, plain in USUAL.items()))


def notes(recipe: Upscale) -> tuple[str, ...]:
    """Say what should be known of a method before it begins."""
    return () if recipe.method == LANCZOS else (SLOW.format(method=recipe.method),)
