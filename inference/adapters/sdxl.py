"""Stable Diffusion XL: two text encoders side by side; each row reads pooled words and six sizes, too."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from core.recipe import Paint
from inference.adapters.sd import forward
from inference.conditioning import Conditioning, Reader
from inference.embedding import Embedded, blended, guided_by_row, longer, parts, recalled, together
from inference.families import sdxl
from inference.families.folder import read_json
from inference.previews import fit
from inference.weights import Plan, Weights, distilled, load_part, load_unet, widened

__all__ = ["embed", "forward", "load"]


def load(folder: Path, plan: Plan, device: torch.device) -> Weights:
    """Load a folder: safetensors from this disk alone."""
    second = load_part(CLIPTextModelWithProjection, folder, "text_encoder_2", plan, device)
    vae = load_part(AutoencoderKL, folder, "vae", plan, device)
    unet = load_unet(folder, plan, device)
    with widened(vae, vae.config.force_upcast):
        colours = fit(vae)
    reader = Reader(folder)
    return Weights(
        plan=plan,
        unet=unet,
        vae=vae,
        text_encoder=load_part(CLIPTextModel, folder, "text_encoder", plan, device),
        reader=reader,
        colours=colours,
        latent_scale=2 ** (len(vae.config.block_out_channels) - 1),
        text_shape=(reader.tokens, int(unet.config.cross_attention_dim)),
        text_encoder_2=second,
        reader_2=Reader(folder, "_2"),
        added={"text_embeds": int(second.config.projection_dim), "time_ids": sdxl.SIZES, **distilled(unet)},
        upcast=bool(vae.config.force_upcast),
        zero_negative=sdxl.zero_negative(read_json(folder / "model_index.json")),
    )


def embed(conditioning: Conditioning, weights: Weights, recipe: Paint) -> Embedded:
    """Embed by both text encoders side by side, with the second one's pooled Prompt and the sizes for each row.

    An empty negative Prompt is zeros where the Model says so: nothing is encoded for it.
    """
    read = partial(recalled, conditioning, weights)
    found = [read(words, recipe.clip_skip) for words in parts(recipe)]
    text = together([text for text, _ in found], recipe, lambda: read("", recipe.clip_skip)[0])
    pooled = blended([pooled for _, pooled in found], recipe)
    rows, pools = [text], [pooled]
    if recipe.guided and weights.zero_negative and not recipe.negative_prompt:
        rows, pools = [torch.zeros_like(text), text], [torch.zeros_like(pooled), pooled]
    elif recipe.guided:
        negative, negative_pooled = read(recipe.negative_prompt, 0)
        rows = [
            longer(negative, text, lambda: read("", 0)[0]),
            longer(text, negative, lambda: read("", recipe.clip_skip)[0]),
        ]
        pools = [negative_pooled, pooled]
    size = (recipe.height, recipe.width)
    times = torch.tensor([[*size, 0, 0, *size]] * len(rows), dtype=text.dtype, device=text.device)
    added = {"text_embeds": torch.cat(pools), "time_ids": times}
    return guided_by_row(Embedded(torch.cat(rows), added), weights, recipe)
