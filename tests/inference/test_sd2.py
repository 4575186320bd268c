"""SD 2.x folders: told from 1.x, painted at their own size, by velocity under every sampler, and never black."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor

from core.errors import ModelUnavailable
from core.recipe import SAMPLERS, ModelRef, Paint
from inference.families.table import family_of
from inference.weights import Plan, load_unet
from tests.support.painting import engine, registry, runs_of
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_sd2 import make_tiny_sd2, shared_tiny_sd2


def test_the_card_says_the_family_and_the_folders_own_size() -> None:
    card = registry(two=shared_tiny_sd2()).card("two")
    assert (card.state, card.family, card.width, card.height) == ("ready", "sd2", 96, 96)
    assert (card.sampler, card.masks, card.inpaint, card.negative) == ("ddim", True, False, True)


def test_velocity_is_kept_whatever_the_sampler() -> None:
    card = registry(two=shared_tiny_sd2()).card("two")
    assert {config["prediction_type"] for config in card.samplers.values()} == {"v_prediction"}
    assert set(card.samplers) == set(SAMPLERS)


def test_it_is_told_from_stable_diffusion_1_by_its_text_encoder_alone(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shared_tiny_sd2(), tmp_path / "mine"))
    assert (family_of(folder), family_of(shared_tiny_model())) == ("sd2", "sd1")
    config = folder / "text_encoder" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "hidden_act": "quick_gelu"}))
    assert family_of(folder) == "sd1"


def test_a_recipe_that_names_the_other_version_is_refused() -> None:
    models = registry(two=shared_tiny_sd2())
    card = models.card("two")
    wanted = Paint("a fox", 1, 64, 64, 2, 1.0, "ddim", ModelRef("sd1", card.digest), dict(card.samplers["ddim"]))
    with pytest.raises(ModelUnavailable, match="is not of the family sd1"):
        engine(models, default="two").begin(runs_of([wanted])[0])


def test_attention_does_not_overflow_in_float16(tmp_path: Path) -> None:
    """Its scores pass 65504; classic attention that is not told to upcast gives NaN there, and the picture is black."""
    unet = load_unet(make_tiny_sd2(tmp_path / "loud", loud=1500.0), Plan("d", "sd2", "float16"), torch.device("cpu"))
    with torch.inference_mode():
        latent, text = torch.randn(1, 4, 4, 4).half(), torch.randn(1, 77, 48).half()
        assert unet(latent, 500, encoder_hidden_states=text).sample.isfinite().all()
        unet.set_attn_processor(AttnProcessor())
        for module in unet.modules():
            if isinstance(module, Attention):
                module.upcast_attention = False
        assert not unet(latent, 500, encoder_hidden_states=text).sample.isfinite().all()
