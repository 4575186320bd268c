"""Enlarge a Picture: by Pillow's LANCZOS, or by the method its Recipe names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PIL import Image

from core.errors import BadInput, Damaged
from core.picture import Fingerprint, pixels_digest
from core.recipe import Recipe, Upscale
from inference.finish import esrgan
from inference.finish.png import Pixels, read

MOST_PIXELS = 64_000_000


@dataclass(frozen=True, slots=True)
class Enlarging:
    """Hold what an Upscale waits with: its Recipe and the parent's PNG."""

    recipe: Upscale
    parent_png: bytes


def alone(done: int, of: int) -> None:
    """Be the pause of what nobody waits for."""


def parent_of(what: Enlarging) -> Pixels:
    """Return the parent's pixels; raise Damaged where the file is not that parent, BadInput where it is too large."""
    recipe, parent = what.recipe, read(what.parent_png)
    if pixels_digest(parent.width, parent.height, parent.rgb) != recipe.parent:
        raise Damaged("The picture to enlarge has changed since it was painted.", "Paint it again with reproduce.")
    size = (parent.width * recipe.factor, parent.height * recipe.factor)
    if size != (recipe.width, recipe.height) or size[0] * size[1] > MOST_PIXELS:
        raise BadInput(
            f"A picture of {parent.width}x{parent.height} cannot be enlarged to {recipe.width}x{recipe.height}.",
            f"{recipe.factor} times as large is {size[0]}x{size[1]}; {MOST_PIXELS:,} pixels are the most.",
        )
    return parent


def enlarge(what: Enlarging, pause: Callable[[int, int], None] = alone) -> Pixels:
    """Return the parent's pixels at the Recipe's size.

    pause: called with how many tiles are done and how many there are; what it raises ends the work.
    """
    recipe, parent = what.recipe, parent_of(what)
    if recipe.model is not None:
        raise BadInput("This model cannot enlarge pictures.", "Choose another model.")
    if recipe.slow:
        return esrgan.enlarge(parent, recipe.factor, recipe.method, pause)
    image = Image.frombytes("RGB", (parent.width, parent.height), parent.rgb)
    larger = image.resize((recipe.width, recipe.height), Image.Resampling.LANCZOS)
    return Pixels(recipe.width, recipe.height, larger.tobytes())


def enlarged_by(made_by: Fingerprint, recipe: Recipe) -> Fingerprint:
    """Return the Fingerprint with what a method with weights adds to it."""
    if not isinstance(recipe, Upscale) or not recipe.slow:
        return made_by
    return replace(made_by, facts={**made_by.facts, **esrgan.facts(recipe.factor, recipe.method)})
