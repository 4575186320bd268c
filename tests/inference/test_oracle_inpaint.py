"""Inpainting: the stock pipeline run alone is the oracle for masked Pictures made among strangers without a mask."""

from __future__ import annotations

import io
import json
import shutil
from atexit import register
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline
from PIL import Image, ImageOps

from core.errors import BadInput
from core.picture import Replay
from core.recipe import Mask, Paint, Sketch, Variation
from inference import samplers
from inference.run import Run
from tests.support.painting import (
    MASK,
    SKETCH,
    batch_of,
    engine,
    mask_png,
    paint_alone,
    recipe,
    registry,
    runs_of,
    sketch_png,
    step_together,
)
from tests.support.tiny_model import make_tiny_model, shared_tiny_model
from tests.support.tiny_sdxl import shared_tiny_sdxl

HAS_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False
Case = tuple[str, str, float, float | None]
CASES: tuple[Case, ...] = (
    ("tiny", "ddim", 7.5, 1.0),
    ("tiny", "euler-a", 1.0, 0.6),
    ("tiny", "dpmpp-2m-karras", 5.0, 0.75),
    ("tiny", "plms", 5.0, 1.0),
    ("tiny", "heun", 1.0, 0.6),
    ("tiny", "lcm", 1.0, 1.0),
    ("nine", "ddim", 5.0, 0.6),
    ("nine", "euler-a", 7.5, 1.0),
    ("nine", "unipc", 1.0, 0.75),
    ("nine", "plms", 5.0, 1.0),
    ("nine", "dpmpp-2m-sde", 5.0, 0.6),
)
IDS = [f"{model}-{sampler}-g{guidance:g}-{strength}" for model, sampler, guidance, strength in CASES]


@cache
def nine() -> Path:
    """Return a tiny model whose UNet reads nine channels."""
    place = TemporaryDirectory(prefix="limner-tiny-nine-")
    register(place.cleanup)
    return make_tiny_model(Path(place.name) / "nine", channels=9)


def _folder(model: str) -> Path:
    return nine() if model == "nine" else shared_tiny_model()


def _models() -> Any:
    return registry(tiny=shared_tiny_model(), nine=nine())


def _recipe(number: int, **fields: Any) -> Paint:
    model, sampler, guidance, strength = CASES[number]
    given = {
        "prompt": f"a fox, number {number}",
        "seed": 3000 + number,
        "width": 64,
        "height": 48,
        "steps": 4 + number % 5,
        "guidance": guidance,
        "sketch": Sketch(SKETCH),
        "strength": strength,
        "mask": Mask(MASK),
    }
    return recipe(_models().card(model), sampler, **{**given, **fields})


@cache
def _together(dtype: str) -> list[tuple[Run, torch.Tensor, Any]]:
    """Return each case's Run, last Latent and Painted; plain Runs, with and without a Sketch, share their calls."""
    models = _models()
    local = engine(models, dtype=dtype)
    local.warm()
    wanted: tuple[dict[str, Any], ...] = ({}, {"sketch": Sketch(SKETCH), "strength": 0.6}, {"guidance": 5.0})
    card = models.card("tiny")
    plain = [
        recipe(card, "ddim", seed=number, width=64, height=48, steps=6, **given) for number, given in enumerate(wanted)
    ]
    runs = runs_of([*[_recipe(number) for number in range(len(CASES))], *plain])
    for run in runs:
        local.begin(run)
    step_together(local, runs, seed=11)
    return [(run, run.state.latent, local.wrap(run, local.decode(run))) for run in runs[: len(CASES)]]


@cache
def _stock(dtype: str, model: str) -> Any:
    kind: Any = StableDiffusionInpaintPipeline
    return kind.from_pretrained(_folder(model), dtype=getattr(torch, dtype), local_files_only=True, safety_checker=None)


def _alone(dtype: str, model: str, wanted: Paint) -> tuple[torch.Tensor, np.ndarray[Any, Any]]:
    """Return the stock pipeline's last Latent and pixels of a Recipe."""
    torch.set_num_threads(1)
    parts = {**_stock(dtype, model).components, "scheduler": samplers.build(wanted.sampler_config)}
    seen: list[torch.Tensor] = []

    def keep(pipe: Any, step: int, timestep: Any, now: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(now["latents"])
        return now

    kind: Any = StableDiffusionInpaintPipeline
    pipe = kind(**parts, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    size = (wanted.width, wanted.height)
    drawn = ImageOps.fit(Image.open(io.BytesIO(sketch_png())).convert("RGB"), size, Image.Resampling.LANCZOS)
    white = ImageOps.fit(Image.open(io.BytesIO(mask_png())).convert("L"), size, Image.Resampling.LANCZOS)
    # A contiguous tensor: of a PIL image diffusers makes a channels-last one, which moves bits in bfloat16.
    image = torch.from_numpy(np.asarray(drawn).transpose(2, 0, 1)[None].astype(np.float32) / 255.0).contiguous()
    found = pipe(
        prompt=wanted.prompt,
        negative_prompt=wanted.negative_prompt,
        image=image,
        mask_image=white,
        width=wanted.width,
        height=wanted.height,
        strength=wanted.strength,
        num_inference_steps=wanted.steps,
        guidance_scale=wanted.guidance,
        generator=torch.Generator().manual_seed(wanted.seed),
        eta=wanted.eta,
        callback_on_step_end=keep,
    ).images[0]
    return seen[-1], np.asarray(found)


def _pixels(painted: Any) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(painted.png)))


