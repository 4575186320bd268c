"""What the families share in embedding Prompts: two CLIP encoders side by side, a distilled one's guidance row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from core.recipe import Paint
from inference.conditioning import Conditioning, Reader, weigh
from inference.weights import GUIDANCE, Weights


@dataclass(frozen=True, slots=True)
class Embedded:
    """Hold a Run's rows, [negative, positive] or [positive]; `added` is by diffusers' names."""

    text: torch.Tensor  # [rows, tokens, width]
    added: Mapping[str, torch.Tensor] = field(default_factory=dict)


def guided_by_row(found: Embedded, weights: Weights, recipe: Paint) -> Embedded:
    """Return it with the row a distilled UNet reads its guidance in, as it is for any other."""
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


def parts(recipe: Paint) -> tuple[str, ...]:
    """Return the words that are embedded one by one: the Prompt, or the parts it is blended from."""
    return tuple(part.words for part in recipe.blend) or (recipe.prompt,)


def blended(rows: Sequence[torch.Tensor], recipe: Paint) -> torch.Tensor:
    """Return what the parts make together: each weighs as its share of all weights, added in float32."""
    if not recipe.blend:
        return rows[0]
    whole = sum(part.weight for part in recipe.blend)
    shares = [part.weight / whole for part in recipe.blend]
    added = torch.stack([row.float() * share for row, share in zip(rows, shares, strict=True)]).sum(dim=0)
    return added.to(rows[0].dtype)


def recalled(conditioning: Conditioning, weights: Weights, words: str, skip: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what both encoders made of the words, encoded now where they are not in the cache."""

    def encode() -> tuple[torch.Tensor, torch.Tensor]:
        text, _, pooled = both(weights, words, skip)
        return text, pooled

    return conditioning.recall((*weights.text_key, words, skip), encode)


def both(weights: Weights, words: str, skip: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return [1, tokens, both widths] and what each encoder put first for the first chunk, as A1111 takes it.

    That is the pooled Prompt [1, width] of an encoder with a projection.

    Tokenizers of two vocabularies may cut the same words into more chunks for one encoder: the other reads empty ones.
    """
    first, one = hidden(weights.reader, weights.text_encoder, words, skip)
    second, other = hidden(weights.reader_2, weights.text_encoder_2, words, skip)
    first = longer(first, second, lambda: hidden(weights.reader, weights.text_encoder, "", skip)[0])
    second = longer(second, first, lambda: hidden(weights.reader_2, weights.text_encoder_2, "", skip)[0])
    return torch.cat([first, second], dim=-1).to(weights.text_encoder_2.dtype), one, other


def hidden(reader: Reader, text_encoder: Any, words: str, skip: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the last layer but one (fewer by `skip`) of every chunk, and the first chunk's own first output."""
    rows, pools = [], []
    for chunk in reader.chunks(words):
        found = text_encoder(torch.tensor([chunk.ids], device=text_encoder.device), output_hidden_states=True)
        layer = min(skip + 2, len(found.hidden_states))
        rows.append(weigh(found.hidden_states[-layer], chunk, text_encoder.dtype))
        pools.append(found[0])
    return torch.cat(rows, dim=1), pools[0]


def together(rows: Sequence[torch.Tensor], recipe: Paint, empty: Callable[[], torch.Tensor]) -> torch.Tensor:
    """Return what parts of perhaps unlike length make together, the shorter ones padded with empty chunks."""
    longest = max(rows, key=lambda row: row.shape[1])
    return blended([longer(row, longest, empty) for row in rows], recipe)


def longer(row: torch.Tensor, other: torch.Tensor, empty: Callable[[], torch.Tensor]) -> torch.Tensor:
    """Return the row, padded with empty chunks where the other one is longer."""
    while row.shape[1] < other.shape[1]:
        row = torch.cat([row, empty()], dim=1)
    return row
