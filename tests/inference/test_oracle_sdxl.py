"""SDXL: the stock pipeline run alone is the oracle for the engine's Pictures among strangers of two families."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline
from PIL import Image, ImageOps

from core.picture import Replay
from core.recipe import Paint, Sketch
from inference import samplers
from inference.run import Run
from tests.support.painting import (
    SKETCH,
    engine,
    paint_alone,
    recipe,
    registry,
    runs_of,
    sketch_png,
    step_together,
)
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_sdxl import make_tiny_sdxl, shared_tiny_sdxl

HAS_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False
WIDE, TALL = (64, 48), (48, 64)
Case = tuple[str, float, float | None, str, tuple[int, int], int]
CASES: tuple[Case, ...] = (
    ("euler", 5.0, None, "", WIDE, 0),
    ("euler", 1.0, 0.6, "", WIDE, 0),
    ("ddim", 7.5, None, "blurry, hey! there", WIDE, 0),
    ("ddim", 5.0, 0.5, "", TALL, 1),
    ("dpmpp-2m-karras", 1.0, None, "", TALL, 0),
    ("dpmpp-2m-karras", 6.0, 0.45, "ugly", WIDE, 0),
    ("euler-a", 3.0, None, "", TALL, 1),
    ("heun", 5.0, 0.6, "", WIDE, 0),
    ("plms", 5.0, None, "grey", WIDE, 1),
    ("unipc", 2.0, None, "", WIDE, 0),
    ("lcm", 1.0, None, "", WIDE, 0),
    ("dpmpp-2m-sde", 5.0, None, "", TALL, 0),
)
IDS = [f"{case[0]}-g{case[1]:g}-{case[2]}-{case[4][0]}" for case in CASES]


def _models() -> Any:
    return registry(tiny=shared_tiny_model(), xl=shared_tiny_sdxl())


def _recipe(number: int) -> Paint:
    sampler, guidance, strength, negative, (width, height), skip = CASES[number]
    return recipe(
        _models().card("xl"),
        sampler,
        prompt=f"a fox! number {number}",
        negative_prompt=negative,
        seed=2000 + number,
        width=width,
        height=height,
        steps=4 + number % 5,
        guidance=guidance,
        sketch=None if strength is None else Sketch(SKETCH),
        strength=strength,
        clip_skip=skip,
    )


@cache
def _together(dtype: str) -> list[tuple[Run, torch.Tensor, Any]]:
    """Return each case's Run with its last Latent and its Painted, made in random company of another family too."""
    models = _models()
    local = engine(models, dtype=dtype)
    local.warm()
    strangers = [recipe(models.card("tiny"), "ddim", seed=number, width=64, height=48) for number in range(3)]
    runs = runs_of([*[_recipe(number) for number in range(len(CASES))], *strangers])
    for run in runs:
        local.begin(run)
    step_together(local, runs, seed=5)
    return [(run, run.state.latent, local.wrap(run, local.decode(run))) for run in runs[: len(CASES)]]


@cache
def _stock(dtype: str, folder: Path) -> Any:
    kind: Any = StableDiffusionXLPipeline
    return kind.from_pretrained(folder, dtype=getattr(torch, dtype), local_files_only=True, add_watermarker=False)


def _alone(dtype: str, wanted: Paint, folder: Path) -> tuple[torch.Tensor, np.ndarray[Any, Any]]:
    """Return the stock pipeline's last Latent and pixels of a Recipe; no words to avoid are None to it."""
    torch.set_num_threads(1)
    stock = _stock(dtype, folder)
    parts = {**stock.components, "scheduler": samplers.build(wanted.sampler_config)}
    seen: list[torch.Tensor] = []

    def keep(pipe: Any, step: int, timestep: Any, now: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(now["latents"])
        return now

    common = {
        "prompt": wanted.prompt,
        "negative_prompt": wanted.negative_prompt or None,
        "num_inference_steps": wanted.steps,
        "guidance_scale": wanted.guidance,
        "generator": torch.Generator().manual_seed(wanted.seed),
        "eta": wanted.eta,
        "clip_skip": wanted.clip_skip or None,
        "callback_on_step_end": keep,
    }
    kind: Any = StableDiffusionXLPipeline if wanted.sketch is None else StableDiffusionXLImg2ImgPipeline
    zeros = stock.config.force_zeros_for_empty_prompt
    pipe: Any = kind(**parts, force_zeros_for_empty_prompt=zeros, add_watermarker=False)
    pipe.set_progress_bar_config(disable=True)
    if wanted.sketch is None:
        image = pipe(**common, width=wanted.width, height=wanted.height).images[0]
    else:
        drawn = Image.open(io.BytesIO(sketch_png())).convert("RGB")
        fitted = ImageOps.fit(drawn, (wanted.width, wanted.height), Image.Resampling.LANCZOS)
        image = pipe(**common, image=_as_given(fitted), strength=wanted.strength).images[0]
    return seen[-1], np.asarray(image)


def _as_given(fitted: Image.Image) -> torch.Tensor:
    """Return the image as a contiguous tensor: of a PIL image diffusers makes a channels-last one."""
    return torch.from_numpy(np.asarray(fitted).transpose(2, 0, 1)[None].astype(np.float32) / 255.0).contiguous()


def _pixels(painted: Any) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(painted.png)))


