"""SD3 folders: what their cards say and refuse; Prompts read by three encoders; the sampler of a flow."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.draft import Draft, SketchInfo, fill
from core.errors import BadConfig, BadWords
from inference import samplers
from inference.adapters.sd3 import load
from inference.adapters.table import embed
from inference.conditioning import Conditioning
from inference.embedding import Embedded
from inference.flow import time_shift
from inference.models import Registry
from inference.weights import Plan, Weights
from tests.support.painting import recipe, registry
from tests.support.tiny_sd3 import shared_tiny_sd3

LONG = "fox " * 30  # 90 letters and as many blanks: two chunks of CLIP's, one of T5's
CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the tiny SD3 that a test may spoil."""
    return Path(shutil.copytree(shared_tiny_sd3(), tmp_path / "mine"))


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Return the tiny SD3, loaded."""
    return load(shared_tiny_sd3(), Plan("d", "sd3", "float32"), CPU)


def change(path: Path, **entries: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def read(weights: Weights, **fields: Any) -> Embedded:
    wanted = recipe(registry(three=shared_tiny_sd3()).card("three"), "euler", **fields)
    with torch.inference_mode():
        return embed(Conditioning(), weights, wanted)


def test_the_card_says_the_family_and_what_it_cannot_do() -> None:
    card = registry(three=shared_tiny_sd3()).card("three")
    assert (card.state, card.family, card.width, card.steps, card.guidance) == ("ready", "sd3", 64, 28, 7.0)
    assert (card.grid, card.masks, card.negative, list(card.samplers)) == (16, False, True, ["euler"])


@pytest.mark.parametrize(
    ("draft", "why"),
    [
        (Draft(prompt="a fox", sampler="ddim"), "has no sampler ddim"),
        (Draft(prompt="a fox", width=72, height=64), "72 is no multiple of 16"),
        (Draft(prompt="a fox", sketch=SketchInfo("s", 64, 64, "part", "m"), inpaint=True), "cannot paint a part"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_accepted(draft: Draft, why: str) -> None:
    with pytest.raises(BadWords, match=why):
        fill(draft, registry(three=shared_tiny_sd3()).card("three"), lambda: 7)


NET = "diffusion_pytorch_model.safetensors"
SPOILED: list[tuple[str, Callable[[Path], Any], str]] = [
    ("weights gone", lambda f: (f / "transformer" / NET).unlink(), f"transformer/{NET} is missing"),
    ("net", lambda f: change(f / "model_index.json", transformer=["diffusers", "Flux"]), "Its transformer is Flux"),
    ("t5", lambda f: change(f / "model_index.json", text_encoder_3=["transformers", "Bert"]), "Its text_encoder_3 is"),
    (
        "t5 tokenizer",
        lambda f: (f / "tokenizer_3" / "tokenizer.json").unlink(),
        "tokenizer_3/tokenizer.json is",
    ),
    ("channels", lambda f: change(f / "transformer" / "config.json", in_channels=33), "read and write 16 channels"),
    ("width", lambda f: change(f / "text_encoder_3" / "config.json", d_model=48), "give 80, 48 and 64"),
    (
        "other flow",
        lambda f: change(f / "scheduler/scheduler_config.json", _class_name="DDIMScheduler"),
        "not Fl",
    ),
    ("no shift", lambda f: change(f / "scheduler" / "scheduler_config.json", shift=None), "does not say shift"),
]


@pytest.mark.parametrize(("spoil", "why"), [case[1:] for case in SPOILED], ids=[case[0] for case in SPOILED])
def test_a_broken_folder_says_what_is_wrong(folder: Path, spoil: Callable[[Path], Any], why: str) -> None:
    spoil(folder)
    card = Registry({"mine": folder}).card("mine")
    assert card.state == "broken"
    assert why in card.why


def test_the_third_encoder_follows_the_others_and_zeros_fill_their_width(weights: Weights) -> None:
    found = read(weights, guidance=5.0, negative_prompt="grey")
    assert found.text.shape == (2, 77 + 256, 96)
    assert not found.text[:, :77, 80:].any()
    assert found.text[:, 77:].abs().mean() > 0
    assert found.added["pooled_projections"].shape == (2, 64)


def test_long_words_are_read_in_chunks_and_the_shorter_row_is_padded(weights: Weights) -> None:
    long = read(weights, guidance=5.0, prompt=LONG, negative_prompt="grey")
    assert long.text.shape == (2, 2 * 77 + 256, 96)
    assert torch.equal(long.text[:1, 77:154], read(weights, prompt="").text[:, :77])
    assert read(weights, guidance=5.0, prompt=3 * LONG, negative_prompt="grey").text.shape == (2, 4 * 77 + 512, 96)


def test_a_weight_moves_its_words_in_every_encoder(weights: Weights) -> None:
    plain, strong = read(weights, prompt="a fox").text, read(weights, prompt="a (fox:1.5)").text
    for tokens, width in ((slice(0, 77), slice(0, 32)), (slice(0, 77), slice(32, 80)), (slice(77, 333), slice(0, 96))):
        assert not torch.equal(plain[:, tokens, width], strong[:, tokens, width])


def test_time_is_shifted_by_size_as_the_stock_pipeline_does() -> None:
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import calculate_shift

    config = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.16}
    config |= {"base_image_seq_len": 256, "max_image_seq_len": 4096}
    for tokens in (12, 256, 1024, 4096):
        assert time_shift(config, tokens) == {"mu": calculate_shift(tokens, 256, 4096, 0.5, 1.16)}
    assert time_shift({**config, "use_dynamic_shifting": False}, 12) == {}


def test_a_flows_sampler_is_never_built_from_defaults() -> None:
    whole = dict(registry(three=shared_tiny_sd3()).card("three").samplers["euler"])
    assert samplers.build(whole).config.shift == 3.0
    for odd in ({**whole, "magic": 1}, {name: value for name, value in whole.items() if name != "shift"}):
        with pytest.raises(BadConfig, match="magic|shift"):
            samplers.build(odd)
