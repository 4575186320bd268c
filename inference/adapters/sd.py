"""Stable Diffusion 1 and 2, and what is distilled from them: one text encoder, a UNet that reads text alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTextModel, DPTForDepthEstimation

from core.recipe import Paint
from inference import depths
from inference.conditioning import Conditioning, Reader
from inference.embedding import Embedded, blended, guided_by_row, parts
from inference.previews import fit
from inference.weights import FORMATS, GUIDANCE, Plan, Weights, distilled, load_part, load_unet


def load(folder: Path, plan: Plan, device: torch.device) -> Weights:
    """Load a folder: safetensors from this disk alone."""
    text_encoder = load_part(CLIPTextModel, folder, "text_encoder", plan, device)
    vae = load_part(AutoencoderKL, folder, "vae", plan, device)
    unet = load_unet(folder, plan, device)
    reader = Reader(folder)
    seeing: dict[str, Any] = {}
    if int(unet.config.in_channels) == int(vae.config.latent_channels) + 1:
        estimator = load_part(DPTForDepthEstimation, folder, "depth_estimator", plan, device)
        seeing = {"depth_estimator": estimator, "depth_prepare": depths.prepare_of(folder)}
    return Weights(
        plan=plan,
        unet=unet,
        vae=vae,
        text_encoder=text_encoder,
        reader=reader,
        colours=fit(vae),
        latent_scale=2 ** (len(vae.config.block_out_channels) - 1),
        text_shape=(reader.tokens, int(unet.config.cross_attention_dim)),
        added=distilled(unet),
        **seeing,
    )


def embed(conditioning: Conditioning, weights: Weights, recipe: Paint) -> Embedded:
    """Embed by the one text encoder."""
    negative = (recipe.negative_prompt,) if recipe.guided else ()
    own = weights.text_key, weights.reader, weights.text_encoder
    rows = conditioning.rows(*own, negative, parts(recipe), recipe.clip_skip)
    text = blended(rows[len(negative) :], recipe)
    return guided_by_row(Embedded(torch.cat([*rows[: len(negative)], text])), weights, recipe)


def forward(
    weights: Weights,
    latents: torch.Tensor,
    timesteps: torch.Tensor,
    text: torch.Tensor,
    added: Mapping[str, torch.Tensor],
    residuals: Mapping[str, Any],
) -> torch.Tensor:
    """Call the UNet; SDXL's reads what is added beside the text, a distilled one its guidance, too.

    residuals: what a ControlNet adds.
    """
    beside = {name: row for name, row in added.items() if name != GUIDANCE}
    found = weights.unet(
        latents.contiguous(memory_format=FORMATS[weights.plan.memory_format]),
        timesteps,
        encoder_hidden_states=text,
        timestep_cond=added.get(GUIDANCE),
        added_cond_kwargs=beside or None,
        return_dict=False,
        **residuals,
    )
    return found[0]  # type: ignore[no-any-return]
