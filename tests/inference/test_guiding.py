"""ControlNets: what is painted along a Sketch is what the stock pipelines paint, in any company, and is made again."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import BadInput, ModelUnavailable
from core.picture import Replay
from core.progress import Painted
from core.recipe import Control, Paint, Sketch
from inference import samplers
from inference.addons import AddOnFiles
from inference.finish.png import read
from inference.prepare import prepared
from inference.run import Run
from tests.support import oracle
from tests.support.oracle import HAS_BF16, Case, Made, models
from tests.support.painting import batch_of, engine, paint_alone, runs_of, step_together
from tests.support.tiny_controls import drawing_png, make_control

DRAWN = "d4a3"
DTYPES = ("float32", "bfloat16") if HAS_BF16 else ("float32",)
NAMES = {"tiny": "scribble", "xl": "scribble-xl", "two": "scribble-two"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> AddOnFiles:
    """Return a ControlNet for each tiny model, and another one for the first."""
    root = tmp_path_factory.mktemp("controls")
    places = {name: make_control(folder_of(model), root / name) for model, name in NAMES.items()}
    places["canny"] = make_control(folder_of("tiny"), root / "canny", 1)
    found = AddOnFiles(controls=places)
    assert len(found.read({})) == 2 * len(places)
    assert {card.state for card in found.cards().controls} == {"ready"}
    return found


def folder_of(model: str) -> Path:
    return models().folder(models().card(model).digest)


def guided(case: Case, number: int, files: AddOnFiles, name: str = "", **over: Any) -> Paint:
    """Return a Case's Recipe along the drawing; without a strength the Sketch only guides."""
    digests = {card.name: card.digest for card in files.cards().controls}
    kind = over.pop("kind", "scribble")
    control = Control(kind, digests[name or NAMES[case.model]], **over)
    return replace(case.recipe(number), sketch=Sketch(DRAWN), control=control)


