"""Kin: which family something is for, told by how wide the words are that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

FAMILIES: Mapping[tuple[int, ...], str] = {
    (768,): "Stable Diffusion 1",
    (1024,): "Stable Diffusion 2",
    (2048,): "Stable Diffusion XL",
    (768, 1280): "Stable Diffusion XL",
}
"""What Models are known by: how many numbers wide the words are that they read."""

State = Literal["ready", "reading", "broken"]
"""How a file beside the Models stands: its digest may still be computed."""


def family(widths: tuple[int, ...]) -> str:
    """Return what Models are called whose words are so wide."""
    many = " + ".join(str(width) for width in widths)
    return FAMILIES.get(widths) or f"a model whose words are {many} numbers wide"
