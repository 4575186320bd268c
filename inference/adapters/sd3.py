"""Stable Diffusion 3: three text encoders one after the other; each row reads its timestep and pooled words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from transformers import CLIPTextModelWithProjection, T5EncoderModel

from core.recipe import Paint
from inference.conditioning import Conditioning, Reader, weigh
from inference.embedding import Embedded, blended, both, longer, parts, together
from inference.families import sd3
from inference.families.folder import read_json
from inference.previews import fit
from inference.t5 import T5Reader
from inference.weights import FORMATS, Plan, Weights, load_part

POOLED = "pooled_projections"


def load(folder: Path, plan: Plan, device: torch.device) -> Weights:
    """Load a folder: safetensors from this disk alone; its third text encoder may be missing."""
    index = read_json(folder / "model_index.json")
    first = load_part(CLIPTextModelWithProjection, folder, "text_encoder", plan, device)
    second = load_part(CLIPTextModelWithProjection, folder, "text_encoder_2", plan, device)
    vae = load_part(AutoencoderKL, folder, "vae", plan, device)
    net = load_part(SD3Transformer2DModel, folder, "transformer", plan, device)
    if plan.attention == "fused-qkv":
        net.fuse_qkv_projections()
    third = load_part(T5EncoderModel, folder, "text_encoder_3", plan, device) if sd3.has_t5(index) else None
    reader = Reader(folder)
    return Weights(
        plan=plan,
        unet=net,
        vae=vae,
        text_encoder=first,
        reader=reader,
        colours=fit(vae),
        latent_scale=2 ** (len(vae.config.block_out_channels) - 1),
        text_shape=(reader.tokens + sd3.T5_TOKENS, int(net.config.joint_attention_dim)),
        text_encoder_2=second,
        reader_2=Reader(folder, "_2"),
        text_encoder_3=third,
        reader_3=None if third is None else T5Reader(folder, sd3.T5_TOKENS),
        added={POOLED: int(net.config.pooled_projection_dim)},
        patch=int(net.config.patch_size),
    )


def embed(conditioning: Conditioning, weights: Weights, recipe: Paint) -> Embedded:
    """Embed by both CLIP encoders side by side, then by T5, with both pooled Prompts beside.

    The parts of negative and positive are padded to each other with empty chunks, each encoder's to its own.
    """
    clip = partial(_clip, conditioning, weights)
    t5 = partial(_t5, conditioning, weights)
    found = [clip(words, recipe.clip_skip) for words in parts(recipe)]
    text = together([text for text, _ in found], recipe, lambda: clip("", recipe.clip_skip)[0])
    pooled = blended([pooled for _, pooled in found], recipe)
    told = together([t5(words) for words in parts(recipe)], recipe, lambda: t5(""))
    if not recipe.guided:
        return Embedded(_joined(text, told), {POOLED: pooled})
    negative, negative_pooled = clip(recipe.negative_prompt, 0)
    negative_told = t5(recipe.negative_prompt)
    rows = [
        _joined(longer(negative, text, lambda: clip("", 0)[0]), longer(negative_told, told, lambda: t5(""))),
        _joined(
            longer(text, negative, lambda: clip("", recipe.clip_skip)[0]), longer(told, negative_told, lambda: t5(""))
        ),
    ]
    return Embedded(torch.cat(rows), {POOLED: torch.cat([negative_pooled, pooled])})


def forward(
    weights: Weights,
    latents: torch.Tensor,
    timesteps: torch.Tensor,
    text: torch.Tensor,
    added: Mapping[str, torch.Tensor],
    residuals: Mapping[str, Any],
) -> torch.Tensor:
    """Call the transformer."""
    found = weights.unet(
        hidden_states=latents.contiguous(memory_format=FORMATS[weights.plan.memory_format]),
        timestep=timesteps,
        encoder_hidden_states=text,
        pooled_projections=added[POOLED],
        return_dict=False,
        **residuals,
    )
    return found[0]  # type: ignore[no-any-return]


def _clip(conditioning: Conditioning, weights: Weights, words: str, skip: int) -> tuple[torch.Tensor, torch.Tensor]:
    def encode() -> tuple[torch.Tensor, torch.Tensor]:
        text, first, second = both(weights, words, skip)
        return text, torch.cat([first, second], dim=-1)

    return conditioning.recall((*weights.text_key, words, skip), encode)


def _t5(conditioning: Conditioning, weights: Weights, words: str) -> torch.Tensor:
    """Return [1, tokens, width] of T5, zeros of one chunk where the folder has none."""
    tokens, wide = weights.text_shape[0] - weights.reader.tokens, weights.text_shape[1]
    if weights.text_encoder_3 is None:
        own = weights.text_encoder
        return torch.zeros(1, tokens, wide, device=own.device, dtype=own.dtype)
    return conditioning.recall((*weights.text_key, words, "t5"), lambda: _read(weights, words))


def _read(weights: Weights, words: str) -> torch.Tensor:
    encoder = weights.text_encoder_3
    rows = []
    for chunk in weights.reader_3.chunks(words):
        found = encoder(torch.tensor([chunk.ids], device=encoder.device))[0]
        rows.append(weigh(found, chunk, encoder.dtype))
    return torch.cat(rows, dim=1)


def _joined(clip: torch.Tensor, t5: torch.Tensor) -> torch.Tensor:
    """Return CLIP's tokens, made as wide as T5's by zeros, and T5's after them."""
    return torch.cat([torch.nn.functional.pad(clip, (0, t5.shape[-1] - clip.shape[-1])), t5], dim=-2)