def stock(wanted: Paint, dtype: str, files: AddOnFiles, rows: Any) -> tuple[torch.Tensor, Any]:
    """Return the stock ControlNet pipeline's last Latent and pixels of a Recipe; rows: the prepared Sketch."""
    control = wanted.control
    assert control is not None
    torch.set_num_threads(1)
    seen: list[torch.Tensor] = []

    def keep(pipe: Any, step: int, timestep: Any, now: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(now["latents"])
        return now

    whole = oracle._loaded(dtype, models().folder(wanted.model.digest), oracle.as_it_is)
    name = oracle.STOCK[wanted.model.family][wanted.strength is not None]
    parts = {name: part for name, part in whole.components.items() if name not in ("scheduler", "image_encoder")}
    parts |= {"controlnet": net_of(files, control.digest, dtype), "scheduler": samplers.build(wanted.sampler_config)}
    large = wanted.model.family == "sdxl"
    own = {"add_watermarker": False} if large else {"requires_safety_checker": False}
    kind = name.replace("StableDiffusion", "StableDiffusionControlNet").replace("ControlNetXL", "XLControlNet")
    pipe = getattr(diffusers, kind)(**parts, **own)
    pipe.set_progress_bar_config(disable=True)
    picture = torch.from_numpy(rows.transpose(2, 0, 1)[None].astype(np.float32) / 255.0).contiguous()
    given = {"image": picture}
    if wanted.strength is not None:
        given = {
            "control_image": picture,
            "image": oracle._sketch(wanted, dtype, drawing_png()),
            "strength": wanted.strength,
        }
    image = pipe(
        wanted.prompt,
        num_inference_steps=wanted.steps,
        guidance_scale=wanted.guidance,
        generator=torch.Generator().manual_seed(wanted.seed),
        callback_on_step_end=keep,
        width=wanted.width,
        height=wanted.height,
        controlnet_conditioning_scale=control.scale,
        control_guidance_start=control.start,
        control_guidance_end=control.end,
        **given,
    ).images[0]
    return seen[-1], np.asarray(image)


@cache
def net_of(files: AddOnFiles, digest: str, dtype: str) -> Any:
    return diffusers.ControlNetModel.from_pretrained(
        files.control(digest).folder, dtype=getattr(torch, dtype), local_files_only=True
    )


def check(made: Made, dtype: str, files: AddOnFiles) -> None:
    """Raise AssertionError where a Picture is not the stock pipeline's: bit for bit, near it in float32."""
    (beside,) = made.painted.companions
    pixels = read(beside.png)
    rows = np.frombuffer(pixels.rgb, np.uint8).reshape(pixels.height, pixels.width, 3)
    latent, stock_rows = stock(made.recipe, dtype, files, rows)
    found = np.asarray(Image.open(io.BytesIO(made.painted.png)))
    if dtype == "float32":
        assert (made.latent - latent).abs().max() < 2e-4, made.case.name
        assert np.abs(found.astype(int) - stock_rows.astype(int)).max() <= 2, made.case.name
    else:
        assert torch.equal(made.latent, latent), made.case.name
        assert np.array_equal(found, stock_rows), made.case.name


def company(recipes: list[Paint], files: AddOnFiles, dtype: str, seed: int = 3, **settings: Any) -> list[Made]:
    """Return what the engine makes of all at once, in random Batches."""
    local = engine(models(), {DRAWN: drawing_png()}, dtype=dtype, loaded=9, addons=files, **settings)
    runs = runs_of(recipes)
    for run in runs:
        local.begin(run)
    step_together(local, runs, seed)
    assert [run.error for run in runs] == [None] * len(runs)
    case = Case("", "", 1.0)
    return [
        Made(case, run, wanted, run.state.latent, local.wrap(run, local.decode(run)))
        for run, wanted in zip(runs, recipes, strict=True)
    ]


@pytest.mark.parametrize("dtype", [DTYPES[-1], *[pytest.param(each, marks=pytest.mark.soak) for each in DTYPES[:-1]]])
def test_each_is_the_stock_pipelines_in_company_of_others(files: AddOnFiles, dtype: str) -> None:
    """Strangers share the calls of one ControlNet, each with a scale and a part of its own; others have another one."""
    recipes = [
        guided(Case("tiny", "euler", 5.0, steps=4), 1, files),
        guided(Case("tiny", "ddim", 5.0, steps=4), 2, files, scale=0.37, start=0.25, end=0.75),
        guided(Case("tiny", "ddim", 1.0, 0.6, steps=5), 3, files, scale=1.3),
        guided(Case("tiny", "ddim", 5.0, steps=3), 4, files, "canny", kind="canny", scale=0.8),
        guided(Case("xl", "euler", 5.0, steps=3), 5, files, scale=0.7),
        guided(Case("xl", "ddim", 5.0, 0.7, steps=4), 6, files, end=0.5),
        guided(Case("two", "ddim", 5.0, steps=3), 7, files, scale=0.55),
        replace(Case("tiny", "ddim", 5.0, steps=4).recipe(8)),
    ]
    made = company(recipes, files, dtype)
    assert len({each.run.key for each in made[:3]}) == 1 and len({each.run.key for each in made}) == 5
    assert any(size > 2 for each in made[:3] for size, _ in each.run.trace), "nobody shared a call"
    for each in made[:-1]:
        check(each, dtype, files)
    oracle.check(made[-1], dtype)
    assert made[-1].painted.companions == ()


@pytest.mark.soak
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("model", NAMES)
def test_every_sampler_strength_and_guidance_is_the_stock_pipelines(files: AddOnFiles, model: str, dtype: str) -> None:
    cases = [
        Case(model, sampler, guidance, strength, size, steps=4)
        for sampler in ("ddim", "euler", "euler-a", "dpmpp-2m", "heun", "plms")
        for guidance, strength, size in ((5.0, None, (64, 48)), (1.0, 0.6, (48, 64)), (5.0, 1.0, (64, 64)))
    ]
    scales = ({}, {"scale": 0.3}, {"scale": 1.7, "start": 0.3}, {"end": 0.6})
    recipes = [guided(case, number, files, **scales[number % 4]) for number, case in enumerate(cases)]
    for each in company(recipes, files, dtype):
        check(each, dtype, files)


def test_it_is_made_again_bit_for_bit_by_another_engine(files: AddOnFiles) -> None:
    recipes = [guided(Case("tiny", "ddim", 5.0, steps=3), number, files, scale=0.5 + number) for number in range(2)]
    for each in company(recipes, files, "float32"):
        painted = each.painted
        again = Run("again", 0, "p", each.recipe, replay=Replay(painted.fingerprint, painted.pixels_digest))
        made = paint_alone(engine(models(), {DRAWN: drawing_png()}, addons=files), again)
        assert made.pixels_digest == painted.pixels_digest and made.companions == painted.companions
        assert painted.fingerprint.facts["self_test"] == "untested"


def test_a_scale_of_nothing_paints_what_no_control_paints(files: AddOnFiles) -> None:
    """And where it pulls, it changes the Picture."""
    case = Case("tiny", "ddim", 5.0, steps=3)
    recipes = [guided(case, 1, files, scale=scale) for scale in (0.0, 1.0)]
    plain = replace(recipes[0], control=None, sketch=None)
    local = engine(models(), {DRAWN: drawing_png()}, addons=files)
    none, one, bare = (paint_alone(local, run).pixels_digest for run in runs_of([*recipes, plain]))
    assert none == bare != one


def test_the_prepared_sketch_is_handed_over_with_the_picture(files: AddOnFiles) -> None:
    wanted = guided(Case("tiny", "ddim", 1.0, steps=2), 1, files)
    painted: Painted = paint_alone(engine(models(), {DRAWN: drawing_png()}, addons=files), runs_of([wanted])[0])
    (beside,) = painted.companions
    assert beside.role == "prepared" and read(beside.png) == prepared(drawing_png(), 64, 48, "scribble")


def test_what_cannot_be_is_said_in_words(files: AddOnFiles) -> None:
    local = engine(models(), {DRAWN: drawing_png()}, addons=files)
    good = guided(Case("tiny", "ddim", 1.0, steps=2), 1, files)
    assert good.control is not None
    for wanted, why in (
        (replace(good, sketch=None), "needs a sketch"),
        (replace(good, mask=Case("tiny", "ddim", 1.0, 1.0, masked=True).recipe(1).mask), "no mask"),
        (replace(good, control=replace(good.control, kind="sepia")), "prepare a sketch as sepia"),
    ):
        with pytest.raises(BadInput, match=why):
            local.begin(runs_of([wanted])[0])
    other = guided(Case("xl", "ddim", 1.0, steps=2), 1, files)
    for wanted, why in (
        (replace(good, control=replace(good.control, digest="0" * 64)), "is not here"),
        (replace(good, control=other.control), "made for another model"),
    ):
        with pytest.raises(ModelUnavailable, match=why):
            local.begin(runs_of([wanted])[0])


def test_a_control_is_loaded_once_and_goes_within_the_budget(files: AddOnFiles) -> None:
    local = engine(models(), {DRAWN: drawing_png()}, addons=files, loaded=1)
    first, second = (guided(Case("tiny", "ddim", 1.0, steps=2), 1, files, name) for name in ("scribble", "canny"))
    one, again, other = runs_of([first, first, second])
    assert local.loading(one, ()) == "beside"
    local.begin(one)
    assert local.loading(again, ()) == "none" and local.loading(other, ()) == "beside"
    local.begin(again)
    assert one.state.guide.net is again.state.guide.net
    local.begin(other)
    assert {plan.family for plan in local._shelf._loaded} == {"sd1", "control"}, "the model made way for a control"
    local.step(batch_of([one, again], local.sizes))
