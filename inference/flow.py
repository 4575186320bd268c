"""FlowEuler: diffusers' Euler sampler for flows, spoken to as those for noise are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from core.errors import BadConfig
from inference.families.flow import FLOW_EULER, KNOWN


class FlowEuler(FlowMatchEulerDiscreteScheduler):
    """Follow a flow from noise to a Picture; its Latent is read as it is."""

    init_noise_sigma = 1.0

    def scale_model_input(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """Return the Latent itself."""
        return sample

    def add_noise(self, clean: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """Return a Latent on the straight line between a clean one and noise."""
        found: torch.Tensor = FlowMatchEulerDiscreteScheduler.scale_noise(self, clean, timesteps, noise)
        return found


def build_flow(config: Mapping[str, Any]) -> FlowEuler:
    """Return a new sampler of a Recipe's sampler_config; raise BadConfig where it is not whole."""
    entries = {name: value for name, value in config.items() if name != "class"}
    odd = sorted(set(entries) ^ KNOWN)
    if odd:
        raise BadConfig(
            f"The recipe's sampler_config of {FLOW_EULER} has too much or too little: {', '.join(odd)}.",
            "A sampler is never built from a class's own defaults.",
        )
    try:
        return FlowEuler(**entries)  # type: ignore[no-untyped-call]
    except (TypeError, ValueError, ImportError) as error:
        raise BadConfig(f"The sampler {FLOW_EULER} cannot be built: {error}.", "Check sampler_config.") from error


def time_shift(config: Mapping[str, Any], tokens: int) -> dict[str, float]:
    """Return what `set_timesteps` takes of a Picture of so many tokens: its shift, where the config says by size."""
    if not config.get("use_dynamic_shifting"):
        return {}
    low, high = config["base_image_seq_len"], config["max_image_seq_len"]
    slope = (config["max_shift"] - config["base_shift"]) / (high - low)
    return {"mu": tokens * slope + (config["base_shift"] - slope * low)}
