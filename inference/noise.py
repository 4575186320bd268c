"""Seed -> first Latents, drawn on the CPU as diffusers draws them; a Variation's blend; noise on a Sketch."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import BadSketch
from core.recipe import Variation
from inference.scaling import as_latent

MOST_SKETCH_PIXELS = 64_000_000


def draw(generator: torch.Generator, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Return noise of `shape` (1, C, H/8, W/8) on the CPU, in the dtype `pipe()` would use.

    A draw in bfloat16 is not always the float32 draw rounded: where the count is no multiple of 16, the last 16 differ.
    """
    return torch.randn(shape, generator=generator, dtype=dtype)


def varied(noise: torch.Tensor, second: torch.Tensor, amount: float) -> torch.Tensor:
    """Return `noise` turned towards `second` by `amount` 0..1 along the sphere: its length stays that of noise."""
    a, b = noise.double().flatten(), second.double().flatten()
    cosine = float(torch.dot(a, b) / (a.norm() * b.norm()))
    angle = math.acos(max(-1.0, min(1.0, cosine)))
    if angle < 1e-6:
        return noise
    share_a, share_b = math.sin((1 - amount) * angle), math.sin(amount * angle)
    mixed = (share_a * a + share_b * b) / math.sin(angle)
    return mixed.reshape(noise.shape).to(noise.dtype)


def first(
    generator: torch.Generator, shape: tuple[int, ...], dtype: torch.dtype, vary: Variation | None, passed: bool = False
) -> torch.Tensor:
    """Return a Run's first noise, before the sampler's own scale: drawn, and blended where it is a Variation.

    passed: a Sketch's posterior was drawn before it. The second noise is what a Run of that Seed would have drawn.
    """
    noise = draw(generator, shape, dtype)
    if vary is None:
        return noise
    other = torch.Generator().manual_seed(vary.seed)
    if passed:
        draw(other, shape, dtype)
    return varied(noise, draw(other, shape, dtype), vary.amount)


def encoded(generator: torch.Generator, vae: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Return the Latent of [1, 3, H, W] in -1..1, sampled from its posterior; the VAE may be in float32 (SDXL's)."""
    posterior = vae.encode(pixels.to(vae.dtype)).latent_dist
    return as_latent(vae, posterior.sample(generator).to(pixels.dtype))


def from_sketch(
    generator: torch.Generator, vae: Any, pixels: torch.Tensor, vary: Variation | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a Sketch's Latent and the noise to put on it; the posterior's sample is drawn first, as diffusers does.

    pixels: [1, 3, H, W] in -1..1, in the Run's dtype.
    """
    latent = encoded(generator, vae, pixels)
    return latent, first(generator, tuple(latent.shape), pixels.dtype, vary, passed=True).to(latent.device)


def fitted(raw: bytes, width: int, height: int, mode: str) -> Image.Image:
    """Return a stored Sketch or mask: cut at the centre to cover the size, resized by LANCZOS."""
    try:
        with Image.open(io.BytesIO(raw), formats=("PNG", "WEBP", "JPEG")) as opened:
            if opened.width * opened.height > MOST_SKETCH_PIXELS:
                raise BadSketch("The sketch has too many pixels.", "Send a smaller one.")
            return ImageOps.fit(opened.convert(mode), (width, height), Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise BadSketch(f"The stored sketch cannot be opened: {error}.", "Send it again.") from error


def sketch_pixels(raw: bytes, width: int, height: int, dtype: torch.dtype) -> torch.Tensor:
    """Return a stored Sketch as [1, 3, H, W] in -1..1, fitted to the size."""
    rows = np.array(fitted(raw, width, height, "RGB")).astype(np.float32) / 255.0
    # Contiguous, unlike what diffusers makes of a PIL image: a channels-last Latent would change the layout, and so in
    # bfloat16 the bits, of every call it takes part in.
    return (2.0 * torch.from_numpy(rows[None].transpose(0, 3, 1, 2)).contiguous() - 1.0).to(dtype)
