"""Room: what a Picture is estimated to need of the device's memory, and what there is; refuses what cannot fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.errors import BadInput
from core.recipe import Recipe, Upscale


@dataclass(frozen=True, slots=True)
class Room:
    """Hold an estimate in bytes: the Model's weights, the rest while it is painted, and what the device has.

    fits: the largest size of the same shape that would fit, None where none does.
    """

    weights: int
    painting: int
    has: int
    fits: tuple[int, int] | None = None

    @property
    def is_enough(self) -> bool:
        """Say whether it fits, as far as can be told."""
        return self.weights + self.painting <= self.has


Look = Callable[[Recipe], Room | None]
"""Estimates a Recipe; None where nothing is known of its Model or of the device, or no Model makes it."""


def anything(_: Recipe) -> Room | None:
    """Be the estimate of a device that tells nothing of its memory."""
    return None


def check_room(recipes: Iterable[Recipe], look: Look, model: str) -> None:
    """Raise BadInput where a Recipe cannot fit into the device's memory, with both figures and a size that would."""
    for recipe in {(each.width, each.height, each.guided): each for each in recipes}.values():
        width, height, room = recipe.width, recipe.height, look(recipe)
        if room is None or room.is_enough:
            continue
        raise BadInput(
            f"{width}x{height} with the model {model} needs about {shown(room.weights + room.painting)} of memory "
            f"by estimate ({shown(room.weights)} weights, {shown(room.painting)} to paint); "
            f"this device can give {shown(room.has)}.",
            _instead(recipe, room.fits),
        )


def _instead(recipe: Recipe, fits: tuple[int, int] | None) -> str:
    if isinstance(recipe, Upscale):
        return "Enlarge a smaller picture, or leave --by out."
    return "Choose a smaller model." if fits is None else f"Try --size {fits[0]}x{fits[1]}."


def shown(count: int) -> str:
    """Return bytes as people read them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
