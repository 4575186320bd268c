"""E2, equality: the engine's Pictures among random companions against the stock pipeline alone; equal k of n.

usage: python -m bench.e2 [pictures]
"""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from bench.common import write
from core.progress import Painted
from core.recipe import Paint
from inference import samplers
from inference.quiet import hush
from tests.support.crowd import recipes
from tests.support.painting import engine, registry, runs_of, sketch_png, step_together
from tests.support.tiny_model import shared_tiny_model

TOGETHER = 12
DTYPES = ("bfloat16", "float32")


def by_engine(dtype: str, wanted: Sequence[Paint], seed: int) -> list[tuple[torch.Tensor, Painted]]:
    """Return each Recipe's last Latent and Picture, a dozen at a time in random Batches."""
    local = engine(registry(), dtype=dtype)
    local.warm()
    found = []
    for at in range(0, len(wanted), TOGETHER):
        runs = runs_of(wanted[at : at + TOGETHER])
        for run in runs:
            local.begin(run)
        step_together(local, runs, seed + at)
        found += [(run.state.latent, local.wrap(run, local.decode(run))) for run in runs]
    return found


class Stock:
    """The stock pipelines over the tiny model, one Picture at a time."""

    def __init__(self, dtype: str) -> None:
        diffusers: Any = import_module("diffusers")
        self._kinds = diffusers.StableDiffusionPipeline, diffusers.StableDiffusionImg2ImgPipeline
        self._dtype = dtype
        self._parts = (
            self._kinds[0]
            .from_pretrained(
                shared_tiny_model(), dtype=getattr(torch, dtype), local_files_only=True, safety_checker=None
            )
            .components
        )

    def paint(self, wanted: Paint) -> tuple[torch.Tensor, np.ndarray[Any, Any]]:
        """Return the last Latent and the pixels."""
        seen: list[torch.Tensor] = []

        def keep(pipe: Any, step: int, timestep: Any, now: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            seen.append(now["latents"])
            return now

        parts = {**self._parts, "scheduler": samplers.build(wanted.sampler_config)}
        pipe = self._kinds[wanted.sketch is not None](**parts, requires_safety_checker=False)
        pipe.set_progress_bar_config(disable=True)
        size = {"width": wanted.width, "height": wanted.height}
        image = pipe(
            prompt=wanted.prompt,
            negative_prompt=wanted.negative_prompt,
            num_inference_steps=wanted.steps,
            guidance_scale=wanted.guidance,
            generator=torch.Generator().manual_seed(wanted.seed),
            callback_on_step_end=keep,
            **(size if wanted.sketch is None else {"image": self._sketch(wanted), "strength": wanted.strength}),
        ).images[0]
        return seen[-1], np.asarray(image)

    def _sketch(self, wanted: Paint) -> Any:
        drawn = Image.open(io.BytesIO(sketch_png())).convert("RGB")
        fitted = ImageOps.fit(drawn, (wanted.width, wanted.height), Image.Resampling.LANCZOS)
        # A tensor, since diffusers makes a channels-last one of an image, and bfloat16 bits hang on the layout.
        rows = np.asarray(fitted).transpose(2, 0, 1)[None].astype(np.float32) / 255.0
        return torch.from_numpy(rows).contiguous() if self._dtype == "bfloat16" else fitted


def compare(dtype: str, wanted: Sequence[Paint], seed: int) -> dict[str, Any]:
    """Count Latents and Pictures that are equal in every bit, and the largest differences."""
    stock, equal, latents, most_latent, most_value = Stock(dtype), 0, 0, 0.0, 0
    for one, (latent, painted) in zip(wanted, by_engine(dtype, wanted, seed), strict=True):
        alone, pixels = stock.paint(one)
        ours = np.asarray(Image.open(io.BytesIO(painted.png)))
        latents += torch.equal(latent, alone)
        equal += np.array_equal(ours, pixels)
        most_latent = max(most_latent, float((latent - alone).abs().max()))
        most_value = max(most_value, int(np.abs(ours.astype(int) - pixels.astype(int)).max()))
    return {"of": len(wanted), "equal_latents": latents, "equal_pictures": equal, "latent_maxdiff": most_latent,
            "most_of_255": most_value}  # fmt: skip


def main(pictures: int) -> None:
    """Compare random mixes of samplers, guidance, sketches and two sizes in both dtypes."""
    hush()
    torch.set_num_threads(1)
    chance = random.Random(41)
    wanted = [replace(one, vary=None) for one in recipes(registry().card("tiny"), pictures, chance)]
    write("e2", {dtype: compare(dtype, wanted, 7) for dtype in DTYPES})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
