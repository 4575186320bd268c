"""depth2img: a Model that reads how deep a Sketch is paints as the stock pipeline does, and hands that map over."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from core.draft import Draft, SketchInfo, fill
from core.errors import BadInput, BadSketch, BadWords
from core.recipe import Mask, Paint, Sketch
from core.sheet import model_sheet
from inference import samplers
from inference.depths import stretched
from inference.models import Registry
from inference.noise import fitted
from tests.support.painting import (
    MASK,
    SKETCH,
    engine,
    paint_alone,
    recipe,
    registry,
    runs_of,
    sketch_png,
    step_together,
)
from tests.support.tiny_depth import shared_tiny_depth


@cache
def models() -> Registry:
    return registry(deep=shared_tiny_depth())


def asked(sampler: str = "ddim", strength: float = 0.9, **fields: Any) -> Paint:
    usual = {"guidance": 4.0, "steps": 4, "negative_prompt": "grey", "sketch": Sketch(SKETCH), "strength": strength}
    return recipe(models().card("deep"), sampler, **{**usual, **fields})


def stock(wanted: Paint, dtype: str) -> tuple[np.ndarray[Any, Any], torch.Tensor]:
    """Return what diffusers' own call paints, and the depth it read: `depth2img.py` with its estimator."""
    torch.set_num_threads(1)
    kind = diffusers.StableDiffusionDepth2ImgPipeline
    pipe = kind.from_pretrained(shared_tiny_depth(), dtype=getattr(torch, dtype), local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = samplers.build(wanted.sampler_config)
    honest, read = pipe.image_processor.preprocess, pipe.prepare_depth_map
    # Of a PIL image diffusers makes a channels-last tensor, and the UNet's bits in bfloat16 depend on the layout.
    pipe.image_processor.preprocess = lambda *given, **named: honest(*given, **named).contiguous()
    seen: list[torch.Tensor] = []

    def keep(*given: Any) -> torch.Tensor:
        seen.append(read(*given))
        return seen[0]

    pipe.prepare_depth_map = keep
    image = pipe(
        wanted.prompt,
        image=fitted(sketch_png(), wanted.width, wanted.height, "RGB"),
        negative_prompt=wanted.negative_prompt,
        num_inference_steps=wanted.steps,
        guidance_scale=wanted.guidance,
        strength=wanted.strength,
        generator=torch.Generator().manual_seed(wanted.seed),
    ).images[0]
    return np.asarray(image), seen[0][:1]


@pytest.mark.filterwarnings("ignore:In CPU autocast:UserWarning")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_pictures_made_in_company_are_the_stock_pipelines(dtype: str) -> None:
    """64x64 both ways, at Strength 1 too, each Run stepped with strangers."""
    wanted = [asked("ddim", 0.9), asked("plms", 1.0, seed=8), asked("euler", 0.5, width=64, height=96)]
    local = engine(models(), default="deep", dtype=dtype)
    local.warm()
    runs = runs_of(wanted)
    for run in runs:
        local.begin(run)
    step_together(local, runs)
    for run, each in zip(runs, wanted, strict=True):
        image, depth = stock(each, dtype)
        assert torch.equal(run.state.masked.beside, depth)
        painted = local.wrap(run, local.decode(run))
        found = np.asarray(Image.open(io.BytesIO(painted.png)))
        # Rows of a call may matter by a bit in float32, as with every other Model.
        assert np.abs(found.astype(int) - image.astype(int)).max() <= (2 if dtype == "float32" else 0)
        (kept,) = painted.companions
        assert (kept.role, kept.width, kept.height) == ("depth", each.width, each.height)
        grey = np.asarray(Image.open(io.BytesIO(kept.png)))
        assert (grey.min(), grey.max()) == (0, 255) and np.array_equal(grey[..., 0], grey[..., 2])


def test_another_sketch_has_another_depth_and_one_without_any_is_refused() -> None:
    turned = Image.open(io.BytesIO(sketch_png())).rotate(180)
    other = io.BytesIO()
    turned.save(other, "PNG")
    local = engine(models(), {"other": other.getvalue()}, default="deep")
    first, second = (
        paint_alone(local, runs_of([asked(sketch=Sketch(name), steps=2)])[0]) for name in (SKETCH, "other")
    )
    assert first.companions[0].pixels_digest != second.companions[0].pixels_digest
    with pytest.raises(BadSketch, match="No depth"):
        stretched(torch.ones(1, 4, 4), (8, 8))


def test_the_card_says_depth_and_what_it_needs() -> None:
    card = models().card("deep")
    assert (card.state, card.family, card.depth, card.strength, card.masks) == ("ready", "sd2", True, 0.9, False)
    assert model_sheet(card, "tiny")["can"] == ["negative", "sketch", "upscale", "depth"]
    with pytest.raises(BadWords, match="follows the depth of a picture"):
        fill(Draft(prompt="a fox"), card, lambda: 7)
    with pytest.raises(BadWords, match="cannot paint a part"):
        fill(Draft(prompt="a fox", sketch=SketchInfo("s", 64, 64), mask="m"), card, lambda: 7)
    (found,), _ = fill(Draft(prompt="a fox", sketch=SketchInfo("s", 64, 64)), card, lambda: 7)
    assert found.strength == 0.9


@pytest.mark.parametrize("fields", [{"sketch": None, "strength": None}, {"mask": Mask(MASK)}])
def test_a_brought_recipe_that_does_not_fit_is_refused(fields: dict[str, Any]) -> None:
    local = engine(models(), default="deep")
    with pytest.raises(BadInput, match="follows the depth"):
        local.begin(runs_of([replace(asked(), **fields)])[0])
