"""A single .safetensors file paints what its folder paints, bit for bit; what is no whole Model says what it is."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPTextModel

from core.errors import ModelUnavailable
from core.recipe import Mask, Sketch
from inference.cards import notes_of
from inference.models import Registry
from inference.unpack import from_file
from tests.support.painting import MASK, SKETCH, engine, paint_alone, recipe, runs_of
from tests.support.single_file import as_single, kind_of_file, tensors_of
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_sd2 import make_tiny_sd2, shared_tiny_sd2
from tests.support.tiny_sdxl import shared_tiny_sdxl


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `settings` of small kinds of file and `folders` they were made from."""
    root = tmp_path_factory.mktemp("single")
    folders = {
        "sd1": shared_tiny_model(),
        "sd1-inpaint": shared_tiny_model(9),
        "sd2": make_tiny_sd2(root / "sd2", "epsilon"),
        "sd2-v": shared_tiny_sd2(),
        "sdxl": shared_tiny_sdxl(),
    }
    for kind, folder in folders.items():
        kind_of_file(folder, root / "settings", kind)
        as_single(folder, root / "files" / f"{kind}.safetensors")
    return root


@cache
def read(settings: Path, **places: Path) -> Registry:
    """Return a Registry that has read its places, with small settings for single files."""
    found = Registry(places, settings=settings)
    found.read({})
    return found


def registry(place: Path, **places: Path) -> Registry:
    return read(place / "settings", **places)


FOLDERS = {"sd1": shared_tiny_model, "sd1-inpaint": lambda: shared_tiny_model(9), "sdxl": shared_tiny_sdxl}


@pytest.mark.parametrize("kind", ["sd1", "sd1-inpaint", "sd2", "sd2-v", "sdxl"])
def test_it_paints_what_its_folder_paints(place: Path, kind: str) -> None:
    folder = {**{name: make() for name, make in FOLDERS.items()}, "sd2": place / "sd2", "sd2-v": shared_tiny_sd2()}
    file = place / "files" / f"{kind}.safetensors"
    notes_of(file).write_text(json.dumps({"prediction": "epsilon"} if kind == "sd2" else {}))
    models = registry(place, tiny=folder[kind], single=file)
    one, other = models.card("single"), models.card("tiny")
    assert one.digest == hashlib.sha256(file.read_bytes()).hexdigest() != other.digest
    assert (one.family, one.state, one.samplers) == (other.family, "ready", other.samplers)
    local = engine(models)
    local.warm()
    more: dict[str, Any] = {"guidance": 5.0, "steps": 3}
    if kind == "sd1-inpaint":
        more |= {"sketch": Sketch(SKETCH), "mask": Mask(MASK), "strength": 1.0}
    painted = [paint_alone(local, runs_of([recipe(card, **more)])[0]) for card in (one, other)]
    first, second = (np.asarray(Image.open(io.BytesIO(each.png))).astype(int) for each in painted)
    # A product with one row is rounded by where its matrix lies in memory (SDXL's pooled words): 64 bytes or not.
    assert np.abs(first - second).max() <= (1 if kind == "sdxl" else 0)


SPOILED: list[tuple[str, dict[str, Any], str]] = [
    ("no VAE", {"first_stage_model.": None}, "It holds no whole VAE"),
    ("half a VAE", {"first_stage_model.encoder.": None}, "It holds no whole VAE"),
    ("no text", {"cond_stage_model.": None}, "It holds no text encoder"),
    ("no UNet", {"model.diffusion_model.": None}, "It is a VAE alone"),
    ("pruned", {"model.diffusion_model.input_blocks.3.": None}, "a smaller or changed variant"),
    ("distilled", {"model.diffusion_model.time_embed.cond_proj.weight": torch.zeros(1)}, "distilled with its guidance"),
    ("quantised", {"model.diffusion_model.out.2.bias": torch.zeros(4, dtype=torch.uint8)}, "are quantised"),
]


