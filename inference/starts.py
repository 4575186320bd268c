"""Where a Run starts: noise alone, or a Sketch under noise, and what a mask keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch

from core.errors import BadInput
from core.recipe import Paint
from inference import depths, masks, noise
from inference.families.table import GUIDED, MASKED
from inference.weights import Weights, widened

Load = Callable[[str, Literal["sketch", "mask", "picture"]], bytes]
"""Returns the bytes of a Sketch or mask by file digest, or of a Picture by its pixels_digest."""


def refuse(recipe: Paint) -> None:
    """Say what a Recipe asks for that its Model cannot do, rather than leave it out."""
    if recipe.mask is not None and recipe.sketch is None:
        raise BadInput("This recipe has a mask and no sketch to keep the rest of.", "Send a sketch with the mask.")
    if recipe.mask is not None and recipe.model.family not in MASKED:
        raise BadInput("A mask does not work with this model.", "Choose another model, or leave the mask out.")
    if recipe.control is not None and (recipe.sketch is None or recipe.mask is not None):
        raise BadInput("This recipe has a control, which needs a sketch and no mask.", "Send a sketch alone.")
    if recipe.control is not None and recipe.model.family not in GUIDED:
        raise BadInput("A control does not work with this model.", "Choose another model, or leave it out.")


def first_latent(
    recipe: Paint, weights: Weights, generator: torch.Generator, sampler: Any, timesteps: torch.Tensor, read: Load
) -> tuple[torch.Tensor, masks.Masked | None]:
    """Return the first Latent, and what a mask keeps; a Sketch that only guides is not under the noise."""
    width, height, device = recipe.width, recipe.height, weights.unet.device
    if recipe.sketch is None or (recipe.control is not None and recipe.strength is None):
        shape = (1, weights.channels, height // weights.latent_scale, width // weights.latent_scale)
        drawn = noise.first(generator, shape, weights.dtype, recipe.vary)
        return drawn.to(device) * sampler.init_noise_sigma, None
    raw = read(recipe.sketch.digest, "sketch")
    pixels = noise.sketch_pixels(raw, width, height, weights.dtype).to(device)
    with widened(weights.vae, weights.upcast) as vae:
        if recipe.mask is not None:
            white = masks.pixels(read(recipe.mask.digest, "mask"), width, height)
            return masks.start(generator, vae, weights.knows_masks, pixels, white, recipe, sampler, timesteps)
        clean, drawn = noise.from_sketch(generator, vae, pixels, recipe.vary)
    return sampler.add_noise(clean, drawn, timesteps[:1]), _depth(raw, recipe, weights)


def _depth(raw: bytes, recipe: Paint, weights: Weights) -> masks.Masked | None:
    """Return what a UNet that knows depths reads of the Sketch, None for any other."""
    if not weights.knows_depth:
        return None
    image = noise.fitted(raw, recipe.width, recipe.height, "RGB")
    eyes = weights.depth_estimator, weights.depth_prepare
    under, seen = depths.beside(*eyes, image, weights.latent_scale, weights.dtype)
    return masks.Masked(torch.ones_like(under), beside=under, seen=seen)


def fits(recipe: Paint, weights: Weights) -> None:
    """Raise BadInput where a Model is not given what its UNet reads beside the Latent."""
    if weights.knows_masks and recipe.mask is None:
        raise BadInput(
            "This model repaints a part of a picture: it needs a sketch and a mask.", "Choose another model."
        )
    if weights.knows_depth and (recipe.sketch is None or recipe.mask is not None or recipe.control is not None):
        raise BadInput(
            "This model follows the depth of a sketch: it needs one, and takes no mask and no control.",
            "Choose another model.",
        )
