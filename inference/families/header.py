"""The header of a safetensors file: names, kinds and shapes of its tensors, read without torch; all else is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import ModelUnavailable

MAX_BYTES = 100_000_000
"""The format's own bound on a header."""
BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "U8": 1}
BYTES.update({"I8": 1, "BOOL": 1, "U16": 2, "U32": 4, "U64": 8})
AGAIN = "Copy or download it again."
DISGUISED = (
    (b"PK\x03\x04", "is a PyTorch pickle with another name", "Use the safetensors version of the model."),
    (b"\x80", "is a pickle with another name", "Use the safetensors version of the model."),
    (b"version https://git-lfs", "is a Git LFS pointer, not the file itself", "Fetch it with git lfs pull."),
    (b"GGUF", "is a GGUF file with another name", "Use the safetensors version of the model."),
    (b"<", "is a web page, not weights", "The download was refused or needs a login: download it again."),
)
"""What a file that is no safetensors often begins with; the format itself begins with a length and `{`."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Describe one tensor of a file: its kind as the format writes it (F32, F16, BF16 ...) and its shape."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """Hold what a safetensors file says of itself; metadata is its maker's words, which decide nothing alone."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a tensor's shape, () where it is not there."""
        found = self.tensors.get(name)
        return found.shape if found else ()

    def has(self, start: str) -> bool:
        """Say whether some tensor's name begins so."""
        return any(name.startswith(start) for name in self.tensors)


def read_header(path: Path, name: str = "") -> Header:
    """Return a file's header; raise ModelUnavailable where it is cut off, empty, damaged or no safetensors at all.

    Compares the header's length and data offsets with the file's size, as the format defines them. name: what the
    sentence calls the file.
    """
    name, size = name or path.name, path.stat().st_size
    with path.open("rb") as file:
        head = file.read(32)
        length = int.from_bytes(head[:8], "little")
        whole = len(head) > 8 and length <= min(size - 8, MAX_BYTES)
        file.seek(8)
        found = _parsed(file.read(length)) if whole else None
    if found is None or 8 + length + found[1] != size:
        raise refused(name, head)
    return found[0]


def _parsed(text: bytes) -> tuple[Header, int] | None:
    """Return the header and where its last tensor ends, None where it is none."""
    try:
        plain = json.loads(text)
        metadata = plain.pop("__metadata__", None) or {}
        ends = [_end(tensor) for tensor in plain.values()]
        tensors = {name: Tensor(str(each["dtype"]), tuple(each["shape"])) for name, each in plain.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not ends or not isinstance(metadata, dict):
        return None
    return Header(tensors, {str(key): str(value) for key, value in metadata.items()}), max(ends)


def _end(tensor: Mapping[str, Any]) -> int:
    """Return where a tensor's bytes end; raise ValueError where they are not as many as its shape needs."""
    start, end = tensor["data_offsets"]
    if end - start != math.prod(tensor["shape"]) * BYTES[tensor["dtype"]]:
        raise ValueError(tensor)
    return int(end)


def refused(name: str, head: bytes) -> ModelUnavailable:
    """Return the error for a file that is not what it should be, by what it begins with."""
    if not head:
        return ModelUnavailable(f"{name} is empty.", AGAIN)
    # A length whose lowest byte is 0x80 or `<` is as good as any other: `{` behind it tells them apart.
    for sign, what, hint in DISGUISED if head[8:9] != b"{" else ():
        if head.lstrip().startswith(sign):
            return ModelUnavailable(f"{name} {what}.", hint)
    return ModelUnavailable(f"{name} is cut off or damaged.", AGAIN)
