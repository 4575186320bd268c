"""An owner's folders of LoRAs and embeddings: told by headers, refused in a sentence, known again by their digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.errors import ModelUnavailable
from inference.addons import AddOnFiles
from tests.support.tiny_addons import make_embedding

DOWN = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight"


def put(path: Path, **shapes: tuple[int, ...]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, path)
    return path


@pytest.mark.parametrize(
    ("key", "width", "kind"),
    [
        (DOWN, 768, "Stable Diffusion 1"),
        (DOWN.replace("lora_A", "lora.down"), 1024, "Stable Diffusion 2"),
        ("unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_v_lora.down.weight", 768, "Diffusion 1"),
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight", 2048, "Stable Diffusion XL"),
        ("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_v.lora_down.weight", 32, "32 numbers wide"),
        ("lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight", 0, "any family"),
    ],
)
def test_a_lora_is_told_by_the_width_of_the_words_it_reads(tmp_path: Path, key: str, width: int, kind: str) -> None:
    path = put(tmp_path / "style" / "ink v1.safetensors", **{key: (8, width or 768)})
    files = AddOnFiles(tmp_path)
    (card,) = files.cards().loras
    assert (card.name, card.width, card.rank, card.state) == ("ink v1", width, 8, "reading") and kind in card.kind
    fresh = files.read({})
    (card,) = files.cards().loras
    assert card.state == "ready" and card.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert files.file(card.digest) == path
    again = AddOnFiles(tmp_path)
    assert again.read(fresh) == {} and again.cards() == files.cards()


@pytest.mark.parametrize(
    ("shapes", "vectors", "widths"),
    [
        ({"emb_params": (3, 768)}, 3, (768,)),
        ({"*": (1024,)}, 1, (1024,)),
        ({"clip_g": (2, 1280), "clip_l": (2, 768)}, 2, (768, 1280)),
    ],
)
def test_an_embedding_is_told_by_its_lists(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], vectors: int, widths: tuple[int, ...]
) -> None:
    put(tmp_path / "glow.safetensors", **shapes)
    (card,) = AddOnFiles(embeddings=tmp_path).cards().embeddings
    assert (card.vectors, card.widths) == (vectors, widths)


@pytest.mark.parametrize(
    ("name", "shapes", "said"),
    [
        ("a.safetensors", {"x.hada_w1_a": (8, 8)}, "LyCORIS or DoRA"),
        ("a.safetensors", {"conv.weight": (8, 8)}, "no layers of a LoRA"),
        ("a.safetensors", {"transformer.blocks.0.attn.to_q.lora_A.weight": (8, 8)}, "for a transformer"),
        ("a.safetensors", {DOWN: (8, 768), DOWN.replace("to_k", "to_v"): (8, 1024)}, "of several models"),
        ("a,b.safetensors", {DOWN: (8, 768)}, "Give the file another name"),
    ],
)
def test_a_lora_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, shapes: dict[str, tuple[int, ...]], said: str
) -> None:
    put(tmp_path / name, **shapes)
    files = AddOnFiles(tmp_path)
    assert files.read({}) == {}
    (card,) = files.cards().loras
    assert card.state == "broken" and said in card.why and card.digest == ""


@pytest.mark.parametrize(
    ("name", "shapes", "said"),
    [
        ("a.safetensors", {"emb_params": (76, 768)}, "76 vectors"),
        ("a.safetensors", {"emb_params": (2, 768), "more": (2, 768)}, "no embedding"),
        ("a.safetensors", {"clip_l": (2, 768), "clip_g": (3, 1280)}, "no embedding"),
        ("a(1).safetensors", {"emb_params": (2, 768)}, "Give the file another name"),
    ],
)
def test_an_embedding_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, shapes: dict[str, tuple[int, ...]], said: str
) -> None:
    put(tmp_path / name, **shapes)
    (card,) = AddOnFiles(embeddings=tmp_path).cards().embeddings
    assert card.state == "broken" and said in card.why


def test_pickles_links_out_cut_files_and_second_names_are_refused_and_others_ignored(tmp_path: Path) -> None:
    folder = tmp_path / "loras"
    whole = put(folder / "a" / "ink.safetensors", **{DOWN: (8, 768)})
    put(folder / "b" / "INK.safetensors", **{DOWN: (4, 768)})
    (folder / "cut.safetensors").write_bytes(whole.read_bytes()[:-9])
    (folder / "old.pt").write_bytes(b"PK\3\4")
    (folder / "out.safetensors").symlink_to(put(tmp_path / "elsewhere.safetensors", **{DOWN: (8, 768)}))
    (folder / "notes.txt").write_text("mine")
    put(folder / ".hidden" / "x.safetensors", **{DOWN: (8, 768)})
    files = AddOnFiles(folder, tmp_path / "not there")
    files.read({})
    found = {(card.name, card.state): card.why for card in files.cards().loras}
    assert set(found) == {
        ("ink", "ready"), ("INK", "broken"), ("cut", "broken"), ("old", "broken"), ("out", "broken"),
    }  # fmt: skip
    assert "a/ink.safetensors has the same name" in found["INK", "broken"]
    assert "cut off" in found["cut", "broken"] and "can run code" in found["old", "broken"]
    assert "leads out" in found["out", "broken"] and files.cards().embeddings == ()


def test_a_file_that_changed_since_it_was_read_is_not_used(tmp_path: Path) -> None:
    make_embedding(tmp_path / "glow.safetensors", (32,))
    files = AddOnFiles(embeddings=tmp_path)
    files.read({})
    (card,) = files.cards().embeddings
    make_embedding(tmp_path / "glow.safetensors", (32,), vectors=3)
    with pytest.raises(ModelUnavailable, match="has changed"):
        files.file(card.digest)
    with pytest.raises(ModelUnavailable, match="is not here"):
        files.file("ab" * 32)
