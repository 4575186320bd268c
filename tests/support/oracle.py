"""The stock diffusers pipelines run alone, as oracle for the engine's Pictures made in random company: any family."""

from __future__ import annotations

import io
import json
import shutil
from atexit import register
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image, ImageOps

from core.progress import Painted
from core.recipe import Mask, Paint, Sketch
from inference import samplers
from inference.models import Registry
from inference.run import Run
from tests.support.painting import (
    MASK,
    SKETCH,
    batch_of,
    engine,
    mask_png,
    recipe,
    registry,
    runs_of,
    sketch_png,
    step_together,
)
from tests.support.tiny_model import make_tiny_model, shared_tiny_model
from tests.support.tiny_sd2 import make_tiny_sd2, shared_tiny_sd2
from tests.support.tiny_sd3 import make_tiny_sd3, shared_tiny_sd3
from tests.support.tiny_sdxl import make_tiny_sdxl, shared_tiny_sdxl

CPU_INFO = Path("/proc/cpuinfo")
HAS_BF16 = "avx512_bf16" in CPU_INFO.read_text() if CPU_INFO.exists() else False
WIDE, TALL = (64, 48), (48, 64)
Rows = np.ndarray[Any, Any]
LATE = 0.075
"""Of 80 Karras steps: a start at a timestep that comes twice; a sampler not told its index takes the second."""
STOCK = {
    "sd1": ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"),
    "sd2": ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"),
    "sd3": ("StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline"),
    "sdxl": ("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline"),
}
"""What paints a family's words alone, and its Sketches; a distilled one's too."""


@dataclass(frozen=True, slots=True)
class Case:
    """Ask for one Picture: `model` is a name in `models`; without steps it takes 4 to 8."""

    model: str
    sampler: str
    guidance: float
    strength: float | None = None
    size: tuple[int, int] = WIDE
    masked: bool = False
    steps: int = 0
    negative: str = ""
    skip: int = 0
    eta: float = 0.0

    @property
    def name(self) -> str:
        """Return what a test report calls it."""
        masked = "-masked" if self.masked else ""
        return f"{self.model}-{self.sampler}-g{self.guidance:g}-{self.strength}-{self.size[0]}{masked}"

    def recipe(self, number: int, known: Registry | None = None) -> Paint:
        """Return its Recipe, with words and a Seed of its number; known: where another model has that name."""
        return recipe(
            (known or models()).card(self.model),
            self.sampler,
            prompt=f"a fox! number {number}",
            negative_prompt=self.negative,
            seed=1000 + number,
            width=self.size[0],
            height=self.size[1],
            steps=self.steps or 4 + number % 5,
            guidance=self.guidance,
            sketch=None if self.strength is None else Sketch(SKETCH),
            strength=self.strength,
            mask=Mask(MASK) if self.masked else None,
            clip_skip=self.skip,
            eta=self.eta,
        )


@dataclass(frozen=True, slots=True)
class Made:
    """Hold what the engine made of a Case in company."""

    case: Case
    run: Run
    recipe: Paint
    latent: torch.Tensor
    painted: Painted


@cache
def models() -> Registry:
    """Return tiny models of every family: plain, for inpainting, distilled, and of one step."""
    place = TemporaryDirectory(prefix="limner-oracle-")
    register(place.cleanup)
    root = Path(place.name)
    return registry(
        tiny=shared_tiny_model(),
        xl=shared_tiny_sdxl(),
        nine=shared_tiny_model(9),
        lcm=make_tiny_model(root / "lcm", guidance_row=32),
        lcm_xl=make_tiny_sdxl(root / "lcm_xl", guidance_row=48),
        two=shared_tiny_sd2(),
        two_noise=make_tiny_sd2(root / "two_noise", "epsilon"),
        two_nine=make_tiny_sd2(root / "two_nine", channels=9),
        nine_xl=make_tiny_sdxl(root / "nine_xl", channels=9),
        three=shared_tiny_sd3(),
        three_dynamic=make_tiny_sd3(root / "three_dynamic", t5=False, dynamic=True),
        turbo=turbo(shared_tiny_model(), root / "turbo", "EulerDiscreteScheduler"),
        turbo_xl=turbo(shared_tiny_sdxl(), root / "turbo_xl", "EulerAncestralDiscreteScheduler"),
    )


