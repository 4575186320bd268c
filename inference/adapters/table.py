"""The families that are stepped: each family's adapter, and a Model loaded by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from core.errors import ModelUnavailable
from core.recipe import Paint
from inference.adapters import sd, sd3, sdxl
from inference.conditioning import Conditioning
from inference.embedding import Embedded
from inference.weights import Load, Plan, Weights

Forward = Callable[
    [Weights, torch.Tensor, torch.Tensor, torch.Tensor, Mapping[str, torch.Tensor], Mapping[str, Any]], torch.Tensor
]
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Adapter:
    """Hold what a family does its own way.

    load: a folder -> Weights. embed: a Recipe's Prompts -> what the UNet reads, encoded now where they are not in the
    cache. forward: the one model call, [rows, C, H/8, W/8], [rows], [rows, tokens, width] -> [rows, C, H/8, W/8].
    """

    load: Load
    embed: Callable[[Conditioning, Weights, Paint], Embedded]
    forward: Forward


STABLE = Adapter(sd.load, sd.embed, sd.forward)
XL = Adapter(sdxl.load, sdxl.embed, sdxl.forward)
ADAPTERS: Mapping[str, Adapter] = {
    "sd1": STABLE,
    "sd1-lcm": STABLE,
    "sd2": STABLE,
    "sd2-lcm": STABLE,
    "sdxl": XL,
    "sdxl-lcm": XL,
    "sd3": Adapter(sd3.load, sd3.embed, sd3.forward),
}


def load(folder: Path, plan: Plan, device: torch.device) -> Weights:
    """Load a folder as its family does; raise ModelUnavailable where the family is not stepped."""
    if plan.family not in ADAPTERS:
        raise ModelUnavailable(f"There is no way to paint with the family {plan.family}.", "Choose another model.")
    return ADAPTERS[plan.family].load(folder, plan, device)


def embed(conditioning: Conditioning, weights: Weights, recipe: Paint) -> Embedded:
    """Return what the UNet reads of a Recipe's Prompts."""
    return ADAPTERS[weights.plan.family].embed(conditioning, weights, recipe)


def forward(
    weights: Weights,
    latents: torch.Tensor,
    timesteps: torch.Tensor,
    text: torch.Tensor,
    added: Mapping[str, torch.Tensor],
    residuals: Mapping[str, Any] = NOTHING,
) -> torch.Tensor:
    """Make the one model call; residuals: what a ControlNet adds, by diffusers' names."""
    return ADAPTERS[weights.plan.family].forward(weights, latents, timesteps, text, added, residuals)
