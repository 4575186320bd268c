"""Masks: what a mask keeps, what a Variation moves under it, and what cannot be painted is said in words."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from core.errors import BadInput
from core.recipe import Mask, ModelRef, Paint, Sketch, Variation
from tests.support.oracle import models
from tests.support.painting import MASK, SKETCH, batch_of, engine, paint_alone, recipe, registry, runs_of
from tests.support.tiny_model import shared_tiny_model


def _masked(model: str, **fields: Any) -> Paint:
    """Return a Recipe with a Sketch and a mask: the plain model's paints over the white part as a whole."""
    whole = model == "tiny"
    given = {"sketch": Sketch(SKETCH), "strength": 1.0 if whole else 0.6, "mask": Mask(MASK), "steps": 4, **fields}
    return recipe(models().card(model), "ddim", **{"width": 64, "height": 48, "guidance": 5.0, **given})


def test_what_is_not_white_stays_the_sketch_in_a_plain_model() -> None:
    local = engine(models())
    run = runs_of([_masked("tiny")])[0]
    paint_alone(local, run)
    masked = run.state.masked
    kept = (masked.white == 0).expand_as(run.state.latent)
    assert 0 < kept.float().mean() < 1
    assert torch.equal(run.state.latent[kept], masked.clean[kept])
    assert not torch.equal(run.state.latent[~kept], masked.clean[~kept])


@pytest.mark.parametrize(("model", "strength"), [("tiny", 1.0), ("tiny", 0.6), ("nine", 1.0)])
def test_a_whole_variation_starts_from_the_noise_of_the_second_seed(model: str, strength: float) -> None:
    local = engine(models())

    def noise(**fields: Any) -> torch.Tensor:
        run = runs_of([_masked(model, strength=strength, **fields)])[0]
        local.begin(run)
        drawn = run.state.masked.drawn
        return run.state.latent if drawn is None else drawn  # type: ignore[no-any-return]

    assert torch.allclose(noise(vary=Variation(5, 1.0)), noise(seed=5), atol=1e-5)
    assert torch.allclose(noise(vary=Variation(5, 0.0)), noise(), atol=1e-5)
    assert not torch.allclose(noise(), noise(seed=5), atol=0.1)


def test_masks_that_cannot_be_are_said_in_words() -> None:
    local = engine(models())
    for wanted, why in (
        (_masked("tiny", sketch=None), "no sketch"),
        (_masked("nine", mask=None), "needs a sketch and a mask"),
        (replace(_masked("tiny"), model=ModelRef("none", "0" * 64)), "does not work with this model"),
    ):
        with pytest.raises(BadInput, match=why):
            local.begin(runs_of([wanted])[0])


def test_an_inpainting_folder_may_have_a_unet_of_either_kind(tmp_path: Path) -> None:
    card = models().card("nine")
    assert (card.state, card.family, card.width, card.latent_scale) == ("ready", "sd1", 64, 8)
    assert (card.masks, card.inpaint) == (True, True)
    plain = Path(shutil.copytree(shared_tiny_model(), tmp_path / "plain"))
    for index, why in (("StableDiffusionInpaintPipeline", ""), ("StableDiffusionPipeline", "")):
        _change(plain / "model_index.json", _class_name=index)
        found = registry(plain=plain).card("plain")
        assert (found.why, found.masks, found.inpaint) == (why, True, False)
    odd = Path(shutil.copytree(models().folder(models().card("nine").digest), tmp_path / "odd"))
    _change(odd / "model_index.json", _class_name="StableDiffusionPipeline")
    assert "takes 9 channels, not 4: a model for inpainting" in registry(odd=odd).card("odd").why
    _change(odd / "model_index.json", _class_name="StableDiffusionInpaintPipeline")
    _change(odd / "unet" / "config.json", in_channels=5)
    assert "takes 5 channels, not 4 or 9" in registry(odd=odd).card("odd").why


def _change(path: Path, **entries: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_a_preview_shows_the_latent_and_not_what_lies_under_it() -> None:
    local = engine(models())
    run = runs_of([_masked("nine")])[0]
    local.begin(run)
    local.step(batch_of([run], local.sizes))
    preview = local.preview(run)
    assert preview is not None
    assert Image.open(io.BytesIO(preview)).size == (256, 192)
