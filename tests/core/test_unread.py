"""Tests of what a file that cannot be read is called, and what its Person is told to do."""

from __future__ import annotations

import pytest

from core.unread import CAMERA, SAVE, unreadable
from core.wording import UNREADABLE


@pytest.mark.parametrize(
    ("raw", "kind", "advice"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC", CAMERA),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF", CAMERA),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "AVIF", SAVE),
        (b"II*\0\x08\0\0\0", "TIFF", SAVE),
        (b"BM\x36\0", "BMP", SAVE),
    ],
)
def test_a_kind_that_is_known_is_named_with_what_to_do(raw: bytes, kind: str, advice: str) -> None:
    sentence, hint = unreadable(raw)
    assert sentence == f"This is {kind}, no picture I can read."
    assert hint == f"{UNREADABLE[1]} {advice}"


@pytest.mark.parametrize("raw", [b"", b"hello", b"\0\0\0\x18ftypmp42", b"<svg/>"])
def test_another_file_is_told_as_before(raw: bytes) -> None:
    assert unreadable(raw) == UNREADABLE
