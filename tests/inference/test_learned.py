"""Textual inversion: a learned word gives what the stock pipeline gives, counts its vectors, leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.errors import ModelUnavailable
from core.picture import Replay
from core.recipe import Embedding, Paint
from inference.addons import AddOnFiles
from inference.conditioning import Reader
from inference.run import Run
from tests.support.oracle import HAS_BF16, Case, Made, check, models
from tests.support.painting import engine, paint_alone, runs_of
from tests.support.tiny_addons import make_embedding
from tests.support.tiny_model import shared_tiny_model

DTYPE = "bfloat16" if HAS_BF16 else "float32"
WIDTHS = {"tiny": (32,), "xl": (32, 48)}
WORDS = "a zglow fox, qhaze and zglow"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AddOnFiles]:
    """Return two learned words for each tiny model: of three vectors and of one."""
    found = {}
    for name, widths in WIDTHS.items():
        folder = tmp_path_factory.mktemp(name)
        make_embedding(folder / "zglow.safetensors", widths, vectors=3, seed=1)
        make_embedding(folder / "qhaze.safetensors", widths, vectors=1, seed=2)
        found[name] = AddOnFiles(embeddings=folder)
        found[name].read({})
    return found


def learned(wanted: Paint, files: AddOnFiles, **fields: Any) -> Paint:
    known = tuple(Embedding(card.name, card.digest) for card in files.cards().embeddings)
    return replace(wanted, embeddings=known, **fields)


@cache
def stock(files: AddOnFiles) -> Callable[[Any], None]:
    """Return what teaches a stock pipeline the same words."""

    def set_up(pipe: Any) -> None:
        encoders = {"emb_params": ("text_encoder", "tokenizer"), "clip_l": ("text_encoder", "tokenizer"),
                    "clip_g": ("text_encoder_2", "tokenizer_2")}  # fmt: skip
        for card in files.cards().embeddings:
            for key, rows in load_file(files.file(card.digest)).items():
                encoder, tokenizer = (getattr(pipe, name) for name in encoders[key])
                pipe.load_textual_inversion(
                    {card.name: rows}, token=card.name, text_encoder=encoder, tokenizer=tokenizer
                )

    return set_up


@pytest.mark.parametrize("name", ["tiny", "xl"])
def test_a_learned_word_is_the_stock_pipelines(name: str, files: dict[str, AddOnFiles]) -> None:
    case = Case(name, "euler", 5.0, steps=2)
    local = engine(models(), addons=files[name], dtype=DTYPE, loaded=8)
    plain = replace(case.recipe(1), prompt=WORDS, negative_prompt="qhaze, blur")
    wanted = learned(plain, files[name])
    runs = runs_of([wanted, plain])
    made = [paint_alone(local, run) for run in runs]
    assert made[0].pixels_digest != made[1].pixels_digest, "the words were not learned, or not forgotten"
    check(Made(case, runs[0], wanted, runs[0].state.latent, made[0]), DTYPE, stock(files[name]))
    check(Made(case, runs[1], plain, runs[1].state.latent, made[1]), DTYPE)
    again = Run("again", 0, "p", wanted, replay=Replay(made[0].fingerprint, made[0].pixels_digest))
    other = engine(models(), addons=files[name], loaded=8)
    assert paint_alone(other, again).pixels_digest == made[0].pixels_digest


def test_a_chunk_counts_vectors_and_never_parts_them() -> None:
    reader = Reader(shared_tiny_model())
    knowing = reader.taught({"zglow": 3, "qhaze": 1})
    first, (haze,) = [reader.size, reader.size + 1, reader.size + 2], (reader.size + 3,)
    (chunk,) = knowing.chunks("a ZGLOW (qhaze:1.5)")
    assert list(chunk.ids[2:6]) == [*first, haze] and chunk.weights[2:6] == (1.0, 1.0, 1.0, 1.5)
    letters = "a " * 74
    one, two = knowing.chunks(f"{letters}zglow")
    assert one.ids.count(first[0]) == 0 and list(two.ids[1:4]) == first
    assert len(knowing.chunks(f"{'a ' * 72}zglow")) == 1
    assert [len(each.chunks("a zglowing qhaze-like zglow_2")[0].ids) for each in (reader, knowing)] == [77, 77]
    assert knowing.chunks("a zglowing qhaze-like") == reader.chunks("a zglowing qhaze-like")
    assert reader.chunks("zglow") != knowing.chunks("zglow")


def test_what_a_model_cuts_off_names_the_learned_word() -> None:
    knowing = Reader(shared_tiny_model()).taught({"zglow": 3})
    assert knowing.cut(" BREAK ".join(["a"] * 16) + " BREAK a zglow b") == "a zglow b"


def test_an_embedding_of_another_width_is_refused(files: dict[str, AddOnFiles]) -> None:
    local = engine(models(), addons=files["xl"])
    wanted = learned(Case("tiny", "ddim", 1.0).recipe(1), files["xl"])
    with pytest.raises(ModelUnavailable, match="is not for this model"):
        local.begin(runs_of([wanted])[0])


def test_nothing_of_it_stays_on_a_text_encoder(files: dict[str, AddOnFiles]) -> None:
    local = engine(models(), addons=files["tiny"])
    run = runs_of([learned(Case("tiny", "ddim", 1.0).recipe(1), files["tiny"], prompt=WORDS)])[0]
    local.begin(run)
    layer = run.state.weights.text_encoder.get_input_embeddings()
    assert not layer._forward_hooks and not layer._forward_pre_hooks
    assert isinstance(layer, torch.nn.Embedding) and Path(models().folder(run.recipe.model.digest)).is_dir()
