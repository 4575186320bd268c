"""The header of a GGUF file is read without torch; what is cut, damaged or of another kind says what it is."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import pytest
import torch

from core.errors import ModelUnavailable
from inference.families.gguf import BLOCKS, KINDS, loaded_bytes, read_gguf
from inference.families.header import Tensor
from tests.support.tiny_gguf import NET, make_gguf, shared_tiny_gguf
from tests.support.tiny_sd3 import shared_tiny_sd3


def name(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def built(
    tensors: bytes, entries: bytes = b"", count: int = 1, kept: int = 0, data: bytes = b"", version: int = 3
) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, count, kept) + entries + tensors
    return head.ljust(-(-len(head) // 32) * 32, b"\0") + data


def tensor(sides: tuple[int, ...] = (32,), kind: int = 8, start: int = 0, called: bytes = b"a.weight") -> bytes:
    return name(called) + struct.pack(f"<I{len(sides)}QIQ", len(sides), *sides, kind, start)


ROW = bytes(34)
ALIGNED = name(b"general.alignment") + struct.pack("<II", 4, 7)
WORDS = name(b"words") + struct.pack("<IIQ", 9, 8, 2**40)
LISTS = name(b"lists") + struct.pack("<IIQ", 9, 9, 1)
SPOILED = [
    ("empty", b"", "x.gguf is empty"),
    ("page", b"<!doctype html><p>Please log in", "a web page, not weights"),
    ("pickle", b"\x80\x02}q\x00." + bytes(400), "a pickle with another name"),
    ("safetensors", (64).to_bytes(8, "little") + b'{"a": 1}', "a safetensors file with another name"),
    ("version", built(tensor(), data=ROW, version=1), "of version 1"),
    ("unknown kind", built(tensor(kind=40), data=bytes(400)), "GGUF's kind 40, which diffusers cannot read"),
    ("cut data", built(tensor(), data=ROW[:-1]), "cut off or damaged"),
    ("cut header", built(tensor(), data=ROW)[:40], "cut off or damaged"),
    ("more behind", built(tensor(), data=ROW + bytes(64)), "cut off or damaged"),
    ("no tensors", built(b"", count=0), "cut off or damaged"),
    ("half a block", built(tensor((33,)), data=bytes(68)), "cut off or damaged"),
    ("no numbers", built(tensor((0,)), data=ROW), "cut off or damaged"),
    ("five sides", built(tensor((1, 1, 1, 1, 32)), data=ROW), "cut off or damaged"),
    ("twice", built(tensor() + tensor(start=64), count=2, data=bytes(98)), "cut off or damaged"),
    ("a name without end", built(struct.pack("<Q", 2**62)), "cut off or damaged"),
    ("words without end", built(tensor(), WORDS, kept=1, data=ROW), "cut off or damaged"),
    ("lists of lists", built(tensor(), LISTS, kept=1, data=ROW), "cut off or damaged"),
    ("odd alignment", built(tensor(), ALIGNED, kept=1, data=ROW), "cut off or damaged"),
    ("no text", built(tensor(called=b"\xff\xfe"), data=ROW), "cut off or damaged"),
]


@pytest.mark.parametrize(("data", "why"), [case[1:] for case in SPOILED], ids=[case[0] for case in SPOILED])
def test_what_is_no_whole_gguf_says_what_is_wrong(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "x.gguf").write_bytes(data)
    with pytest.raises(ModelUnavailable, match=why):
        read_gguf(tmp_path / "x.gguf")


def test_the_smallest_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(built(tensor((64, 2)), data=bytes(4 * 34)))
    assert read_gguf(tmp_path / "x.gguf").tensors == {"a.weight": Tensor("Q8_0", (2, 64))}


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "F16", "BF16"])
def test_what_the_formats_own_package_writes_is_read_as_it_reads_it(tmp_path: Path, kind: str) -> None:
    file = make_gguf(shared_tiny_sd3(), tmp_path / "x.gguf", kind)
    found, theirs = read_gguf(file), gguf.GGUFReader(file).tensors
    read = {each.name: Tensor(each.tensor_type.name, tuple(reversed(each.shape.tolist()))) for each in theirs}
    assert found.tensors == read
    stay = sum(each.n_bytes for each in theirs if each.tensor_type.name not in ("F32", "F16"))
    brought = sum(int(each.n_elements) for each in theirs if each.tensor_type.name in ("F32", "F16"))
    assert loaded_bytes(found, 2) == stay + 2 * brought


def test_every_byte_that_is_missing_at_the_end_is_noticed(tmp_path: Path) -> None:
    whole = built(tensor((32, 3)), data=bytes(3 * 34))
    for size in range(len(whole)):
        (tmp_path / "x.gguf").write_bytes(whole[:size])
        with pytest.raises(ModelUnavailable):
            read_gguf(tmp_path / "x.gguf")


def test_the_kinds_are_those_that_diffusers_reads() -> None:
    from diffusers.quantizers.gguf.utils import SUPPORTED_GGUF_QUANT_TYPES

    theirs = {kind.value: (kind.name, *gguf.GGML_QUANT_SIZES[kind]) for kind in SUPPORTED_GGUF_QUANT_TYPES}
    plain = {kind.value: (kind.name, *gguf.GGML_QUANT_SIZES[kind]) for kind in gguf.GGMLQuantizationType if kind < 2}
    assert {**plain, **theirs} == KINDS
    assert len(BLOCKS) == len(KINDS)


def test_the_files_of_the_tests_hold_the_whole_transformer() -> None:
    folder, file = shared_tiny_gguf("sd3")
    assert not (folder / NET).exists()
    from safetensors.torch import load_file

    whole = load_file(shared_tiny_sd3() / NET)
    assert {name: tuple(tensor.shape) for name, tensor in whole.items()} == {
        name: tensor.shape for name, tensor in read_gguf(file).tensors.items()
    }
    assert torch.stack([tensor.float().std() for tensor in whole.values() if tensor.ndim == 2]).min() > 0
