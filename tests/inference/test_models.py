"""Registry: cards before digests, digests that know their files, and broken folders that each say what is wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import ModelUnavailable
from core.records import WeightsFile
from inference.models import Registry
from tests.support.tiny_model import make_tiny_model, shared_tiny_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the tiny model that a test may spoil."""
    return Path(shutil.copytree(shared_tiny_model(), tmp_path / "mine"))


def change(path: Path, **entries: Any) -> None:
    found = json.loads(path.read_text())
    found.update(entries)
    path.write_text(json.dumps(found))


def cut(path: Path, by: int) -> None:
    os.truncate(path, path.stat().st_size - by)


def test_cards_are_there_at_once_and_ready_when_read(folder: Path) -> None:
    models = Registry({"mine": folder})
    (card,) = models.cards()
    assert (card.state, card.digest, card.width, card.height) == ("reading", "", 64, 64)
    assert (card.sampler, card.multiple, card.latent_scale, card.family) == ("plms", 8, 8, "sd1")
    fresh = models.read({})
    (card,) = models.cards()
    assert card.state == "ready"
    assert models.folder(card.digest) == folder
    assert {Path(file.path).suffix for file in fresh} == {".safetensors", ".json"}


def test_the_digest_is_that_of_the_written_rule(folder: Path) -> None:
    models = Registry({"mine": folder})
    models.read({})
    lines = [
        f"{path.relative_to(folder).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for path in folder.rglob("*")
        if path.is_file()
    ]
    assert models.card("mine").digest == hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def test_known_files_are_not_read_again(folder: Path) -> None:
    first = Registry({"mine": folder})
    known = first.read({})
    again = Registry({"mine": folder})
    assert again.read(known) == {}
    assert again.card("mine").digest == first.card("mine").digest
    false = {file: "0" * 64 for file in known}
    other = Registry({"mine": folder})
    assert other.read(false) == {}
    assert other.card("mine").digest != first.card("mine").digest


def test_a_changed_file_is_read_again_and_another_model(folder: Path) -> None:
    first = Registry({"mine": folder})
    known = first.read({})
    config = folder / "scheduler" / "scheduler_config.json"
    change(config, steps_offset=0)
    second = Registry({"mine": folder})
    assert [Path(file.path) for file in second.read(known)] == [config]
    assert second.card("mine").digest != first.card("mine").digest


@pytest.mark.fault("F24", "files that change under a running program are not painted with")
def test_files_that_change_under_a_running_program_are_noticed(folder: Path) -> None:
    models = Registry({"mine": folder})
    models.read({})
    change(folder / "unet" / "config.json", sample_size=16)
    with pytest.raises(ModelUnavailable, match="have changed"):
        models.folder(models.card("mine").digest)


def test_the_owners_words_go_on_the_card_and_not_into_the_digest(folder: Path) -> None:
    plain = Registry({"mine": folder})
    plain.read({})
    words = {
        "name": "fox",
        "steps": 12,
        "guidance": 4,
        "sampler": "euler-a",
        "width": 96,
        "licence": "MIT",
        "note": "n",
    }
    (folder / "limner.json").write_text(json.dumps(words))
    models = Registry({"mine": folder})
    models.read({})
    card = models.card("fox")
    assert (card.steps, card.guidance, card.sampler, card.width, card.height) == (12, 4, "euler-a", 96, 64)
    assert (card.licence, card.note) == ("MIT", "n")
    assert card.digest == plain.card("mine").digest
    assert models.card("mine") == card


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"stepps": 3}, "unknown entry stepps"),
        ({"steps": "many"}, "steps = 'many'"),
        ({"steps": True}, "steps = True"),
        ({"sampler": "magic"}, "a sampler magic"),
        ({"width": 100}, "width = 100"),
        ({"steps": 0}, "steps = 0"),
        ({"guidance": float("nan")}, "guidance = nan"),
        ({"guidance": 31}, "guidance = 31"),
        ({"strength": -0.5}, "strength = -0.5"),
    ],
)
def test_owners_words_that_cannot_be_are_named(folder: Path, words: dict[str, Any], why: str) -> None:
    (folder / "limner.json").write_text(json.dumps(words))
    assert why in Registry({"mine": folder}).card("mine").why


