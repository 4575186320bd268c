"""A pipeline's own call: a Recipe in diffusers' words, made step by step."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image

from core.recipe import Paint, Upscale
from inference import noise
from inference.families.whole import Way
from inference.finish.png import Pixels

OwnRecipe = Paint | Upscale


def call(
    pipe: Any,
    way: Way,
    recipe: OwnRecipe,
    image: Image.Image | None,
    told: dict[str, Any],
    threads: int,
    pause: Callable[[], None],
) -> Any:
    """Call the pipeline and return its one image [H, W, 3] in 0..1; `pause` after each step.

    image: what it starts from, where it starts from one.
    """
    torch.set_num_threads(threads)  # A thread has its own.

    def ended(_: Any, step: int, timestep: Any, now: dict[str, Any]) -> dict[str, Any]:
        told["latents"] = now.get("latents")
        pause()
        return now

    def heard(step: int, timestep: Any, latents: Any) -> None:
        told["latents"] = latents
        pause()

    given = {**_given(pipe, way, recipe, image), way.told: heard if way.told == "callback" else ended}
    with torch.inference_mode():
        return pipe(**given).images[0]


def sketch_image(raw: bytes, recipe: Paint) -> Image.Image:
    """Return a Sketch as a pipeline is given it."""
    return noise.fitted(raw, recipe.width, recipe.height, "RGB")


def parent_image(parent: Pixels) -> Image.Image:
    """Return a Picture to enlarge as a pipeline is given it."""
    return Image.frombytes("RGB", (parent.width, parent.height), parent.rgb)


def _given(pipe: Any, way: Way, recipe: OwnRecipe, image: Image.Image | None) -> dict[str, Any]:
    given: dict[str, Any] = {
        "prompt": recipe.prompt,
        "num_inference_steps": recipe.steps,
        way.pull: recipe.guidance,
        "generator": torch.Generator().manual_seed(recipe.seed),
        "output_type": "np",
    }
    if way.negative:
        given["negative_prompt"] = recipe.negative_prompt
    if image is not None:
        given["image"] = image
    if isinstance(recipe, Upscale):
        return {**given, "noise_level": recipe.noise_level} if way.noise else given
    if "width" in inspect.signature(type(pipe).__call__).parameters:
        given |= {"width": recipe.width, "height": recipe.height}
    return given if image is None else {**given, "strength": recipe.strength}
