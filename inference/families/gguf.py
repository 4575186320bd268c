"""The header of a GGUF file: names, kinds and shapes of its tensors, read without torch; all else is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from inference.families.folder import broken
from inference.families.header import AGAIN, Header, Tensor, refused

SUFFIX = ".gguf"
MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_BYTES = 100_000_000
"""The most a header may have, as of safetensors."""
MOST_SIDES = 4
ALIGNMENT = "general.alignment"
PLAIN = {"F32": 4, "F16": 2}
"""The kinds whose numbers are brought to the Model's dtype when they are loaded; any other stays as it lies."""
KINDS: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    20: ("IQ4_NL", 32, 18),
    23: ("IQ4_XS", 256, 136),
    30: ("BF16", 1, 2),
}
"""The kinds of tensors that diffusers can read, by the format's number: name, numbers in a block, bytes of a block."""
BLOCKS = {name: (numbers, size) for name, numbers, size in KINDS.values()}
SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""How many bytes a value of each plain type has, by the format's number."""
UINT32, STRING, ARRAY = 4, 8, 9


class Damaged(Exception):
    """Say that a file ends too soon or is not built as the format says."""


def read_gguf(path: Path) -> Header:
    """Return a file's header; raise ModelUnavailable where it is cut off, damaged, or of a kind nobody here reads.

    Every length is held against the file's size before anything of it is read, and so is the end of the last tensor.
    """
    with path.open("rb") as file:
        head = file.read(32)
        if head[8:9] == b"{":
            raise broken(f"{path.name} is a safetensors file with another name.", "It must be GGUF.")
        if head[:4] != MAGIC:
            raise refused(path.name, head)
        try:
            return _Reader(file, path.stat().st_size, path.name).header()
        except (Damaged, UnicodeDecodeError) as error:
            raise broken(f"{path.name} is cut off or damaged.", AGAIN) from error


def loaded_bytes(header: Header, width: int) -> int:
    """Return what a file's tensors take once loaded; width: of a number in the Model's dtype."""
    return sum(_bytes(tensor, width) for tensor in header.tensors.values())


def _bytes(tensor: Tensor, width: int | None) -> int:
    """Return a tensor's bytes as it lies, or as it is loaded."""
    if width is not None and tensor.dtype in PLAIN:
        return math.prod(tensor.shape) * width
    numbers, size = BLOCKS[tensor.dtype]
    return math.prod(tensor.shape) // numbers * size


class _Reader:
    def __init__(self, file: BinaryIO, size: int, name: str) -> None:
        self._file, self._name = file, name
        self._size = size
        self._left = min(size, MAX_BYTES)
        file.seek(0)

    def header(self) -> Header:
        self._take(len(MAGIC))
        version = self._number(4)
        if version not in VERSIONS:
            raise broken(f"{self._name} is a GGUF file of version {version}.", "It must be of version 2 or 3.")
        tensors, entries = self._number(8), self._number(8)
        alignment = 32
        for _ in range(entries):
            if (found := self._entry()) is not None:
                alignment = found
        if alignment < 1 or alignment & (alignment - 1):
            raise Damaged
        found_tensors, end = self._tensors(tensors)
        start = _aligned(self._file.tell(), alignment)
        if not found_tensors or not start + end <= self._size <= start + _aligned(end, alignment):
            raise Damaged
        return Header(found_tensors)

    def _tensors(self, count: int) -> tuple[dict[str, Tensor], int]:
        """Return the tensors and where the last one ends, from where their bytes begin."""
        found: dict[str, Tensor] = {}
        last = 0
        for _ in range(count):
            name, sides = self._text(), self._number(4)
            if name in found or not 1 <= sides <= MOST_SIDES:
                raise Damaged
            shape = tuple(reversed([self._number(8) for _ in range(sides)]))
            number, start = self._number(4), self._number(8)
            if number not in KINDS:
                why = f"{name} in {self._name} is of GGUF's kind {number}, which diffusers cannot read."
                raise broken(why, f"Use one of: {', '.join(BLOCKS)}.")
            tensor = Tensor(KINDS[number][0], shape)
            if not math.prod(shape) or shape[-1] % KINDS[number][1]:
                raise Damaged
            found[name], last = tensor, max(last, start + _bytes(tensor, None))
        return found, last

    def _entry(self) -> int | None:
        """Pass over one entry of what the maker says; return the alignment where it is that."""
        name, kind = self._text(), self._number(4)
        if name == ALIGNMENT and kind == UINT32:
            return self._number(4)
        self._pass(kind)
        return None

    def _pass(self, kind: int) -> None:
        if kind == ARRAY:
            inner, count = self._number(4), self._number(8)
            if inner in SCALARS:
                self._skip(count * SCALARS[inner])
            elif inner == STRING:
                for _ in range(count):
                    self._skip(self._number(8))
            else:
                raise Damaged
        elif kind == STRING:
            self._skip(self._number(8))
        elif kind in SCALARS:
            self._skip(SCALARS[kind])
        else:
            raise Damaged

    def _text(self) -> str:
        return self._take(self._number(8)).decode()

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _skip(self, count: int) -> None:
        self._spend(count)
        self._file.seek(count, 1)

    def _take(self, count: int) -> bytes:
        self._spend(count)
        found = self._file.read(count)
        if len(found) < count:
            raise Damaged
        return found

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise Damaged


def _aligned(place: int, alignment: int) -> int:
    return -(-place // alignment) * alignment