UNET = "unet/diffusion_pytorch_model.safetensors"
SPOILED: list[tuple[str, Callable[[Path], Any], str]] = [
    ("no folder", shutil.rmtree, "There is no folder"),
    ("no index", lambda f: (f / "model_index.json").unlink(), "model_index.json is missing"),
    ("torn index", lambda f: (f / "model_index.json").write_text("{"), "model_index.json cannot be read"),
    ("list", lambda f: (f / "model_index.json").write_text("[]"), "is no JSON object"),
    (
        "class",
        lambda f: change(f / "model_index.json", _class_name="WanPipeline"),
        "WanPipeline, which Limner cannot",
    ),
    ("part class", lambda f: change(f / "model_index.json", unet=["mine", "UNet"]), "Its unet is UNet"),
    ("part gone", lambda f: change(f / "model_index.json", vae=[None, None]), "Its vae is None"),
    ("weights gone", lambda f: (f / UNET).unlink(), "diffusion_pytorch_model.safetensors is missing"),
    ("weights cut", lambda f: cut(f / UNET, 1), "unet/diffusion_pytorch_model.safetensors is cut off"),
    ("weights empty", lambda f: (f / UNET).write_bytes(b""), "diffusion_pytorch_model.safetensors is empty"),
    ("weights of zeros", lambda f: (f / UNET).write_bytes(bytes(4096)), "is cut off"),
    ("weights of text", lambda f: (f / UNET).write_text("version https://git-lfs"), "is a Git LFS pointer"),
    ("weights longer", lambda f: (f / UNET).write_bytes((f / UNET).read_bytes() + b"x"), "is cut off"),
    ("pickle", lambda f: (f / "unet" / "old.bin").write_bytes(b"x"), "unet/old.bin is not safetensors"),
    ("checkpoint", lambda f: (f / "sd.CKPT").write_bytes(b"x"), "sd.CKPT is not safetensors"),
    ("code", lambda f: (f / "pipeline.py").write_text(""), "pipeline.py is program code"),
    ("remote code", lambda f: change(f / "unet" / "config.json", auto_map={}), "asks to run code of its own"),
    ("link out", lambda f: (f / "unet" / "x.json").symlink_to("/etc/hostname"), "link that leads out"),
    ("folder link out", lambda f: (f / "more").symlink_to("/etc"), "link that leads out"),
    ("tokenizer", lambda f: (f / "tokenizer" / "tokenizer.json").unlink(), "vocab.json and merges.txt are missing"),
    ("scheduler", lambda f: shutil.rmtree(f / "scheduler"), "scheduler_config.json is missing"),
    ("no betas", lambda f: change(f / "scheduler/scheduler_config.json", beta_end=None), "does not say beta_end"),
    ("inpainting", lambda f: change(f / "unet" / "config.json", in_channels=9), "for inpainting"),
    ("refiner", lambda f: change(f / "unet" / "config.json", addition_embed_type="text"), "needs addition_embed_type"),
    (
        "not distilled",
        lambda f: change(f / "model_index.json", _class_name="LatentConsistencyModelPipeline"),
        "does not say time_cond_proj_dim",
    ),
    (
        "another's text",
        lambda f: change(f / "text_encoder" / "config.json", hidden_size=48),
        "tokens of 32 numbers, its text encoders give 48",
    ),
    ("no size", lambda f: change(f / "unet" / "config.json", sample_size=None), "does not say sample_size"),
]


@pytest.mark.fault("F24", "the model is shown as unavailable with what is wrong; the program runs on")
@pytest.mark.parametrize(("spoil", "why"), [case[1:] for case in SPOILED], ids=[case[0] for case in SPOILED])
def test_a_broken_folder_says_what_is_wrong(folder: Path, spoil: Callable[[Path], Any], why: str) -> None:
    spoil(folder)
    models = Registry({"mine": folder, "tiny": shared_tiny_model()})
    models.read({})
    card = models.card("mine")
    assert (card.state, card.digest) == ("broken", "")
    assert why in card.why
    assert models.card("tiny").state == "ready"


def test_a_shard_an_index_names_must_be_there(folder: Path) -> None:
    whole = folder / UNET
    whole.rename(folder / "unet" / "part-1.safetensors")
    index = {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    assert "part-2.safetensors is missing" in Registry({"mine": folder}).card("mine").why
    index["weight_map"]["b"] = "../../elsewhere.safetensors"
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    assert Registry({"mine": folder}).card("mine").state == "broken"


def test_a_link_inside_the_folder_is_fine(folder: Path) -> None:
    (folder / "again.json").symlink_to(folder / "model_index.json")
    assert Registry({"mine": folder}).card("mine").state == "reading"


def test_unknown_names_and_digests_are_named() -> None:
    models = Registry({"tiny": shared_tiny_model()})
    with pytest.raises(ModelUnavailable, match="no model fox"):
        models.card("fox")
    with pytest.raises(ModelUnavailable):
        models.folder("")


def test_files_that_vanish_while_they_are_read_break_the_card_alone(folder: Path) -> None:
    models = Registry({"mine": folder, "tiny": shared_tiny_model()})
    (folder / UNET).unlink()
    assert models.read({}) != {}
    assert models.card("mine").state == "broken"
    assert models.card("tiny").state == "ready"


def test_the_tiny_model_is_the_same_each_time(tmp_path: Path) -> None:
    models = Registry(
        {"a": shared_tiny_model(), "b": make_tiny_model(tmp_path / "b"), "c": make_tiny_model(tmp_path / "c", 1)}
    )
    known: dict[WeightsFile, str] = models.read({})
    assert known
    assert models.card("a").digest == models.card("b").digest != models.card("c").digest