@pytest.mark.parametrize(("changes", "why"), [case[1:] for case in SPOILED], ids=[case[0] for case in SPOILED])
def test_a_file_that_is_not_whole_says_what_is_missing(
    place: Path, tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    file = as_single(shared_tiny_model(), tmp_path / "x.safetensors", None, **changes)
    card = Registry({"mine": file}, settings=place / "settings").card("mine")
    assert (card.state, card.digest) == ("broken", "")
    assert why in card.why


def test_a_missing_tensor_is_named_when_it_is_loaded(place: Path, tmp_path: Path) -> None:
    name = "cond_stage_model.transformer.text_model.final_layer_norm.weight"
    file = as_single(shared_tiny_model(), tmp_path / "x.safetensors", None, **{name: None})
    models = Registry({"tiny": file}, settings=place / "settings")
    models.read({})
    with pytest.raises(ModelUnavailable, match=r"x.safetensors does not load: its text_encoder lacks final_layer_norm"):
        engine(models).warm()


def test_old_files_whose_text_encoder_is_named_shorter_are_the_same_model(place: Path, tmp_path: Path) -> None:
    long, short = "cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."
    tensors = tensors_of(shared_tiny_model())
    renamed = {name.replace(long, short): each.contiguous() for name, each in tensors.items()}
    save_file(renamed, tmp_path / "old.safetensors")
    found = from_file(
        CLIPTextModel, tmp_path / "old.safetensors", place / "settings" / "sd1", "text_encoder", torch.float32
    ).state_dict()
    assert {name.removeprefix(long) for name in tensors if name.startswith(long)} == set(found)
    assert all(torch.equal(each, tensors[long + name]) for name, each in found.items())


def test_a_folder_full_of_models_gives_each_its_name(place: Path, tmp_path: Path) -> None:
    pile = tmp_path / "pile"
    as_single(shared_tiny_model(), pile / "My Fox v1.safetensors")
    as_single(shared_tiny_sdxl(), pile / "big.safetensors")
    (pile / "old.ckpt").write_bytes(b"x")
    (pile / "cut.safetensors").write_bytes((pile / "big.safetensors").read_bytes()[:-100])
    (pile / "read me.txt").write_text("hello")
    shutil.copytree(shared_tiny_model(), pile / "folder")
    (pile / "empty").mkdir()
    models = Registry({"tiny": shared_tiny_model(), "pile": pile}, settings=place / "settings")
    models.read({})
    cards = {card.name: card for card in models.cards()}
    assert [name for name, card in cards.items() if card.state == "ready"] == ["tiny", "My-Fox-v1", "big", "folder"]
    assert "old.ckpt is not safetensors" in cards["old"].why
    assert "cut.safetensors is cut off" in cards["cut"].why
    assert models.source(cards["big"].digest).file == pile / "big.safetensors"
    assert models.folder(cards["big"].digest) == place / "settings" / "sdxl"


def test_a_file_of_another_digest_than_the_recipes_is_not_painted_with(place: Path, tmp_path: Path) -> None:
    file = as_single(shared_tiny_model(), tmp_path / "x.safetensors")
    models = Registry({"x": file}, settings=place / "settings")
    models.read({})
    digest = models.card("x").digest
    os.utime(file, ns=(1, 1))
    with pytest.raises(ModelUnavailable, match="have changed since they were read"):
        models.source(digest)
    with pytest.raises(ModelUnavailable, match="is not here"):
        models.source("0" * 64)


def test_the_owners_words_stand_beside_the_file(place: Path, tmp_path: Path) -> None:
    file = as_single(shared_tiny_model(), tmp_path / "fox.safetensors")
    (tmp_path / "fox.limner.json").write_text(json.dumps({"steps": 12, "prediction": "v_prediction"}))
    card = Registry({"fox": file}, settings=place / "settings").card("fox")
    assert (card.steps, card.samplers["ddim"]["prediction_type"]) == (12, "v_prediction")
    (tmp_path / "fox.limner.json").write_text(json.dumps({"prediction": "noise"}))
    assert "prediction = noise" in Registry({"fox": file}).card("fox").why
