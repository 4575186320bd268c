"""Prompts of several parts: what each family reads is the parts' embeddings by their shares, and it is made again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.picture import Replay
from core.recipe import Part
from inference.adapters.table import embed, load
from inference.conditioning import Conditioning
from inference.embedding import Embedded
from inference.run import Run
from inference.weights import Plan, Weights
from tests.support.painting import engine, paint_alone, recipe, registry, runs_of, step_together
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_sd3 import shared_tiny_sd3
from tests.support.tiny_sdxl import shared_tiny_sdxl

LONG = "fox " * 30  # more than one chunk holds
PARTS = (("tabby cat", 0.25), ("white duck", 0.75), ("hybrid", 1.0))
FAMILIES: dict[str, Callable[[], Path]] = {"sd1": shared_tiny_model, "sdxl": shared_tiny_sdxl, "sd3": shared_tiny_sd3}


@pytest.fixture(scope="module", params=FAMILIES)
def weights(request: pytest.FixtureRequest) -> Weights:
    return load(FAMILIES[request.param](), Plan("d", request.param, "float32", "contiguous"), torch.device("cpu"))


def read(weights: Weights, *parts: tuple[str, float], guidance: float = 1.0, **fields: object) -> Embedded:
    """Embed parts, or the words of a single one without a weight."""
    model = registry(mine=FAMILIES[weights.plan.family]()).card("mine")
    blend = tuple(Part(*each) for each in parts) if len(parts) > 1 else ()
    words = "::".join(words for words, _ in parts)
    wanted = recipe(model, model.sampler, prompt=words, blend=blend, guidance=guidance, **fields)
    with torch.inference_mode():
        return embed(Conditioning(), weights, wanted)


def test_each_part_pulls_by_its_share(weights: Weights) -> None:
    whole = read(weights, *PARTS)
    alone = [read(weights, part) for part in PARTS]
    shares = [weight / 2.0 for _, weight in PARTS]
    wanted = torch.stack([each.text * share for each, share in zip(alone, shares, strict=True)]).sum(0)
    assert torch.allclose(whole.text, wanted, atol=1e-6)
    for name, row in whole.added.items():
        if "time" not in name:
            pooled = sum(each.added[name] * share for each, share in zip(alone, shares, strict=True))
            assert torch.allclose(row, torch.as_tensor(pooled), atol=1e-6)
    assert not torch.allclose(whole.text, read(weights, ("tabby cat white duck hybrid", 1.0)).text, atol=1e-3)


def test_weights_are_shares_and_equal_parts_are_one(weights: Weights) -> None:
    doubled = tuple((words, weight * 2) for words, weight in PARTS)
    assert torch.equal(read(weights, *PARTS).text, read(weights, *doubled).text)
    same = read(weights, ("a heart", 1.0), ("a heart", 1.0))
    assert torch.allclose(same.text, read(weights, ("a heart", 1.0)).text, atol=1e-6)


def test_parts_of_unlike_length_and_the_negative_row_stand_together(weights: Weights) -> None:
    found = read(weights, ("a", 1.0), (LONG, 1.0), guidance=5.0, negative_prompt="grey")
    assert found.text.shape[0] == 2
    short = read(weights, ("a", 1.0), guidance=5.0, negative_prompt="grey")
    assert torch.equal(found.text[:1, :77], short.text[:1, :77])


def test_a_blend_is_painted_the_same_again_also_in_company() -> None:
    tiny = registry().card("tiny")
    blend = tuple(Part(*each) for each in PARTS)
    wanted = recipe(tiny, prompt="tabby cat::0.25 white duck::0.75 hybrid", blend=blend, guidance=5.0)
    plain = recipe(tiny, prompt=wanted.prompt, guidance=5.0)
    local = engine(registry())
    first, unblended = (paint_alone(local, runs_of([each])[0]) for each in (wanted, plain))
    assert first.pixels_digest == paint_alone(engine(registry()), runs_of([wanted])[0]).pixels_digest
    assert first.pixels_digest != unblended.pixels_digest, "the weights had no effect"
    runs = runs_of([wanted, plain, plain])
    for run in runs:
        local.begin(run)
    step_together(local, runs)
    made = local.wrap(runs[0], local.decode(runs[0]))
    again = Run("again", 0, "p", wanted, replay=Replay(made.fingerprint, made.pixels_digest))
    assert paint_alone(engine(registry()), again).pixels_digest == made.pixels_digest
