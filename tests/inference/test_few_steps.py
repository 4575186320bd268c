"""Few-step models: what their cards want, what a Picture of theirs costs, and the guidance each row carries."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from core.cost import calls, cost
from core.draft import Draft, SketchInfo, fill
from core.errors import BadWords, ModelUnavailable
from core.recipe import ModelRef, Paint
from inference.adapters.sd import load as load_sd1
from inference.adapters.table import embed
from inference.conditioning import Conditioning
from inference.embedding import guidance_row
from inference.weights import GUIDANCE, Plan
from tests.support.oracle import models
from tests.support.painting import batch_of, engine, recipe, registry, runs_of
from tests.support.tiny_model import shared_tiny_model


def asked(model: str, **fields: object) -> tuple[Paint, tuple[str, ...]]:
    found, notes = fill(Draft(prompt="a fox", **fields), models().card(model), lambda: 7)  # type: ignore[arg-type]
    return found[0], notes


@pytest.mark.parametrize(
    ("model", "family", "sampler", "steps", "guidance", "coins"),
    [
        ("tiny", "sd1", "plms", 30, 7.5, 31 * 2),
        ("lcm", "sd1-lcm", "lcm", 4, 8.0, 4),
        ("lcm_xl", "sdxl-lcm", "lcm", 4, 8.0, 4),
        ("turbo", "sd1", "euler", 1, 0.0, 1),
        ("turbo_xl", "sdxl", "euler-a", 1, 0.0, 1),
    ],
)
def test_a_model_says_what_it_wants_and_a_distilled_one_pays_for_one_row(
    model: str, family: str, sampler: str, steps: int, guidance: float, coins: int
) -> None:
    card = models().card(model)
    assert (card.family, card.sampler, card.steps, card.guidance) == (family, sampler, steps, guidance)
    wanted, notes = asked(model)
    assert notes == ()
    assert cost(wanted) == 64 * 64 * coins
    local = engine(models(), loaded=8)
    run = runs_of([wanted])[0]
    local.begin(run)
    assert run.calls * run.rows == coins == calls(wanted) * (2 if wanted.guided else 1)


@pytest.mark.parametrize(
    "change", [{"_class_name": "LCMScheduler"}, {"_class_name": "LCMScheduler", "steps_offset": 0}]
)
def test_a_plain_unet_with_an_lcm_sampler_wants_four_steps_unguided(tmp_path: Path, change: dict[str, object]) -> None:
    card = registry(mine=spoiled(tmp_path, change)).card("mine")
    assert (card.family, card.sampler, card.steps, card.guidance) == ("sd1", "lcm", 4, 1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"timestep_spacing": "leading"},
        {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True},
        {"timestep_spacing": "trailing", "prediction_type": "v_prediction"},
    ],
)
def test_a_model_of_many_steps_is_not_taken_for_a_turbo(tmp_path: Path, change: dict[str, object]) -> None:
    card = registry(mine=spoiled(tmp_path, {"_class_name": "EulerDiscreteScheduler", **change})).card("mine")
    assert (card.sampler, card.steps, card.guidance) == ("euler", 30, 7.5)


def test_every_sampler_of_a_turbo_keeps_its_trailing_timesteps() -> None:
    card = models().card("turbo_xl")
    assert {config["timestep_spacing"] for config in card.samplers.values()} == {"trailing"}
    local = engine(models(), loaded=8)
    for sampler in ("euler-a", "euler", "ddim", "dpmpp-2m"):
        run = runs_of([recipe(card, sampler, steps=1, guidance=0.0)])[0]
        local.begin(run)
        assert run.state.timesteps.tolist() == [999], sampler


def test_a_sketch_gets_as_many_steps_as_leave_it_one() -> None:
    sketch = SketchInfo("5e7c", 64, 64)
    for strength, steps, left in ((0.75, 2, 1), (0.5, 2, 1), (0.3, 4, 1), (1.0, 1, 1), (0.02, 50, 1)):
        wanted, notes = asked("turbo", sketch=sketch, strength=strength)
        assert (wanted.steps, calls(wanted), wanted.strength) == (steps, left, strength)
        assert any("steps instead of 1" in note for note in notes) == (steps > 1)
    typed, notes = asked("turbo", sketch=sketch, strength=0.5, steps=1)
    assert (typed.steps, typed.strength) == (1, 1.0) and "raised to 1" in notes[0]
    none, notes = asked("turbo", sketch=sketch, strength=0.0)
    assert (none.steps, none.strength) == (1, 1.0) and "raised to 1" in notes[0]
    lcm, notes = asked("lcm", sketch=sketch)
    assert (lcm.steps, calls(lcm), notes) == (4, 3, ())


def test_any_strength_leaves_a_sketch_a_step_of_a_few_step_model() -> None:
    for tenths in range(1, 1001):
        wanted, _ = asked("turbo", sketch=SketchInfo("5e7c", 64, 64), strength=tenths / 1000)
        assert calls(wanted) >= 1
        assert int(wanted.steps * (wanted.strength or 0)) >= 1


def test_words_to_avoid_mean_nothing_to_a_distilled_model_and_it_says_so() -> None:
    _, notes = asked("lcm", negative_prompt="blurry")
    assert notes == ("What to avoid (--no) has no effect with the model lcm.",)
    assert "needs a guidance above 1" in asked("turbo", negative_prompt="blurry")[1][0]
    assert asked("turbo", negative_prompt="blurry", guidance=3.0)[1] == ()


def test_a_distilled_run_shares_its_call_at_its_own_guidance() -> None:
    local = engine(models(), loaded=8)
    card = models().card("lcm")
    runs = runs_of([recipe(card, "lcm", guidance=guidance, steps=4) for guidance in (1.0, 4.0, 12.0)])
    for run in runs:
        local.begin(run)
    assert {run.rows for run in runs} == {1}
    assert len({run.key for run in runs}) == 1
    local.step(batch_of(runs, local.sizes))
    first, second, third = (run.state.latent for run in runs)
    assert not torch.equal(first, second) and not torch.equal(second, third)


def test_the_guidance_row_is_that_of_the_lcm_pipeline() -> None:
    from diffusers import LatentConsistencyModelPipeline

    stock = LatentConsistencyModelPipeline.get_guidance_scale_embedding
    for guidance in (0.0, 1.0, 7.5, 8.0, 30.0):
        for width in (32, 33, 256):
            given = torch.tensor(guidance - 1).repeat(1)
            assert torch.equal(guidance_row(guidance, width), stock(None, given, embedding_dim=width))


def test_a_guided_plain_model_carries_no_guidance_row() -> None:
    for model, rows in (("tiny", 2), ("lcm", 1)):
        card = models().card(model)
        weights = load_sd1(models().folder(card.digest), Plan("d", card.family, "float32", "contiguous"), CPU)
        with torch.inference_mode():
            found = embed(Conditioning(), weights, recipe(card, "lcm", guidance=5.0))
        assert len(found.text) == rows
        assert (GUIDANCE in found.added) == (model == "lcm")


def test_a_recipe_may_not_call_a_distilled_model_plain() -> None:
    # Under the plain family its Run would take two rows and be charged for two.
    for name, family in (("lcm", "sd1"), ("tiny", "sd1-lcm"), ("lcm_xl", "sdxl")):
        card = models().card(name)
        wanted = Paint("a fox", 1, 64, 64, 4, 8.0, "lcm", ModelRef(family, card.digest), dict(card.samplers["lcm"]))
        with pytest.raises(ModelUnavailable, match=f"is not of the family {family}"):
            engine(models(), loaded=8).begin(runs_of([wanted])[0])


def test_lcm_takes_no_more_steps_than_it_was_distilled_for(tmp_path: Path) -> None:
    folder = spoiled(tmp_path, {"_class_name": "LCMScheduler", "original_inference_steps": 20})
    card = registry(mine=folder).card("mine")
    assert card.samplers["lcm"]["original_inference_steps"] == 20
    with pytest.raises(BadWords, match="--steps 21 is out of range"):
        fill(Draft(prompt="a fox", steps=21), card, lambda: 7)
    with pytest.raises(BadWords, match="--steps 51 is out of range"):
        asked("lcm", steps=51)


CPU = torch.device("cpu")


def spoiled(tmp_path: Path, change: dict[str, object]) -> Path:
    """Return a copy of the tiny model with other entries in its scheduler config."""
    folder = Path(shutil.copytree(shared_tiny_model(), tmp_path / "mine"))
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    return folder
