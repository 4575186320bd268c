"""Between what a VAE gives and a Latent: the scale its config names, and the shift where it names one."""

from __future__ import annotations

from typing import Any

import torch


def as_latent(vae: Any, given: torch.Tensor) -> torch.Tensor:
    """Return a Latent of what the VAE encoded; its operations stand in diffusers' order, the bits depend on it."""
    shift = vae.config.shift_factor
    return (given if shift is None else given - shift) * vae.config.scaling_factor  # type: ignore[no-any-return]


def as_given(vae: Any, latent: torch.Tensor) -> torch.Tensor:
    """Return what the VAE decodes for a Latent."""
    found, shift = latent / vae.config.scaling_factor, vae.config.shift_factor
    return found if shift is None else found + shift  # type: ignore[no-any-return]