@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_float32_among_strangers_is_the_stock_picture(number: int) -> None:
    run, latent, painted = _together("float32")[number]
    assert isinstance(run.recipe, Paint)
    alone, pixels = _alone("float32", CASES[number][0], run.recipe)
    assert (latent - alone).abs().max() < 2e-4
    assert np.abs(_pixels(painted).astype(int) - pixels.astype(int)).max() <= 2
    assert alone.abs().mean() > 0.1


@pytest.mark.skipif(not HAS_BF16, reason="this CPU has no avx512_bf16")
@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_bfloat16_among_strangers_is_the_stock_picture_bit_for_bit(number: int) -> None:
    run, latent, painted = _together("bfloat16")[number]
    assert isinstance(run.recipe, Paint)
    alone, pixels = _alone("bfloat16", CASES[number][0], run.recipe)
    assert torch.equal(latent, alone)
    assert np.array_equal(_pixels(painted), pixels)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_picture_from_company_is_made_again_alone_bit_for_bit(dtype: str) -> None:
    local = engine(_models(), dtype=dtype)
    for run, latent, painted in _together(dtype):
        again = Run("again", 0, "p", run.recipe, replay=Replay(painted.fingerprint, painted.pixels_digest))
        assert paint_alone(local, again).pixels_digest == painted.pixels_digest
        assert torch.equal(again.state.latent, latent)


def test_what_is_not_white_stays_the_sketch_in_a_plain_model() -> None:
    local = engine(_models())
    run = runs_of([_recipe(0)])[0]
    paint_alone(local, run)
    masked = run.state.masked
    kept = (masked.white == 0).expand_as(run.state.latent)
    assert 0 < kept.float().mean() < 1
    assert torch.equal(run.state.latent[kept], masked.clean[kept])
    assert not torch.equal(run.state.latent[~kept], masked.clean[~kept])


@pytest.mark.parametrize("number", [0, 1, 7])
def test_a_whole_variation_starts_from_the_noise_of_the_second_seed(number: int) -> None:
    local = engine(_models())

    def noise(**fields: Any) -> torch.Tensor:
        run = runs_of([_recipe(number, **fields)])[0]
        local.begin(run)
        drawn = run.state.masked.drawn
        return run.state.latent if drawn is None else drawn  # type: ignore[no-any-return]

    assert torch.allclose(noise(vary=Variation(5, 1.0)), noise(seed=5), atol=1e-5)
    assert torch.allclose(noise(vary=Variation(5, 0.0)), noise(), atol=1e-5)
    assert not torch.allclose(noise(), noise(seed=5), atol=0.1)


def test_masks_that_cannot_be_are_said_in_words() -> None:
    models = registry(tiny=shared_tiny_model(), nine=nine(), xl=shared_tiny_sdxl())
    local = engine(models)
    for wanted, why in (
        (_recipe(0, sketch=None), "no sketch"),
        (_recipe(7, mask=None), "needs a sketch and a mask"),
        (recipe(models.card("xl"), "ddim", sketch=Sketch(SKETCH), mask=Mask(MASK)), "Stable Diffusion 1"),
    ):
        with pytest.raises(BadInput, match=why):
            local.begin(runs_of([wanted])[0])


def test_an_inpainting_folder_may_have_a_unet_of_either_kind(tmp_path: Path) -> None:
    card = _models().card("nine")
    assert (card.state, card.family, card.width, card.latent_scale) == ("ready", "sd1", 64, 8)
    plain = Path(shutil.copytree(shared_tiny_model(), tmp_path / "plain"))
    for index, why in (("StableDiffusionInpaintPipeline", ""), ("StableDiffusionPipeline", "")):
        _change(plain / "model_index.json", _class_name=index)
        assert registry(plain=plain).card("plain").why == why
    odd = Path(shutil.copytree(nine(), tmp_path / "odd"))
    _change(odd / "model_index.json", _class_name="StableDiffusionPipeline")
    assert "takes 9 channels, not 4: a model for inpainting" in registry(odd=odd).card("odd").why
    _change(odd / "model_index.json", _class_name="StableDiffusionInpaintPipeline")
    _change(odd / "unet" / "config.json", in_channels=5)
    assert "takes 5 channels, not 4 or 9" in registry(odd=odd).card("odd").why


def _change(path: Path, **entries: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_a_preview_shows_the_latent_and_not_what_lies_under_it() -> None:
    local = engine(_models())
    run = runs_of([_recipe(7)])[0]
    local.begin(run)
    local.step(batch_of([run], local.sizes))
    preview = local.preview(run)
    assert preview is not None
    assert Image.open(io.BytesIO(preview)).size == (256, 192)
