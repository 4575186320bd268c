"""Paint pictures from prompts with the parts of a model, as the product would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from PIL import Image

from training.models import Parts, pipeline
from training.sprites import SIZE

BATCH: Final = 8


@torch.no_grad()
def paint(
    parts: Parts, prompts: Sequence[str], seeds: Sequence[int], *, steps: int = 20, guidance: float = 5.0
) -> list[Image.Image]:
    """Paint one picture of 128 px for each prompt and Seed."""
    painter = pipeline(parts)
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), BATCH):
        with torch.autocast("cpu", torch.bfloat16):
            answer = painter(
                list(prompts[start : start + BATCH]),
                num_inference_steps=steps,
                guidance_scale=guidance,
                generator=[torch.Generator().manual_seed(seed) for seed in seeds[start : start + BATCH]],
                height=SIZE,
                width=SIZE,
            )
        pictures += answer.images
    return pictures
