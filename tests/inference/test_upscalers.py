"""Models that enlarge: Pictures as the stock pipelines make them, told step by step, and capped before they begin."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from functools import cache
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from core.draft import Draft, fill
from core.errors import BadInput, BadWords, Damaged
from core.job import Job
from core.person import Person, Place
from core.picture import Picture
from core.progress import Cancelled, Painted, Stepping
from core.recipe import OWN, ModelRef, Upscale, digest, from_json, to_json
from core.room import check_room
from core.sheet import model_sheet
from inference.addons import AddOnFiles
from inference.estimates import Estimates
from inference.finish.png import Pixels, encode
from inference.models import Registry
from inference.queue import InferenceQueue
from inference.whole import WholeEngine
from tests.support.painting import paint_alone, recipe, registry, runs_of
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_upscalers import enlarging, parent, shared_tiny_upscaler


@cache
def models() -> Registry:
    return registry(tiny=shared_tiny_model(), **{kind: shared_tiny_upscaler(kind) for kind in ("x4", "x2")})


def enlarged(kind: str, of: Pixels | None = None, **fields: Any) -> Upscale:
    return enlarging(models().card(kind), of or parent(), **fields)


def engine(of: Pixels | None = None, **settings: Any) -> WholeEngine:
    local = WholeEngine(models(), lambda *_: encode(of or parent()), threads=1, default="tiny", **settings)
    local.warm()
    return local


def stock(kind: str, wanted: Upscale, of: Pixels, dtype: str) -> np.ndarray[Any, Any]:
    """Return what diffusers' own call makes of a Recipe, as the original scripts ask for it."""
    torch.set_num_threads(1)
    pipe = diffusers.DiffusionPipeline.from_pretrained(
        shared_tiny_upscaler(kind), dtype=getattr(torch, dtype), local_files_only=True
    )
    pipe.set_progress_bar_config(disable=True)
    image = pipe(
        wanted.prompt,
        image=Image.frombytes("RGB", (of.width, of.height), of.rgb),
        negative_prompt=wanted.negative_prompt,
        num_inference_steps=wanted.steps,
        guidance_scale=wanted.guidance,
        generator=torch.Generator().manual_seed(wanted.seed),
        **({"noise_level": wanted.noise_level} if kind == "x4" else {}),
    ).images[0]
    return np.asarray(image)


@pytest.mark.parametrize(
    ("kind", "size", "dtype"),
    [("x4", (64, 64), "float32"), ("x4", (40, 24), "bfloat16"), ("x2", (64, 128), "float32")],
)
def test_a_picture_is_enlarged_as_the_pipelines_own_call_does_it(kind: str, size: tuple[int, int], dtype: str) -> None:
    small = parent(*size)
    wanted = enlarged(kind, small)
    painted = paint_alone(engine(small, dtype=dtype), runs_of([wanted])[0])
    larger = np.asarray(Image.open(io.BytesIO(painted.png)))
    assert (painted.width, painted.height) == tuple(side * models().card(kind).enlarges for side in size)
    assert larger.std() > 10
    assert np.array_equal(larger, stock(kind, wanted, small, dtype))
    assert painted.fingerprint.trace == ((1, 4),)
    assert painted.fingerprint.facts["dtype"] == dtype


def test_each_thing_asked_for_decides_pixels() -> None:
    small = parent(24, 32)
    plain = enlarged("x4", small, steps=2)
    others = [
        replace(plain, **change)
        for change in ({"seed": 6}, {"noise_level": 300}, {"prompt": "a cat"}, {"guidance": 3.0}, {"steps": 3})
    ]
    local = engine(small)
    made = {paint_alone(local, run).pixels_digest for run in runs_of([plain, *others])}
    assert len(made) == 6
    assert len({digest(each) for each in (plain, *others)}) == 6
    assert from_json(to_json(plain)) == plain


async def test_the_queue_tells_its_steps_and_cancels_within() -> None:
    """Progress by the old callback=, which is the only one such a pipeline knows."""
    queue = InferenceQueue(engine(parent(32, 24)), clock=time.monotonic, previews=2)
    await queue.start()
    for name, steps, give_up in (("made", 3, False), ("left", 120, True)):
        wanted = enlarged("x4", parent(32, 24), steps=steps)
        job = Job(name, Person("web:a"), Place("web"), "upscale", "", "running", 0, 0)
        heard = []
        async for progress in queue.render(job, [Picture(name, name, 0, wanted, digest(wanted), 5, "waiting")]):
            heard.append(progress)
            if give_up and isinstance(progress, Stepping):
                queue.cancel(job.id)
        stepping = [item for item in heard if isinstance(item, Stepping)]
        assert {item.of for item in stepping} == {steps}
        assert isinstance(heard[-1], Cancelled) if give_up else any(isinstance(item, Painted) for item in heard)
    await queue.stop()


def test_the_card_says_how_far_and_that_it_paints_nothing() -> None:
    large, double = models().card("x4"), models().card("x2")
    assert (large.enlarges, large.noise_levels, large.steps, large.guidance, large.grid) == (4, 350, 75, 9.0, 8)
    assert (double.enlarges, double.noise_levels, double.steps, double.guidance, double.grid) == (2, 0, 20, 0.0, 64)
    assert [model_sheet(card, "tiny")["can"] for card in (large, double)] == [["x4"], ["x2"]]
    with pytest.raises(BadWords, match="x4 enlarges pictures"):
        fill(Draft(prompt="a fox"), large, lambda: 7)


def test_recipes_that_do_not_fit_the_model_or_the_parent_are_refused() -> None:
    tiny = models().card("tiny")
    with pytest.raises(BadInput, match="cannot make"):
        engine().begin(runs_of([recipe(models().card("x4"), OWN)])[0])
    with pytest.raises(BadInput, match="cannot enlarge"):
        paint_alone(engine(), runs_of([replace(enlarged("x4"), model=ModelRef(tiny.family, tiny.digest))])[0])
    with pytest.raises(Damaged):
        paint_alone(engine(parent(64, 72)), runs_of([enlarged("x4")])[0])
    with pytest.raises(BadInput, match="cannot be enlarged"):
        paint_alone(engine(), runs_of([replace(enlarged("x4"), width=512)])[0])


def test_what_needs_more_memory_than_there_is_is_refused_before_it_begins() -> None:
    look = Estimates(models().source, AddOnFiles().control, "float32", vram=100_000_000)
    check_room([enlarged("x4")], look, "x4")
    wide = enlarged("x4", parent(512, 512))
    with pytest.raises(BadInput, match="2048x2048 with the model x4 needs about") as told:
        check_room([wide], look, "x4")
    assert "Enlarge a smaller picture" in told.value.whole()
    assert look(replace(wide, model=None)) is None
