"""The header of a safetensors file is read without torch, and what is none says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from core.errors import ModelUnavailable
from inference.families.header import Tensor, read_header

WHOLE = save({"a.weight": torch.zeros(2, 3, dtype=torch.float16), "b": torch.zeros(4)}, {"made by": "me"})


def test_names_kinds_shapes_and_the_makers_words(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(WHOLE)
    header = read_header(tmp_path / "x.safetensors")
    assert header.tensors == {"a.weight": Tensor("F16", (2, 3)), "b": Tensor("F32", (4,))}
    assert header.metadata == {"made by": "me"}
    assert (header.shape("b"), header.shape("c"), header.has("a."), header.has("c")) == ((4,), (), True, False)


def packed(header: object, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "x.safetensors is empty"),
        (b"abc", "cut off or damaged"),
        (WHOLE[:-1], "cut off or damaged"),
        (WHOLE[:20], "cut off or damaged"),
        (WHOLE + b"x", "cut off or damaged"),
        (bytes(4096), "cut off or damaged"),
        (packed([]), "cut off or damaged"),
        (packed({}), "cut off or damaged"),
        (packed({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)), "cut off or damaged"),
        (packed({"a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)), "cut off or damaged"),
        ((200_000).to_bytes(8, "little") + b"[" * 200_000, "cut off or damaged"),
        (b"PK\x03\x04" + bytes(400), "a PyTorch pickle with another name"),
        (b"\x80\x02}q\x00." + bytes(400), "a pickle with another name"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"<!doctype html><p>Please log in", "a web page, not weights"),
        (b"GGUF" + bytes(400), "a GGUF file"),
    ],
)
def test_what_is_no_safetensors_is_named(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(ModelUnavailable, match=why):
        read_header(tmp_path / "x.safetensors")


def test_a_length_that_looks_like_a_pickle_is_a_length(tmp_path: Path) -> None:
    fields = {"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}
    padded = json.dumps(fields).encode().ljust(0x80)
    (tmp_path / "x.safetensors").write_bytes(len(padded).to_bytes(8, "little") + padded + b"1")
    assert read_header(tmp_path / "x.safetensors").shape("a") == (1,)
