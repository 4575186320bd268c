"""Inpainting: where a mask is white the Sketch is painted over, elsewhere it stays, as the stock pipeline does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.recipe import Paint
from inference import noise
from inference.finish.png import Pixels


@dataclass(frozen=True, slots=True)
class Masked:
    """Hold what a masked Run needs at each call; which half is set depends on what its UNet reads.

    beside: what a UNet of 9 channels reads under the Latent. clean, drawn: the Sketch's Latent and the noise for it,
    that a plain UNet's Latent is blended with after each call. seen: the depth map under it, to be kept.
    """

    white: torch.Tensor  # [1, 1, H/8, W/8], 1 is painted over
    clean: torch.Tensor | None = None  # [1, C, H/8, W/8]
    drawn: torch.Tensor | None = None
    beside: torch.Tensor | None = None  # [1, 1 + C, H/8, W/8]; of a depth map [1, 1, H/8, W/8]
    seen: Pixels | None = None

    def under(self, read: torch.Tensor) -> torch.Tensor:
        """Return what the UNet reads: the Latent, and the mask with the kept part under it where it knows masks."""
        return read if self.beside is None else torch.cat([read, self.beside], dim=1)

    def blended(self, latent: torch.Tensor, sampler: Any, then: torch.Tensor) -> torch.Tensor:
        """Put the Sketch back where it stays, as noisy as the next call's timestep; `then` is empty after the last."""
        if self.clean is None or self.drawn is None:
            return latent
        kept = sampler.add_noise(self.clean, self.drawn, then) if len(then) else self.clean
        return (1 - self.white) * kept + self.white * latent


def pixels(raw: bytes, width: int, height: int) -> torch.Tensor:
    """Return a stored mask as [1, 1, H, W] of 0 and 1, cut and resized as its Sketch is."""
    rows = np.array(noise.fitted(raw, width, height, "L")).astype(np.float32) / 255.0
    return (torch.from_numpy(rows)[None, None] >= 0.5).float()


def start(
    generator: torch.Generator,
    vae: Any,
    knows_masks: bool,
    sketch: torch.Tensor,
    white: torch.Tensor,
    recipe: Paint,
    sampler: Any,
    timesteps: torch.Tensor,
) -> tuple[torch.Tensor, Masked]:
    """Return a masked Run's first Latent and its Masked; everything is drawn in the stock pipeline's order.

    sketch: [1, 3, H, W] in -1..1; white: [1, 1, H, W] of 0 and 1. At full Strength the Run starts from noise alone.
    """
    whole = recipe.strength in (None, 1.0)
    clean = None if knows_masks and whole else noise.encoded(generator, vae, sketch)
    scale = 2 ** (len(vae.config.block_out_channels) - 1)
    shape = (1, int(vae.config.latent_channels), recipe.height // scale, recipe.width // scale)
    drawn = noise.first(generator, shape, sketch.dtype, recipe.vary, passed=clean is not None).to(sketch.device)
    if whole or clean is None:
        latent = drawn * sampler.init_noise_sigma
    else:
        latent = sampler.add_noise(clean, drawn, timesteps[:1])
    small = torch.nn.functional.interpolate(white, size=shape[-2:]).to(sketch.device, sketch.dtype)
    if knows_masks:
        kept = noise.encoded(generator, vae, sketch * (white < 0.5).to(sketch.device))
        return latent, Masked(small, beside=torch.cat([small, kept], dim=1))
    # The stock pipeline encodes the kept part here too and never reads it; a sampler's own noise comes after that draw.
    noise.draw(generator, shape, sketch.dtype)
    return latent, Masked(small, clean=clean, drawn=drawn)
