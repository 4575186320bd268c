"""Guiding: what ControlNets add to a UNet's call, row by row, as the stock pipelines do for one Picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from diffusers import ControlNetModel

from core.errors import ModelUnavailable
from core.recipe import Control
from inference.cards import Source
from inference.families.facts import MODEL
from inference.finish.png import Pixels
from inference.profiles import home, stream
from inference.run import Key
from inference.weights import FORMATS, GUIDANCE, Plan, Weights, from_folder

CONTROL = "control"
"""The family of a ControlNet's Plan, and how profiles call it."""
ALIKE = ("block_out_channels", "layers_per_block", "cross_attention_dim")
"""Settings in which a ControlNet is like the UNet it was made of."""


@dataclass(frozen=True, slots=True)
class Guide:
    """Hold what guides one Run; pixels: the Sketch as it was prepared, read: the same as the ControlNet reads it."""

    net: Any
    control: Control
    pixels: Pixels
    read: torch.Tensor  # [1, 3, H, W], 0..1

    def scale(self, call: int, calls: int) -> float:
        """Return how strongly it pulls at one of its Run's calls, as the stock pipelines count its part."""
        off = call / calls < self.control.start or (call + 1) / calls > self.control.end
        return 0.0 if off else self.control.scale


def control_plan(key: Key) -> Plan:
    """Return how the ControlNet of a Key is loaded."""
    return Plan(key.control, CONTROL, key.dtype, key.memory_format, profile=key.profile)


def load(source: Source, plan: Plan, device: torch.device) -> torch.nn.Module:
    """Load a ControlNet's folder: safetensors from this disk alone."""
    net = from_folder(ControlNetModel, source.folder, MODEL, plan).eval().requires_grad_(False)
    net = net.to(home(plan.profile, CONTROL, device)).to(memory_format=FORMATS[plan.memory_format])
    stream(net, plan.profile, device)
    return cast(torch.nn.Module, net)


def guide(net: Any, weights: Weights, control: Control, pixels: Pixels) -> Guide:
    """Return what guides a Run of a Model; raise ModelUnavailable where the ControlNet is of another shape."""
    for name, mine, theirs in _shapes(weights, net):
        if mine != theirs:
            raise ModelUnavailable(
                f"The ControlNet was made for another model: its {name} is {theirs}, not {mine}.", "Choose another."
            )
    rows = np.frombuffer(pixels.rgb, np.uint8).reshape(1, pixels.height, pixels.width, 3)
    read = torch.from_numpy(rows.astype(np.float32) / 255.0).permute(0, 3, 1, 2).contiguous()
    return Guide(net, control, pixels, read.to(weights.unet.device, weights.unet.dtype))


def _shapes(weights: Weights, net: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield what must be alike: its name, as the Model has it, as the ControlNet has it."""
    for name in ALIKE:
        mine, theirs = (
            list(each) if isinstance(each, tuple | list) else each
            for each in (weights.unet.config[name], net.config[name])
        )
        yield name, mine, theirs
    yield "scale", weights.latent_scale, 2 ** (len(net.config.conditioning_embedding_out_channels) - 1)


def residuals(
    net: Any,
    memory_format: str,
    latents: torch.Tensor,
    timesteps: torch.Tensor,
    text: torch.Tensor,
    added: Mapping[str, torch.Tensor],
    pictures: torch.Tensor,
    scales: list[float],
) -> dict[str, Any]:
    """Return what the UNet's call takes beside the rest, by diffusers' names; nothing where no row is pulled now."""
    if not any(scales):
        return {}
    beside = {name: row for name, row in added.items() if name != GUIDANCE}
    down, mid = net(
        latents.contiguous(memory_format=FORMATS[memory_format]),
        timesteps,
        encoder_hidden_states=text,
        controlnet_cond=pictures,
        added_cond_kwargs=beside or None,
        return_dict=False,
    )
    # In float32, rounded once: as a number times a tensor is, whatever the tensor's dtype.
    pull = torch.tensor(scales, dtype=torch.float32, device=latents.device).view(-1, 1, 1, 1)
    return {
        "down_block_additional_residuals": tuple((each * pull).to(each.dtype) for each in down),
        "mid_block_additional_residual": (mid * pull).to(mid.dtype),
    }
