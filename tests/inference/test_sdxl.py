"""SDXL folders: what their cards say and refuse; Prompts read by both encoders, with weights, chunks and the cache."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import ModelUnavailable
from inference.adapters.sdxl import load as load_sdxl
from inference.adapters.table import embed
from inference.conditioning import Conditioning
from inference.embedding import Embedded
from inference.models import Registry
from inference.weights import Plan, Weights
from tests.support.painting import engine, paint_alone, recipe, registry, runs_of
from tests.support.tiny_model import byte_tokenizer, shared_tiny_model
from tests.support.tiny_sdxl import make_tiny_sdxl, shared_tiny_sdxl

LONG = "fox " * 30  # 90 letters: more than the 75 one chunk holds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the tiny SDXL that a test may spoil."""
    return Path(shutil.copytree(shared_tiny_sdxl(), tmp_path / "mine"))


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Return the tiny SDXL, loaded."""
    return load_sdxl(shared_tiny_sdxl(), Plan("d", "sdxl", "float32", "contiguous"), torch.device("cpu"))


def change(path: Path, **entries: Any) -> None:
    found = json.loads(path.read_text())
    found.update(entries)
    path.write_text(json.dumps(found))


def read(weights: Weights, conditioning: Conditioning | None = None, **fields: Any) -> Embedded:
    wanted = recipe(registry(xl=shared_tiny_sdxl()).card("xl"), "ddim", **fields)
    with torch.inference_mode():
        return embed(conditioning or Conditioning(), weights, wanted)


def test_the_card_says_the_family_and_its_own_defaults(folder: Path) -> None:
    change(folder / "unet" / "config.json", sample_size=128)
    card = registry(xl=folder).card("xl")
    assert (card.state, card.family, card.width, card.height, card.multiple) == ("ready", "sdxl", 1024, 1024, 64)
    assert (card.masks, card.inpaint) == (True, False)
    assert (card.steps, card.guidance, card.sampler) == (30, 5.0, "euler")


SPOILED: list[tuple[str, Callable[[Path], Any], str]] = [
    (
        "second weights gone",
        lambda f: (f / "text_encoder_2" / "model.safetensors").unlink(),
        "text_encoder_2/model.saf",
    ),
    (
        "no second encoder",
        lambda f: change(f / "model_index.json", text_encoder_2=[None, None]),
        "text_encoder_2 is No",
    ),
    (
        "second of the first kind",
        lambda f: change(f / "model_index.json", text_encoder_2=["transformers", "CLIPTextModel"]),
        "text_encoder_2 is CLIPTextModel,",
    ),
    (
        "second tokenizer",
        lambda f: (f / "tokenizer_2" / "tokenizer.json").unlink(),
        "tokenizer_2/vocab.json and merges",
    ),
    ("refiner", lambda f: change(f / "unet" / "config.json", projection_class_embeddings_input_dim=88), "reads 88"),
    ("kind", lambda f: change(f / "unet" / "config.json", addition_embed_type="text"), "is text, not text_time"),
    (
        "another length",
        lambda f: change(f / "tokenizer_2" / "tokenizer_config.json", model_max_length=40),
        "read 77 and 40 tokens at once",
    ),
    (
        "another width",
        lambda f: change(f / "text_encoder_2" / "config.json", hidden_size=64),
        "tokens of 80 numbers, its text encoders give 96",
    ),
    ("inpainting", lambda f: change(f / "unet" / "config.json", in_channels=9), "for inpainting"),
    ("playground", lambda f: change(f / "vae" / "config.json", latents_mean=[0, 0, 0, 0]), "moves Latents by a mean"),
]


@pytest.mark.parametrize(("spoil", "why"), [case[1:] for case in SPOILED], ids=[case[0] for case in SPOILED])
def test_a_broken_folder_says_what_is_wrong(folder: Path, spoil: Callable[[Path], Any], why: str) -> None:
    spoil(folder)
    card = Registry({"mine": folder}).card("mine")
    assert card.state == "broken"
    assert why in card.why


def test_each_row_has_its_pooled_words_and_sizes(weights: Weights) -> None:
    found = read(weights, guidance=5.0, negative_prompt="grey", width=64, height=48)
    assert found.text.shape == (2, 77, 80)
    assert found.added["text_embeds"].shape == (2, 48)
    assert found.added["time_ids"].tolist() == [[48, 64, 0, 0, 48, 64]] * 2


def test_an_empty_negative_is_zeros_and_encodes_nothing(weights: Weights) -> None:
    conditioning = Conditioning()
    found = read(weights, conditioning, guidance=5.0)
    assert conditioning.encoded == 1
    assert not found.text[0].any()
    assert not found.added["text_embeds"][0].any()
    assert found.text[1].any()


def test_the_same_words_are_encoded_once_until_they_are_forgotten(weights: Weights) -> None:
    conditioning = Conditioning()
    first = read(weights, conditioning, guidance=5.0, negative_prompt="grey")
    again = read(weights, conditioning, guidance=5.0, negative_prompt="grey", seed=8)
    assert conditioning.encoded == 2
    assert torch.equal(first.text, again.text)
    conditioning.forget("d")
    read(weights, conditioning)
    assert conditioning.encoded == 3


def test_long_words_are_read_in_chunks_and_the_shorter_row_is_padded(weights: Weights) -> None:
    long = read(weights, guidance=5.0, prompt=LONG, negative_prompt="grey")
    assert long.text.shape == (2, 154, 80)
    empty = read(weights, prompt="").text
    assert torch.equal(long.text[:1, 77:], empty)
    swapped = read(weights, guidance=5.0, prompt="grey", negative_prompt=LONG)
    assert torch.equal(swapped.text.flip(0), long.text)
    assert torch.equal(swapped.added["text_embeds"].flip(0), long.added["text_embeds"])
    assert read(weights, guidance=5.0, prompt=LONG).text.shape == (2, 154, 80)


def test_tokenizers_of_two_vocabularies_are_padded_to_each_other(tmp_path: Path) -> None:
    merging = byte_tokenizer(pad="!", merges=(("f", "o"), ("fo", "x</w>")))
    folder = make_tiny_sdxl(tmp_path / "two", second=merging)
    loaded = load_sdxl(folder, Plan("d", "sdxl", "float32", "contiguous"), torch.device("cpu"))
    # 90 letters are two chunks to the first tokenizer; 30 words are one to the second.
    assert (len(loaded.reader.chunks(LONG)), len(loaded.reader_2.chunks(LONG))) == (2, 1)
    found = read(loaded, prompt=LONG).text
    assert found.shape == (1, 154, 80)
    assert torch.equal(found[:, 77:, 32:], read(loaded, prompt="").text[..., 32:])
    assert read(loaded, guidance=5.0, prompt="a fox", negative_prompt=LONG).text.shape == (2, 154, 80)
    models = registry(two=folder)
    wanted = recipe(models.card("two"), "ddim", guidance=5.0, prompt=LONG, steps=2)
    assert paint_alone(engine(models, default="two"), runs_of([wanted])[0]).png


def test_a_weight_moves_its_words_and_keeps_each_encoders_mean(weights: Weights) -> None:
    plain, strong = read(weights, prompt="a fox").text, read(weights, prompt="a (fox:1.5)").text
    assert not torch.equal(plain, strong)
    for part in (slice(0, 32), slice(32, 80)):
        assert float(strong[..., part].mean()) == pytest.approx(float(plain[..., part].mean()), rel=1e-3)


def test_clip_skip_leaves_out_one_more_layer_of_the_positive_row_alone(weights: Weights) -> None:
    plain = read(weights, guidance=5.0, negative_prompt="grey")
    skipped = read(weights, guidance=5.0, negative_prompt="grey", clip_skip=1)
    assert torch.equal(plain.text[0], skipped.text[0])
    assert not torch.equal(plain.text[1], skipped.text[1])
    assert torch.equal(plain.added["text_embeds"], skipped.added["text_embeds"])


def test_a_recipe_that_names_a_false_family_is_refused_before_it_shares_a_call() -> None:
    models = registry(tiny=shared_tiny_model(), xl=shared_tiny_sdxl())
    for name, family in (("xl", "sd1"), ("tiny", "sdxl")):
        card = replace(models.card(name), family=family)
        with pytest.raises(ModelUnavailable, match=f"is not of the family {family}"):
            engine(models).begin(runs_of([recipe(card, "ddim")])[0])


def test_a_long_row_is_painted_beside_its_key() -> None:
    models = registry(xl=shared_tiny_sdxl())
    wanted = recipe(models.card("xl"), "ddim", guidance=5.0, prompt=LONG, steps=2)
    run = runs_of([wanted])[0]
    paint_alone(engine(models, default="xl"), run)
    assert run.key is not None
    assert run.key.text == 154
    short = runs_of([replace(wanted, prompt="a fox")])[0]
    paint_alone(engine(models, default="xl"), short)
    assert short.key is not None
    assert short.key.text == 77
