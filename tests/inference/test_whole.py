"""WholeEngine: pipelines the step loop does not know paint as by their own call, by turns with everybody else."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import shutil
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from core.draft import Draft, SketchInfo, fill
from core.errors import BadInput, BadWords, PaintFailed
from core.job import Job
from core.person import Person, Place
from core.picture import Picture, Replay
from core.progress import Cancelled, Painted, PictureFailed, Progress, Stepping
from core.recipe import OWN, Lora, Paint, Sketch, digest
from core.sheet import model_sheet
from inference.addons import AddOnFiles
from inference.families import whole
from inference.families.table import FAMILIES
from inference.models import Registry
from inference.noise import fitted
from inference.queue import InferenceQueue
from inference.run import Run
from inference.whole import Painting, WholeEngine
from parts import cutter
from tests.support.painting import MASK, SKETCH, batch_of, mask_png, paint_alone, recipe, registry, runs_of, sketch_png
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_whole import shared_tiny_whole

KINDS = ("aura", "pixart", "flux")


@cache
def models() -> Registry:
    return registry(tiny=shared_tiny_model(), **{kind: shared_tiny_whole(kind) for kind in KINDS})


def engine(known: Registry | None = None, **settings: Any) -> WholeEngine:
    files = {SKETCH: sketch_png(), MASK: mask_png()}
    local = WholeEngine(known or models(), lambda name, _: files[name], threads=1, default="tiny", **settings)
    local.warm()
    return local


def asked(kind: str, **fields: Any) -> Paint:
    card = models().card(kind)
    negative = "grey" if card.negative else ""
    return recipe(card, OWN, **{"guidance": 4.0, "steps": 4, "negative_prompt": negative, **fields})


def stock(kind: str, wanted: Paint, dtype: str) -> np.ndarray[Any, Any]:
    """Return what diffusers' own call paints of a Recipe."""
    torch.set_num_threads(1)
    auto = diffusers.DiffusionPipeline if wanted.sketch is None else diffusers.AutoPipelineForImage2Image
    pipe = auto.from_pretrained(shared_tiny_whole(kind), dtype=getattr(torch, dtype), local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    given: dict[str, Any] = {"guidance_scale": wanted.guidance, "width": wanted.width, "height": wanted.height}
    if wanted.negative_prompt:
        given["negative_prompt"] = wanted.negative_prompt
    if wanted.sketch is not None:
        image = fitted(sketch_png(), wanted.width, wanted.height, "RGB")
        given |= {"image": image, "strength": wanted.strength}
    seed = torch.Generator().manual_seed(wanted.seed)
    return np.asarray(pipe(wanted.prompt, num_inference_steps=wanted.steps, generator=seed, **given).images[0])


def pixels(painted: Painted) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(painted.png)))


def helpers() -> int:
    return sum(thread.name == "limner-whole" for thread in threading.enumerate())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_pictures_made_by_turns_are_those_of_the_pipelines_own_call(dtype: str) -> None:
    """Two of one pipeline and one of the step loop take turns; each is what it is alone."""
    local = engine(dtype=dtype)
    for kind in KINDS if dtype == "float32" else ("aura",):
        wanted = [asked(kind), asked(kind, seed=8, width=64, height=96, steps=3)]
        if kind == "flux":
            wanted[1] = asked(kind, sketch=Sketch(SKETCH), strength=0.5)
        company = recipe(models().card("tiny"), "ddim", guidance=3.0, steps=4)
        runs = runs_of([*wanted, company])
        for run in runs:
            local.begin(run)
        while waiting := [run for run in runs if run.left]:
            for run in waiting:
                local.step(batch_of([run], local.sizes))
        for run, each in zip(runs[:2], wanted, strict=True):
            painted = local.wrap(run, local.decode(run))
            assert np.array_equal(pixels(painted), stock(kind, each, dtype)), (kind, each.seed)
            assert painted.fingerprint.trace == ((1, run.calls),)
            assert painted.fingerprint.facts["self_test"] == "equal"
        assert pixels(local.wrap(runs[2], local.decode(runs[2]))).std() > 0
    assert helpers() == 0


def test_the_card_says_what_such_a_model_can_do() -> None:
    aura, flux = models().card("aura"), models().card("flux")
    assert (aura.state, aura.family, aura.width, aura.grid, aura.sampler) == ("ready", "whole", 64, 16, "own")
    assert (aura.whole, aura.negative, aura.sketches, aura.masks) == (True, True, False, False)
    assert (aura.steps, aura.guidance, aura.samplers[OWN]["class"]) == (50, 3.5, "FlowMatchEulerDiscreteScheduler")
    assert (flux.negative, flux.sketches, flux.steps) == (False, True, 28)
    can = [model_sheet(card, "tiny")["can"] for card in (aura, flux)]
    assert can == [["negative", "upscale"], ["sketch", "upscale"]]


