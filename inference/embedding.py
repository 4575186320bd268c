"""A Recipe's Prompts -> what its family's UNet reads: text rows, and beside them what SDXL adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from core.recipe import Paint
from inference.conditioning import Conditioning, Reader, weigh
from inference.families import sd1, sdxl
from inference.weights import GUIDANCE, Weights


@dataclass(frozen=True, slots=True)
class Embedded:
    """Hold a Run's rows, [negative, positive] or [positive]; `added` is by diffusers' names."""

    text: torch.Tensor  # [rows, tokens, width]
    added: Mapping[str, torch.Tensor] = field(default_factory=dict)


def embed(conditioning: Conditioning, weights: Weights, recipe: Paint) -> Embedded:
    """Return what the UNet reads of a Recipe's Prompts, encoded now where they are not in the cache."""
    found = EMBEDDERS[weights.plan.family](conditioning, weights, recipe)
    if GUIDANCE not in weights.added:
        return found
    row = guidance_row(recipe.guidance, weights.added[GUIDANCE]).to(weights.unet.device, weights.unet.dtype)
    return replace(found, added={**found.added, GUIDANCE: row})


def guidance_row(guidance: float, width: int) -> torch.Tensor:
    """Return [1, width] float32: a distilled UNet's guidance as waves, as diffusers' LCM pipeline writes it."""
    half = width // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * -(torch.log(torch.tensor(10000.0)) / (half - 1)))
    # diffusers counts guidance from 1, where a guided Run's negative row would drop out.
    angles = (torch.tensor(guidance - 1).repeat(1) * 1000.0)[:, None] * rates[None, :]
    row = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
    return torch.nn.functional.pad(row, (0, width % 2))


def embed_sd1(conditioning: Conditioning, weights: Weights, recipe: Paint) -> Embedded:
    """Embed by the one text encoder of Stable Diffusion 1.x."""
    prompts = (recipe.negative_prompt, recipe.prompt) if recipe.guided else (recipe.prompt,)
    rows = conditioning.rows(weights.text_key, weights.reader, weights.text_encoder, prompts, recipe.clip_skip)
    return Embedded(rows)


def embed_sdxl(conditioning: Conditioning, weights: Weights, recipe: Paint) -> Embedded:
    """Embed by both text encoders side by side, with the second one's pooled Prompt and the sizes for each row.

    An empty negative Prompt is zeros where the Model says so: nothing is encoded for it.
    """
    read = partial(_recalled, conditioning, weights)
    text, pooled = read(recipe.prompt, recipe.clip_skip)
    rows, pools = [text], [pooled]
    if recipe.guided and weights.zero_negative and not recipe.negative_prompt:
        rows, pools = [torch.zeros_like(text), text], [torch.zeros_like(pooled), pooled]
    elif recipe.guided:
        negative, negative_pooled = read(recipe.negative_prompt, 0)
        rows = [
            _longer(negative, text, lambda: read("", 0)[0]),
            _longer(text, negative, lambda: read("", recipe.clip_skip)[0]),
        ]
        pools = [negative_pooled, pooled]
    size = (recipe.height, recipe.width)
    times = torch.tensor([[*size, 0, 0, *size]] * len(rows), dtype=text.dtype, device=text.device)
    return Embedded(torch.cat(rows), {"text_embeds": torch.cat(pools), "time_ids": times})


EMBEDDERS: Mapping[str, Callable[[Conditioning, Weights, Paint], Embedded]] = {
    sd1.FAMILY: embed_sd1,
    sd1.DISTILLED: embed_sd1,
    sdxl.FAMILY: embed_sdxl,
    sdxl.DISTILLED: embed_sdxl,
}


def _recalled(conditioning: Conditioning, weights: Weights, words: str, skip: int) -> tuple[torch.Tensor, torch.Tensor]:
    return conditioning.recall((*weights.text_key, words, skip), lambda: _both(weights, words, skip))


def _both(weights: Weights, words: str, skip: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return [1, tokens, both widths] and the pooled Prompt [1, width] of its first chunk, as A1111 takes it.

    Tokenizers of two vocabularies may cut the same words into more chunks for one encoder: the other reads empty ones.
    """
    first, _ = _hidden(weights.reader, weights.text_encoder, words, skip)
    second, pooled = _hidden(weights.reader_2, weights.text_encoder_2, words, skip)
    first = _longer(first, second, lambda: _hidden(weights.reader, weights.text_encoder, "", skip)[0])
    second = _longer(second, first, lambda: _hidden(weights.reader_2, weights.text_encoder_2, "", skip)[0])
    return torch.cat([first, second], dim=-1).to(weights.text_encoder_2.dtype), pooled


def _hidden(reader: Reader, text_encoder: Any, words: str, skip: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the last layer but one (fewer by `skip`) of every chunk, and the first chunk's own first output."""
    rows, pools = [], []
    for chunk in reader.chunks(words):
        found = text_encoder(torch.tensor([chunk.ids], device=text_encoder.device), output_hidden_states=True)
        layer = min(skip + 2, len(found.hidden_states))
        rows.append(weigh(found.hidden_states[-layer], chunk, text_encoder.dtype))
        pools.append(found[0])
    return torch.cat(rows, dim=1), pools[0]


def _longer(row: torch.Tensor, other: torch.Tensor, empty: Callable[[], torch.Tensor]) -> torch.Tensor:
    """Return the row, padded with empty chunks where the other one is longer."""
    while row.shape[1] < other.shape[1]:
        row = torch.cat([row, empty()], dim=1)
    return row
