"""The stock diffusers pipeline run alone is the oracle: the engine's Pictures among strangers must be its Pictures."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from PIL import Image, ImageOps

from core.recipe import SAMPLERS, Paint, Sketch
from inference import samplers
from inference.run import Run
from tests.support.painting import SKETCH, engine, recipe, registry, runs_of, sketch_png, step_together
from tests.support.tiny_model import shared_tiny_model

WIDTH, HEIGHT = 64, 48
HAS_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False


LATE = 0.075
"""Of 80 Karras steps: a start at a timestep that comes twice; a sampler not told its index takes the second."""


def _cases() -> list[tuple[str, float, float | None]]:
    """Return (sampler, guidance, strength): every sampler, and every pair of guidance and sketch with many of them."""
    found: list[tuple[str, float, float | None]] = []
    for number, sampler in enumerate(SAMPLERS):
        guidance = (1.0, 7.5)[number % 2]
        found.append((sampler, guidance, (None, 0.6)[number // 2 % 2]))
        if number % 3 == 0:
            found.append((sampler, 8.5 - guidance, (0.45, None)[number // 2 % 2]))
    return [*found, ("dpmpp-2m-karras", 1.0, LATE)]


CASES = _cases()
IDS = [f"{sampler}-g{guidance:g}-{strength}" for sampler, guidance, strength in CASES]


def _recipe(number: int) -> Paint:
    sampler, guidance, strength = CASES[number]
    card = registry().card("tiny")
    return recipe(
        card,
        sampler,
        prompt=f"a fox, number {number}",
        negative_prompt="blurry" if number % 2 else "",
        seed=1000 + number,
        width=WIDTH,
        height=HEIGHT,
        steps=80 if strength == LATE else 4 + number % 5,
        guidance=guidance,
        sketch=None if strength is None else Sketch(SKETCH),
        strength=strength,
        eta=0.5 if number == 1 else 0.0,
    )


@cache
def _together(dtype: str) -> list[tuple[Run, torch.Tensor, Any]]:
    """Return each case's Run with its last Latent and its Painted, all made in random company."""
    local = engine(registry(), dtype=dtype)
    local.warm()
    runs = runs_of([_recipe(number) for number in range(len(CASES))])
    for run in runs:
        local.begin(run)
    step_together(local, runs, seed=3)
    return [(run, run.state.latent, local.wrap(run, local.decode(run))) for run in runs]


@cache
def _stock(dtype: str) -> Any:
    pipe = StableDiffusionPipeline.from_pretrained(
        shared_tiny_model(), dtype=getattr(torch, dtype), local_files_only=True, safety_checker=None
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _alone(dtype: str, wanted: Paint) -> tuple[torch.Tensor, np.ndarray[Any, Any]]:
    """Return the stock pipeline's last Latent and pixels of a Recipe."""
    torch.set_num_threads(1)
    parts = {**_stock(dtype).components, "scheduler": samplers.build(wanted.sampler_config)}
    seen: list[torch.Tensor] = []

    def keep(pipe: Any, step: int, timestep: Any, now: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(now["latents"])
        return now

    common = {
        "prompt": wanted.prompt,
        "negative_prompt": wanted.negative_prompt,
        "num_inference_steps": wanted.steps,
        "guidance_scale": wanted.guidance,
        "generator": torch.Generator().manual_seed(wanted.seed),
        "eta": wanted.eta,
        "callback_on_step_end": keep,
    }
    if wanted.sketch is None:
        pipe = StableDiffusionPipeline(**parts, requires_safety_checker=False)
        pipe.set_progress_bar_config(disable=True)
        image = pipe(**common, width=wanted.width, height=wanted.height).images[0]
    else:
        pipe = StableDiffusionImg2ImgPipeline(**parts, requires_safety_checker=False)
        pipe.set_progress_bar_config(disable=True)
        drawn = Image.open(io.BytesIO(sketch_png())).convert("RGB")
        fitted = ImageOps.fit(drawn, (wanted.width, wanted.height), Image.Resampling.LANCZOS)
        image = pipe(**common, image=_as_given(fitted, dtype), strength=wanted.strength).images[0]
    return seen[-1], np.asarray(image)


def _as_given(fitted: Image.Image, dtype: str) -> Any:
    """Return the image, for bfloat16 as a tensor.

    Of a PIL image diffusers makes a channels-last tensor, and the UNet's bits in bfloat16 depend on the layout; ours is
    one for all Runs of a call.
    """
    if dtype == "float32":
        return fitted
    return torch.from_numpy(np.asarray(fitted).transpose(2, 0, 1)[None].astype(np.float32) / 255.0).contiguous()


def _pixels(painted: Any) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(painted.png)))


@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_float32_among_strangers_is_the_stock_picture(number: int) -> None:
    run, latent, painted = _together("float32")[number]
    assert isinstance(run.recipe, Paint)
    alone, pixels = _alone("float32", run.recipe)
    assert (latent - alone).abs().max() < 2e-4
    assert np.abs(_pixels(painted).astype(int) - pixels.astype(int)).max() <= 2
    assert alone.abs().mean() > 0.1


@pytest.mark.skipif(not HAS_BF16, reason="this CPU has no avx512_bf16")
@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_bfloat16_among_strangers_is_the_stock_picture_bit_for_bit(number: int) -> None:
    run, latent, painted = _together("bfloat16")[number]
    assert isinstance(run.recipe, Paint)
    alone, pixels = _alone("bfloat16", run.recipe)
    assert torch.equal(latent, alone)
    assert np.array_equal(_pixels(painted), pixels)


def test_the_cases_were_really_mixed() -> None:
    traces = [run.trace for run, _, _ in _together("float32")]
    assert {size for trace in traces for size, _ in trace} == {1, 2, 4, 8}
    assert max(len(trace) for trace in traces) > 2
