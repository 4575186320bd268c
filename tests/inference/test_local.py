"""LocalEngine: replay by trace, processes that agree, Runs that fail alone, switches of a Reproduce, upscaling."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.cost import calls
from core.draft import Draft, fill
from core.errors import BadConfig, BadInput, BadSketch, Damaged, EmptyPicture, ModelUnavailable, PaintFailed
from core.picture import Fingerprint, Replay, pixels_digest
from core.progress import Painted
from core.recipe import SAMPLERS, Lora, Paint, Sketch, Upscale, Variation
from inference.local import LocalEngine
from inference.run import Run
from tests.support.painting import (
    SKETCH,
    batch_of,
    engine,
    paint_alone,
    recipe,
    registry,
    runs_of,
    sketch_png,
    step_together,
)
from tests.support.tiny_model import shared_tiny_model

ROOT = Path(__file__).parents[2]


@cache
def warm(dtype: str = "float32", mode: str = "fast") -> LocalEngine:
    local = engine(registry(), dtype=dtype, mode=mode)
    local.warm()
    return local


def mixed(count: int = 12) -> list[Paint]:
    """Return Recipes of many kinds and one size."""
    tiny = registry().card("tiny")
    return [
        recipe(
            tiny,
            SAMPLERS[number % len(SAMPLERS)],
            prompt=f"words {number}",
            seed=50 + number,
            steps=3 + number % 4,
            guidance=(1.0, 4.0, 7.5)[number % 3],
            sketch=Sketch(SKETCH) if number % 4 == 3 else None,
            strength=0.7 if number % 4 == 3 else None,
            vary=Variation(9, 0.3) if number % 5 == 2 else None,
        )
        for number in range(count)
    ]


def together(local: LocalEngine, recipes: list[Paint], seed: int) -> list[tuple[Run, Painted]]:
    runs = runs_of(recipes)
    for run in runs:
        local.begin(run)
    step_together(local, runs, seed)
    return [(run, local.wrap(run, local.decode(run))) for run in runs]


def replay_of(painted: Painted) -> Replay:
    return Replay(painted.fingerprint, painted.pixels_digest)


def pixels(painted: Painted) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(painted.png)))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_picture_from_a_busy_engine_is_identical_alone_by_its_trace(seed: int) -> None:
    busy = together(warm(), mixed(), seed)
    again = engine(registry())
    again.warm()
    for run, painted in busy:
        assert paint_alone(again, replace_run(run, painted)).pixels_digest == painted.pixels_digest
        assert painted.fingerprint.trace == tuple((size, made) for size, made in run.trace)


def replace_run(run: Run, painted: Painted) -> Run:
    return Run("again", run.picture, "p", run.recipe, replay_of(painted))


def test_the_trace_is_what_makes_it_identical() -> None:
    """Without its trace a float32 Latent differs in bits: were it equal, the test above would prove nothing."""
    recipes = mixed()
    runs = runs_of(recipes)
    for run in runs:
        warm().begin(run)
    step_together(warm(), runs, 1)
    moved = 0
    for run in runs:
        alone = runs_of([run.recipe])[0]
        warm().begin(alone)
        while alone.left:
            warm().step(batch_of([alone], warm().sizes))
        moved += not torch.equal(alone.state.latent, run.state.latent)
        assert (alone.state.latent - run.state.latent).abs().max() < 2e-4
    assert moved > 0


def test_exact_mode_needs_no_trace() -> None:
    exact = warm(mode="exact")
    assert exact.sizes == (8,)
    for run, painted in together(exact, mixed(6), 4):
        assert paint_alone(exact, runs_of([run.recipe])[0]).pixels_digest == painted.pixels_digest
        assert painted.fingerprint.facts["mode"] == "exact"


def test_a_fast_engine_reproduces_a_picture_of_an_exact_one() -> None:
    run, painted = together(warm(mode="exact"), mixed(3), 4)[0]
    again = paint_alone(warm(), replace_run(run, painted))
    assert again.pixels_digest == painted.pixels_digest
    assert again.fingerprint.differing(painted.fingerprint) == ()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_calls_are_those_the_limits_count(sampler: str) -> None:
    tiny = registry().card("tiny")
    for fields in ({"steps": 6}, {"steps": 10, "sketch": Sketch(SKETCH), "strength": 0.1}, {"steps": 2}):
        run = runs_of([recipe(tiny, sampler, **fields)])[0]
        warm().begin(run)
        assert run.calls == calls(run.recipe)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_smallest_strength_paints_one_step_and_the_largest_works(sampler: str) -> None:
    tiny = registry().card("tiny")
    for strength in (0.1, 1.0):
        wanted = recipe(tiny, sampler, steps=10, sketch=Sketch(SKETCH), strength=strength)
        assert pixels(paint_alone(warm(), runs_of([wanted])[0])).std() > 1


def test_another_process_paints_the_same_pixels(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from tests.support.painting import engine, paint_alone, recipe, registry, runs_of\n"
        "from pathlib import Path\n"
        "models = registry(tiny=Path(sys.argv[1]))\n"
        "local = engine(models)\n"
        "local.warm()\n"
        "print(paint_alone(local, runs_of([recipe(models.card('tiny'), 'euler-a')])[0]).pixels_digest)\n"
    )
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(shared_tiny_model())],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    here = paint_alone(warm(), runs_of([recipe(registry().card("tiny"), "euler-a")])[0])
    assert made.stdout.split()[-1] == here.pixels_digest


def test_a_reproduce_applies_dtype_and_threads_of_its_fingerprint() -> None:
    painted = paint_alone(warm(), runs_of(mixed(1))[0])
    assert paint_alone(warm("bfloat16"), runs_of(mixed(1))[0]).pixels_digest != painted.pixels_digest
    other = engine(registry(), dtype="bfloat16", threads=2)
    torch.set_num_threads(2)
    run = Run("again", 0, "p", mixed(1)[0], replay_of(painted))
    again = paint_alone(other, run)
    assert run.key is not None
    assert (run.key.exclusive, run.key.dtype, run.key.threads) == (True, "float32", 1)
    assert again.pixels_digest == painted.pixels_digest
    assert (again.fingerprint.facts["dtype"], again.fingerprint.facts["threads"]) == ("float32", 1)
    assert torch.get_num_threads() == 1


def test_switches_that_cannot_be_applied_are_facts_that_differ() -> None:
    painted = paint_alone(warm(), runs_of(mixed(1))[0])
    strange = {**painted.fingerprint.facts, "dtype": "int3", "threads": "many", "profile": "vast", "torch": "0.4"}
    run = Run("again", 0, "p", mixed(1)[0], Replay(Fingerprint(painted.fingerprint.trace, strange), "0" * 64))
    again = paint_alone(warm(), run)
    assert run.key is not None
    assert not run.key.exclusive
    assert again.fingerprint.differing(run.replay.fingerprint if run.replay else painted.fingerprint) == (
        "dtype",
        "profile",
        "threads",
        "torch",
    )


def test_nan_fails_its_own_run_alone() -> None:
    recipes = [replace(wanted, sampler="ddim", sampler_config=mixed(1)[0].sampler_config) for wanted in mixed(3)]
    clean = [painted.pixels_digest for _, painted in together(warm(mode="exact"), recipes, 5)]
    runs = runs_of(recipes)
    for run in runs:
        warm(mode="exact").begin(run)
    with torch.inference_mode():
        runs[1].state.latent[0, 0, 0, 0] = float("nan")
    step_together(warm(mode="exact"), runs, 5)
    assert isinstance(runs[1].error, EmptyPicture)
    assert runs[1].done == 0
    for number in (0, 2):
        painted = warm(mode="exact").wrap(runs[number], warm(mode="exact").decode(runs[number]))
        assert painted.pixels_digest == clean[number]


def test_nan_from_the_vae_is_no_black_picture() -> None:
    run = runs_of(mixed(1))[0]
    warm().begin(run)
    while run.left:
        warm().step(batch_of([run], warm().sizes))
    with torch.inference_mode():
        run.state.latent[:] = float("inf")
    with pytest.raises(EmptyPicture):
        warm().decode(run)


def test_a_reroll_encodes_nothing() -> None:
    tiny = registry().card("tiny")
    conditioning = warm()._conditioning
    warm().begin(runs_of([recipe(tiny, prompt="never seen before", guidance=5.0)])[0])
    before = conditioning.encoded
    warm().begin(runs_of([recipe(tiny, prompt="never seen before", guidance=5.0, seed=99)])[0])
    assert conditioning.encoded == before


def test_a_sketch_without_a_picture_in_it_is_refused() -> None:
    local = engine(registry(), {"bad": b"no picture"})
    wanted = recipe(registry().card("tiny"), sketch=Sketch("bad"), strength=0.5)
    with pytest.raises(BadSketch):
        local.begin(runs_of([wanted])[0])


def test_what_cannot_be_painted_yet_is_refused_rather_than_left_out() -> None:
    with pytest.raises((BadInput, ModelUnavailable)):
        warm().begin(runs_of([replace(mixed(1)[0], loras=(Lora("aa", 1.0),))])[0])


def test_a_model_that_is_not_here_is_named() -> None:
    unknown = replace(mixed(1)[0], model=replace(mixed(1)[0].model, digest="f" * 64))
    with pytest.raises(ModelUnavailable, match="ffffffffffff"):
        warm().begin(runs_of([unknown])[0])


def test_a_recipe_without_a_sampler_config_is_refused() -> None:
    with pytest.raises(BadConfig):
        warm().begin(runs_of([replace(mixed(1)[0], sampler_config={})])[0])


def test_lcm_says_how_many_steps_it_can_make() -> None:
    with pytest.raises(PaintFailed, match="120 steps"):
        warm().begin(runs_of([recipe(registry().card("tiny"), "lcm", steps=120)])[0])


def test_a_size_that_fits_no_latent_grid_is_painted() -> None:
    wanted = recipe(registry().card("tiny"), width=72, height=40, guidance=3.0)
    assert pixels(paint_alone(warm(), runs_of([wanted])[0])).shape == (40, 72, 3)


def test_an_upscale_is_twice_its_parent() -> None:
    parent = paint_alone(warm(), runs_of(mixed(1))[0])
    local = engine(registry(), {parent.pixels_digest: parent.png})
    run = runs_of([Upscale(parent.pixels_digest, 128, 128)])[0]
    local.begin(run)
    assert (run.calls, run.left) == (0, 0)
    large = local.wrap(run, local.decode(run))
    assert (large.width, large.height) == (128, 128)
    wanted = Image.open(io.BytesIO(parent.png)).resize((128, 128), Image.Resampling.LANCZOS)
    assert np.array_equal(pixels(large), np.asarray(wanted))
    assert large.pixels_digest == pixels_digest(128, 128, wanted.tobytes())


def test_an_upscale_of_other_pixels_is_refused() -> None:
    local = engine(registry(), {"0" * 64: sketch_png(64, 64)})
    run = runs_of([Upscale("0" * 64, 128, 128)])[0]
    local.begin(run)
    with pytest.raises(Damaged):
        local.wrap(run, local.decode(run))


def test_previews_are_small_jpegs_that_begin_with_the_first_call() -> None:
    run = runs_of(mixed(1))[0]
    warm().begin(run)
    assert warm().preview(run) is None
    warm().step(batch_of([run], warm().sizes))
    preview = warm().preview(run)
    assert preview is not None
    with Image.open(io.BytesIO(preview)) as image:
        assert (image.format, max(image.size)) == ("JPEG", 256)


def test_the_built_in_model_paints_what_it_is_told() -> None:
    models = registry(builtin=ROOT / "models" / "builtin")
    built_in = models.card("builtin")
    assert (built_in.state, built_in.width, built_in.latent_scale) == ("ready", 128, 8)
    local = engine(models, default="builtin")
    local.warm()
    (wanted,), _ = fill(Draft(prompt="a red heart", seed=7, steps=8), built_in, lambda: 1)
    red, green, blue = pixels(paint_alone(local, runs_of([wanted])[0])).astype(int)[40:90, 40:90].mean(axis=(0, 1))
    assert red > green + 60
    assert red > blue + 60