@pytest.mark.parametrize(
    ("draft", "why"),
    [
        (Draft(prompt="a fox", sketch=SketchInfo("s", 64, 64)), "cannot start from a sketch"),
        (Draft(prompt="a fox", sampler="ddim"), "has no sampler ddim"),
        (Draft(prompt="a fox", width=72, height=64), "72 is no multiple of 16"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_accepted(draft: Draft, why: str) -> None:
    with pytest.raises(BadWords, match=why):
        fill(draft, models().card("aura"), lambda: 7)


async def test_its_prompts_are_not_cut_by_a_reader_of_clip() -> None:
    with ThreadPoolExecutor(1) as pool:
        cut = cutter(models(), AddOnFiles(), pool)
        assert await cut(asked("aura", prompt="fox " * 400)) is None
        assert await cut(recipe(models().card("tiny"), prompt="fox " * 4000)) is not None


def test_weights_in_a_prompt_are_said_to_be_plain_signs() -> None:
    _, notes = fill(Draft(prompt="a (fox:1.3)"), models().card("aura"), lambda: 7)
    assert notes == ("The model aura reads brackets and weights as plain signs.",)
    assert fill(Draft(prompt="a (fox)"), models().card("aura"), lambda: 7)[1] == ()


@pytest.mark.parametrize(
    ("fields", "what"),
    [({"loras": (Lora("d", 1.0),)}, "a LoRA"), ({"clip_skip": 1}, "clip skip"), ({"sampler": "ddim"}, "sampler ddim")],
)
def test_a_brought_recipe_that_asks_for_more_is_refused_in_words(fields: dict[str, Any], what: str) -> None:
    with pytest.raises(BadInput, match=what):
        engine().begin(runs_of([replace(asked("aura"), **fields)])[0])


def test_a_dropped_run_ends_its_pipeline_where_it_stands() -> None:
    local = engine()
    run = runs_of([asked("aura", steps=20)])[0]
    local.begin(run)
    for _ in range(3):
        local.step(batch_of([run], local.sizes))
    assert helpers() == 1
    assert local.preview(run) is not None
    run.state = None
    assert helpers() == 0


def test_an_error_inside_is_told_and_the_run_can_start_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    local = engine()
    run = runs_of([asked("aura", steps=3)])[0]
    local.begin(run)
    local.step(batch_of([run], local.sizes))
    painting = run.state
    assert isinstance(painting, Painting)
    kind = type(painting.pipe.scheduler)
    with monkeypatch.context() as broken:
        broken.setattr(kind, "step", _refuse)
        with pytest.raises(PaintFailed, match="refuses this: no such step"):
            local.step(batch_of([run], local.sizes))
    assert (run.done, run.trace, helpers()) == (0, [], 0)
    while run.left:
        local.step(batch_of([run], local.sizes))
    again = local.wrap(run, local.decode(run))
    assert np.array_equal(pixels(again), stock("aura", asked("aura", steps=3), "float32"))


def _refuse(*_: Any, **__: Any) -> None:
    raise ValueError("no such step")


def test_random_numbers_drawn_without_the_generator_are_the_runs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = diffusers.FlowMatchEulerDiscreteScheduler
    honest = kind.step

    def drawing(self: Any, output: torch.Tensor, *given: Any, **named: Any) -> Any:
        return honest(self, output + 0.1 * torch.randn(output.shape), *given, **named)

    monkeypatch.setattr(kind, "step", drawing)
    local = engine()
    alone = paint_alone(local, runs_of([asked("aura")])[0])
    runs = runs_of([asked("aura"), asked("aura", seed=9)])
    for run in runs:
        local.begin(run)
    for _ in range(4):
        for run in runs:
            torch.rand(3)
            local.step(batch_of([run], local.sizes))
    assert local.wrap(runs[0], local.decode(runs[0])).pixels_digest == alone.pixels_digest


async def queued(queue: InferenceQueue, name: str, wanted: Sequence[Paint], give_up: bool = False) -> list[Progress]:
    job = Job(name, Person(f"web:{name}"), Place("web"), "imagine", "", "running", 0, 0)
    rows = [
        Picture(f"{name}{index}", job.id, index, each, digest(each), each.seed, "waiting")
        for index, each in enumerate(wanted)
    ]
    heard: list[Progress] = []
    async for progress in queue.render(job, rows):
        heard.append(progress)
        if give_up and isinstance(progress, Stepping):
            queue.cancel(job.id)
    return heard


async def test_the_queue_tells_steps_cancels_within_and_goes_on_with_others() -> None:
    queue = InferenceQueue(engine(), clock=time.monotonic, previews=2)
    await queue.start()
    stepped = recipe(models().card("tiny"), "ddim", steps=6)
    made, left, bad = await asyncio.gather(
        queued(queue, "made", [asked("aura"), stepped]),
        queued(queue, "left", [asked("aura", steps=120)], give_up=True),
        queued(queue, "bad", [replace(asked("aura"), sampler="ddim")]),
    )
    assert {item.of for item in made if isinstance(item, Stepping) and item.picture == 0} <= {4}
    assert sum(isinstance(item, Painted) for item in made) == 2
    assert isinstance(left[-1], Cancelled)
    assert any(isinstance(item, PictureFailed) for item in bad)
    await queue.stop()
    assert helpers() == 0


APART = {
    "FluxControlPipeline": "needs a picture to follow",
    "FluxKontextPipeline": "edits a picture",
    "GlmImagePipeline": "its words are written into a picture first",
    "HeliosPipeline": "makes films",
    "HeliosPyramidPipeline": "makes films",
    "IFPipeline": "makes 64 pixels, for two more pipelines",
    "Ideogram4Pipeline": "takes no guidance as a number",
    "KandinskyCombinedPipeline": "deprecated, its decoder tells no steps",
    "NucleusMoEImagePipeline": "not tried",
    "StableCascadeCombinedPipeline": "takes its guidance twice",
    "WuerstchenCombinedPipeline": "takes its guidance twice",
    "ZImageOmniPipeline": "edits a picture",
}
"""Text-to-image pipelines of diffusers that are not painted, and why."""


@pytest.mark.soak
def test_every_pipeline_is_called_as_its_own_signature_says() -> None:
    for name, way in whole.WAYS.items():
        taken = inspect.signature(getattr(diffusers, name).__call__).parameters
        assert {"prompt", "generator", "output_type", way.told, way.pull} <= set(taken), name
        assert not way.negative or "negative_prompt" in taken, name
        assert bool(way.noise) == ("noise_level" in taken), name
        assert ({"image"} if way.enlarges else {"width", "height"}) <= set(taken), name
        if name == "StableDiffusionLatentUpscalePipeline":
            continue  # Its makers ask for 20 Steps without Guidance.
        assert taken["num_inference_steps"].default == way.steps, name
        assert taken[way.pull].default == way.guidance, name
        if way.sketch:
            over = inspect.signature(getattr(diffusers, way.sketch).__call__).parameters
            assert {"image", "strength", way.pull, way.told} <= set(over), name


@pytest.mark.soak
def test_no_pipeline_of_diffusers_for_text_to_image_is_forgotten() -> None:
    from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING

    known = {name for family in FAMILIES for name in family.PIPELINES}
    there = {kind.__name__ for kind in AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values()}
    assert {name for name in there - known - set(APART) if "Control" not in name} == set()


def test_parts_of_foreign_libraries_and_code_are_refused(tmp_path: Path) -> None:
    for number, (part, entry, why) in enumerate(
        (
            ("transformer", ["os", "system"], "Its transformer is os.system"),
            ("scheduler", ["mine", "Magic"], "Its scheduler is mine.Magic"),
        )
    ):
        folder = Path(shutil.copytree(shared_tiny_whole("aura"), tmp_path / str(number)))
        index = folder / "model_index.json"
        index.write_text(json.dumps({**json.loads(index.read_text()), part: entry}))
        assert why in Registry({"mine": folder}).card("mine").why
    config = folder / "text_encoder" / "config.json"
    index.write_text((shared_tiny_whole("aura") / "model_index.json").read_text())
    config.write_text(json.dumps({**json.loads(config.read_text()), "auto_map": {}}))
    assert "asks to run code of its own" in Registry({"mine": folder}).card("mine").why


def test_a_replay_takes_the_logged_dtype() -> None:
    painted = paint_alone(engine(dtype="bfloat16"), runs_of([asked("aura")])[0])
    again = Run("again", 0, "p", asked("aura"), replay=Replay(painted.fingerprint, painted.pixels_digest))
    assert paint_alone(engine(dtype="float32"), again).pixels_digest == painted.pixels_digest
