"""Conditioning: plain words are the stock pipeline's embeddings; weights, chunks, BREAK and the words a limit cuts."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from inference.conditioning import Conditioning, Reader, parse
from tests.support.tiny_model import shared_tiny_model

BUILT_IN = Path(__file__).parents[2] / "models" / "builtin"
PROMPTS = (
    "",
    "a red heart",
    "A  Cat,\n on the GRASS!",
    "it's 3 o'clock 12:30",
    "café 猫 🦊 naïve",
    "<|endoftext|> end",
    "x" * 70,
)


@cache
def stock() -> Any:
    return StableDiffusionPipeline.from_pretrained(
        shared_tiny_model(), dtype=torch.float32, local_files_only=True, safety_checker=None
    )


def rows(conditioning: Conditioning, *prompts: str, clip_skip: int = 0) -> torch.Tensor:
    with torch.inference_mode():
        own = ("tiny",), Reader(shared_tiny_model()), stock().text_encoder
        return torch.cat(conditioning.rows(*own, prompts[:-1], prompts[-1:], clip_skip))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_plain_words_are_the_stock_embeddings(prompt: str) -> None:
    with torch.inference_mode():
        positive, negative = stock().encode_prompt(prompt, "cpu", 1, True, "blurry")
    assert torch.equal(rows(Conditioning(), "blurry", prompt), torch.cat([negative, positive]))


@pytest.mark.parametrize("folder", [BUILT_IN, "tiny"], ids=["builtin", "tiny"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_token_ids_are_those_of_transformers(folder: Path | str, prompt: str) -> None:
    place = shared_tiny_model() if folder == "tiny" else Path(folder)
    theirs = CLIPTokenizer.from_pretrained(place / "tokenizer", local_files_only=True)
    ids = theirs(prompt, padding="max_length", truncation=True, max_length=theirs.model_max_length).input_ids
    assert list(Reader(place).chunks(prompt)[0].ids) == ids


def test_a_folder_with_vocab_and_merges_alone_reads_the_same(tmp_path: Path) -> None:
    shutil.copytree(BUILT_IN / "tokenizer", tmp_path / "tokenizer")
    shutil.copytree(BUILT_IN / "text_encoder", tmp_path / "text_encoder")
    (tmp_path / "tokenizer" / "tokenizer.json").unlink()
    for prompt in PROMPTS:
        assert Reader(tmp_path).chunks(prompt) == Reader(BUILT_IN).chunks(prompt)


def test_special_tokens_written_as_objects_are_read(tmp_path: Path) -> None:
    shutil.copytree(BUILT_IN / "tokenizer", tmp_path / "tokenizer")
    shutil.copytree(BUILT_IN / "text_encoder", tmp_path / "text_encoder")
    path = tmp_path / "tokenizer" / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["pad_token"] = {"content": "<|startoftext|>", "special": True}
    path.write_text(json.dumps(config))
    assert Reader(tmp_path).chunks("")[0].ids[-1] == Reader(BUILT_IN).chunks("")[0].ids[0]


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("a fox", [("a fox", 1.0)]),
        ("", [("", 1.0)]),
        ("a (red) fox", [("a ", 1.0), ("red", 1.1), (" fox", 1.0)]),
        ("a ((red)) fox", [("a ", 1.0), ("red", 1.1 * 1.1), (" fox", 1.0)]),
        ("a [red] fox", [("a ", 1.0), ("red", 1 / 1.1), (" fox", 1.0)]),
        ("(red:1.3) fox", [("red", 1.3), (" fox", 1.0)]),
        ("(a (red:1.5):2)", [("a ", 2.0), ("red", 3.0)]),
        ("(red: .5 )", [("red", 0.5)]),
        ("(red:-1)", [("red", -1.0)]),
        (r"\(red\) \[x\] \\", [(r"(red) [x] \ ".strip(), 1.0)]),
        (r"a\b", [(r"a\b", 1.0)]),
        ("a (red", [("a ", 1.0), ("red", 1.1)]),
        ("a [(red", [("a red", 1.0)]),
        ("a) b] c", [("a) b] c", 1.0)]),
        ("ratio 16:9 photo", [("ratio 16:9 photo", 1.0)]),
        ("(ratio 16:9 photo)", [("ratio 16:9 photo", 1.1)]),
        ("a:1.3) b", [("a:1.3) b", 1.0)]),
    ],
)
def test_weights_are_read_as_written(prompt: str, pieces: list[tuple[str, float]]) -> None:
    found = parse(prompt)
    assert [words for words, _ in found] == [words for words, _ in pieces]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in pieces])


def test_a_weight_moves_its_own_tokens_and_keeps_the_mean() -> None:
    plain, weighed = rows(Conditioning(), "a red fox")[0], rows(Conditioning(), "a (red:1.5) fox")[0]
    ids = Reader(shared_tiny_model()).chunks("a (red:1.5) fox")[0]
    heavy = torch.tensor(ids.weights)[:, None]
    scale = plain.mean() / (plain * heavy).mean()
    assert torch.allclose(weighed, plain * heavy * scale, atol=1e-6)
    assert int((heavy == 1.5).sum()) == 3
    assert not torch.equal(weighed, plain)


def test_a_weight_of_one_is_plain() -> None:
    assert torch.equal(rows(Conditioning(), "a (red:1) fox"), rows(Conditioning(), "a red fox"))


def test_long_prompts_are_read_in_chunks_and_the_negative_is_padded_with_empty_ones() -> None:
    conditioning = Conditioning()
    long = "fox " * 40
    both = rows(conditioning, "blurry", long)
    assert both.shape == (2, 2 * 77, 32)
    assert torch.equal(both[1:, :77], rows(conditioning, "fox " * 25))
    assert torch.equal(both[1:, 77:], rows(conditioning, "fox " * 15))
    assert torch.equal(both[:1, :77], rows(conditioning, "blurry"))
    assert torch.equal(both[:1, 77:], rows(conditioning, ""))


def test_break_begins_a_new_chunk() -> None:
    found = rows(Conditioning(), "red BREAK fox")
    assert found.shape[1] == 2 * 77
    assert torch.equal(found, torch.cat([rows(Conditioning(), "red"), rows(Conditioning(), "fox")], dim=1))
    assert len(Reader(shared_tiny_model()).chunks("BREAK fox BREAK")) == 1
    assert len(Reader(shared_tiny_model()).chunks("a BREAKFAST")) == 1


def test_the_built_in_model_cuts_and_says_what() -> None:
    reader = Reader(BUILT_IN)
    assert reader.tokens == 24
    assert reader.cut("a red heart") is None
    words = " ".join(["cat"] * 22 + ["dog", "on", "the", "grass"])
    assert reader.cut(words) == "dog on the grass"
    assert len(reader.chunks(words)) == 1
    assert reader.cut(" ".join(["cat"] * 22)) is None


def test_nothing_a_person_may_type_is_cut_off_a_long_model() -> None:
    assert Reader(shared_tiny_model()).cut("fox " * 300) is None


@pytest.mark.parametrize("skip", [1, 2])
def test_clip_skip_leaves_out_the_last_layers_of_the_prompt_alone(skip: int) -> None:
    encoder = stock().text_encoder
    found = rows(Conditioning(), "blurry", "a fox", clip_skip=skip)
    with torch.inference_mode():
        ids = torch.tensor([Reader(shared_tiny_model()).chunks("a fox")[0].ids])
        hidden = encoder(ids, output_hidden_states=True).hidden_states[-(skip + 1)]
        wanted = getattr(encoder, "text_model", encoder).final_layer_norm(hidden)
    assert torch.equal(found[1:], wanted)
    assert torch.equal(found[:1], rows(Conditioning(), "blurry"))


def test_no_layers_skipped_is_the_last_layer_under_its_norm() -> None:
    encoder = stock().text_encoder
    with torch.inference_mode():
        ids = torch.tensor([Reader(shared_tiny_model()).chunks("a fox")[0].ids])
        last = encoder(ids, output_hidden_states=True).hidden_states[-1]
        wanted = getattr(encoder, "text_model", encoder).final_layer_norm(last)
    assert torch.equal(rows(Conditioning(), "a fox"), wanted)


def test_words_are_encoded_once_and_the_oldest_forgotten() -> None:
    conditioning = Conditioning(keep=2)
    rows(conditioning, "one", "two")
    rows(conditioning, "two", "one")
    assert conditioning.encoded == 2
    rows(conditioning, "three")
    rows(conditioning, "one")
    assert conditioning.encoded == 3
    rows(conditioning, "two")
    assert conditioning.encoded == 4


def test_another_model_or_clip_skip_is_encoded_anew() -> None:
    conditioning = Conditioning()
    rows(conditioning, "one")
    rows(conditioning, "one", clip_skip=1)
    with torch.inference_mode():
        conditioning.rows(("other",), Reader(shared_tiny_model()), stock().text_encoder, (), ("one",), 0)
    assert conditioning.encoded == 3