@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_float32_among_strangers_is_the_stock_picture(number: int) -> None:
    run, latent, painted = _together("float32")[number]
    assert isinstance(run.recipe, Paint)
    alone, pixels = _alone("float32", run.recipe, shared_tiny_sdxl())
    assert (latent - alone).abs().max() < 2e-4
    assert np.abs(_pixels(painted).astype(int) - pixels.astype(int)).max() <= 2
    assert alone.abs().mean() > 0.1


@pytest.mark.skipif(not HAS_BF16, reason="this CPU has no avx512_bf16")
@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_bfloat16_among_strangers_is_the_stock_picture_bit_for_bit(number: int) -> None:
    run, latent, painted = _together("bfloat16")[number]
    assert isinstance(run.recipe, Paint)
    alone, pixels = _alone("bfloat16", run.recipe, shared_tiny_sdxl())
    assert torch.equal(latent, alone)
    assert np.array_equal(_pixels(painted), pixels)


def test_the_cases_were_really_mixed() -> None:
    traces = [run.trace for run, _, _ in _together("float32")]
    assert {size for trace in traces for size, _ in trace} >= {2, 4, 8}
    assert max(len(trace) for trace in traces) > 2


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_picture_from_company_is_made_again_alone_bit_for_bit(dtype: str) -> None:
    local = engine(_models(), dtype=dtype)
    for run, latent, painted in _together(dtype):
        again = Run("again", 0, "p", run.recipe, replay=Replay(painted.fingerprint, painted.pixels_digest))
        assert paint_alone(local, again).pixels_digest == painted.pixels_digest
        assert torch.equal(again.state.latent, latent)


def test_a_model_that_does_not_zero_its_empty_negative_encodes_it(tmp_path: Path) -> None:
    folder = make_tiny_sdxl(tmp_path / "words", force_zeros=False)
    models = registry(xl=folder)
    wanted = recipe(models.card("xl"), "ddim", guidance=6.0, width=64, height=48)
    run = runs_of([wanted])[0]
    paint_alone(engine(models), run)
    alone, _ = _alone("float32", wanted, folder)
    zeroed, _ = _alone("float32", wanted, shared_tiny_sdxl())
    assert (run.state.latent - alone).abs().max() < 2e-4
    assert (alone - zeroed).abs().max() > 1e-3


@pytest.mark.filterwarnings("ignore:`upcast_vae` is deprecated:FutureWarning")
@pytest.mark.parametrize("number", [0, 1])
def test_in_float16_the_vae_works_in_float32_as_the_stock_one(number: int) -> None:
    wanted = _recipe(number)
    run = runs_of([wanted])[0]
    painted = paint_alone(engine(_models(), dtype="float16"), run)
    alone, pixels = _alone("float16", wanted, shared_tiny_sdxl())
    assert (run.state.latent - alone).abs().max() < 0.1
    assert np.abs(_pixels(painted).astype(int) - pixels.astype(int)).max() <= 2
    vae = run.state.weights.vae
    assert vae.dtype is torch.float16
    with torch.inference_mode():
        narrow = _eight_bits(vae.decode(run.state.latent / vae.config.scaling_factor).sample)
        wide = _eight_bits(vae.float().decode(run.state.latent.float() / vae.config.scaling_factor).sample)
    assert np.array_equal(_pixels(painted), wide)
    assert not np.array_equal(narrow, wide)


def _eight_bits(image: torch.Tensor) -> np.ndarray[Any, Any]:
    rows = (image * 0.5 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().numpy()[0]
    return np.asarray((rows * 255).round().astype(np.uint8))