def turbo(folder: Path, copy: Path, scheduler: str) -> Path:
    """Return a copy of a model whose scheduler config is that of SD-Turbo or SDXL-Turbo."""
    shutil.copytree(folder, copy)
    config = copy / "scheduler" / "scheduler_config.json"
    entries = {"_class_name": scheduler, "timestep_spacing": "trailing"}
    config.write_text(json.dumps({**json.loads(config.read_text()), **entries}))
    return copy


def as_it_is(pipe: Any) -> None:
    """Change nothing about a stock pipeline."""


@cache
def company(cases: tuple[Case, ...], dtype: str, seed: int = 3, **settings: str) -> list[Made]:
    """Return what the engine makes of all Cases at once, in random Batches; settings: of the engine."""
    local = engine(models(), dtype=dtype, loaded=len(models().cards()), **settings)
    local.warm()
    recipes = [case.recipe(number) for number, case in enumerate(cases)]
    runs = runs_of(recipes)
    for run in runs:
        local.begin(run)
    step_together(local, runs, seed)
    return [
        Made(case, run, wanted, run.state.latent, local.wrap(run, local.decode(run)))
        for case, wanted, run in zip(cases, recipes, runs, strict=True)
    ]


def alone(
    wanted: Paint,
    dtype: str,
    folder: Path | None = None,
    sketch: bytes | None = None,
    mask: bytes | None = None,
    set_up: Callable[[Any], None] = as_it_is,
) -> tuple[torch.Tensor, Rows]:
    """Return the stock pipeline's last Latent and pixels of a Recipe.

    folder: of another model than `models` has; sketch, mask: the files meant, where they are not the usual ones.
    set_up: applied to the pipeline, whose parts are its own then.
    """
    torch.set_num_threads(1)
    seen: list[torch.Tensor] = []

    def keep(pipe: Any, step: int, timestep: Any, now: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(now["latents"])
        return now

    pipe = _pipeline(wanted, dtype, folder or models().folder(wanted.model.digest), set_up)
    given: dict[str, Any] = {
        "prompt": wanted.prompt,
        "num_inference_steps": wanted.steps,
        "guidance_scale": wanted.guidance,
        "generator": torch.Generator().manual_seed(wanted.seed),
        "callback_on_step_end": keep,
    }
    flow = wanted.model.family == "sd3"
    if not isinstance(pipe, diffusers.LatentConsistencyModelPipeline):
        given |= {"negative_prompt": wanted.negative_prompt or None}
        given |= {} if flow else {"eta": wanted.eta}
    if flow or wanted.model.family.startswith("sdxl"):
        given["clip_skip"] = wanted.clip_skip or None
    if flow or wanted.sketch is None or wanted.mask is not None:
        given |= {"width": wanted.width, "height": wanted.height}
    if wanted.sketch is not None:
        given |= {"image": _sketch(wanted, dtype, sketch or sketch_png()), "strength": _strength(wanted)}
    if wanted.mask is not None:
        given["mask_image"] = _fitted(mask or mask_png(), "L", wanted)
    image = pipe(**given).images[0]
    return seen[-1], np.asarray(image)


def _strength(wanted: Paint) -> float | None:
    """Return what the stock pipeline is told: that of SD3 rounds a part of a step up, where Limner cuts it off."""
    if wanted.model.family != "sd3":
        return wanted.strength
    return (wanted.steps - wanted.first_step - 1e-6) / wanted.steps


def check(made: Made, dtype: str, set_up: Callable[[Any], None] = as_it_is) -> None:
    """Raise AssertionError where the engine's Picture is not the stock one: bit for bit, near it in float32."""
    latent, pixels = alone(made.recipe, dtype, set_up=set_up)
    found = np.asarray(Image.open(io.BytesIO(made.painted.png)))
    assert latent.abs().mean() > 0.1, made.case.name
    if dtype == "float32":
        assert (made.latent - latent).abs().max() < 2e-4, made.case.name
        assert np.abs(found.astype(int) - pixels.astype(int)).max() <= 2, made.case.name
    else:
        assert torch.equal(made.latent, latent), made.case.name
        assert np.array_equal(found, pixels), made.case.name


def alone_at_the_stocks_rows(made: Made, dtype: str) -> bool:
    """Say whether the engine's Picture is the stock one bit for bit where its calls have as many rows as the stock's.

    A layer that reads one vector a row takes another kernel for a single row, and rounds a value otherwise once in
    some hundred calls; whoever reproduces the Picture pads as the trace says and meets the same kernel.
    """
    local = engine(models(), dtype=dtype, loaded=len(models().cards()))
    run = runs_of([made.recipe])[0]
    local.begin(run)
    while run.left:
        local.step(batch_of([run], range(1, 9)))
    latent, _ = alone(made.recipe, dtype)
    return torch.equal(run.state.latent, latent)


def _pipeline(wanted: Paint, dtype: str, folder: Path, set_up: Callable[[Any], None]) -> Any:
    """Return the stock pipeline for a Recipe, with a new scheduler object of its sampler."""
    stock = _loaded(dtype, folder, set_up)
    plain, sketched = STOCK[wanted.model.family.partition("-")[0]]
    distilled = wanted.model.family == "sd1-lcm" and wanted.sampler == "lcm"
    name = plain if wanted.sketch is None else sketched
    if wanted.mask is not None:
        name = plain.replace("Pipeline", "InpaintPipeline")
    elif distilled and wanted.sketch is None:
        name = "LatentConsistencyModelPipeline"
    parts = {
        **{part: value for part, value in stock.components.items() if part != "scheduler"},
        "scheduler": _scheduler(wanted),
    }
    if plain == "StableDiffusionXLPipeline":
        own = {"force_zeros_for_empty_prompt": stock.config.force_zeros_for_empty_prompt, "add_watermarker": False}
    elif plain == "StableDiffusion3Pipeline":
        own = {}
    else:
        own = {"requires_safety_checker": False}
    pipe = getattr(diffusers, name)(**parts, **own)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _scheduler(wanted: Paint) -> Any:
    """Return a new scheduler object; a flow's of diffusers' own class, which the engine's speaks for."""
    if wanted.model.family != "sd3":
        return samplers.build(wanted.sampler_config)
    entries = {name: value for name, value in wanted.sampler_config.items() if name != "class"}
    return diffusers.FlowMatchEulerDiscreteScheduler(**entries)


@cache
def _loaded(dtype: str, folder: Path, set_up: Callable[[Any], None]) -> Any:
    index = json.loads((folder / "model_index.json").read_text())
    absent = {part: None for part in ("text_encoder_3", "tokenizer_3") if index.get(part) == [None, None]}
    pipe = diffusers.DiffusionPipeline.from_pretrained(
        folder, dtype=getattr(torch, dtype), local_files_only=True, **absent
    )
    set_up(pipe)
    return pipe


def _sketch(wanted: Paint, dtype: str, png: bytes) -> Any:
    """Return the Sketch as given to diffusers, as a contiguous tensor in all but float32.

    Of a PIL image diffusers makes a channels-last tensor, and the UNet's bits in bfloat16 depend on the layout; ours is
    one for all Runs of a call.
    """
    fitted = _fitted(png, "RGB", wanted)
    if dtype == "float32":
        return fitted
    return torch.from_numpy(np.asarray(fitted).transpose(2, 0, 1)[None].astype(np.float32) / 255.0).contiguous()


def _fitted(png: bytes, mode: str, wanted: Paint) -> Image.Image:
    drawn = Image.open(io.BytesIO(png)).convert(mode)
    return ImageOps.fit(drawn, (wanted.width, wanted.height), Image.Resampling.LANCZOS)
