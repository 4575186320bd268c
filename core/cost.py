"""What a Recipe takes: model calls, and the coins they are paid in."""

from __future__ import annotations

from core.recipe import Recipe, Upscale


def calls(recipe: Recipe) -> int:
    """Return how many model calls a Recipe takes: Heun makes 2n - 1 of n steps, PLMS n + 1, an Upscale perhaps none."""
    if isinstance(recipe, Upscale):
        return recipe.steps
    steps = recipe.steps - recipe.first_step
    if recipe.sampler.startswith("heun"):
        return 2 * steps - 1
    return steps + 1 if recipe.sampler == "plms" and recipe.steps > 1 else steps


def cost(recipe: Recipe) -> int:
    """Return what a Picture costs in coins: W x H x model calls x (2 if guided), at least W x H."""
    rows = 2 if recipe.guided else 1
    return recipe.width * recipe.height * max(calls(recipe), 1) * rows


def smaller(width: int, height: int) -> tuple[int, int]:
    """Return the size to ask for where one was too much for the device: half of each side, in steps of 8."""
    return max(64, width // 16 * 8), max(64, height // 16 * 8)
