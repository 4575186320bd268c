"""Brought: what a file of another tool says of itself, in that tool's own values, and how its numbers are read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.words import bare

LONGEST_TEXT = 2 * 1024 * 1024
"""So many signs a file's texts may have together; the largest graphs of other tools have a quarter of it."""

MOST_LOST = 12
KARRAS = "karras"


@dataclass(frozen=True, slots=True)
class Brought:
    """Hold a foreign recipe; None and "" are what the file does not tell.

    steps to guidance and vary: as our Draft has them. schedule: `karras` or the tool's own word. clip_skip: last layers
    of the text encoder left out. strength: below 1 it began from an image. lost: what we cannot honour, in words.
    """

    tool: str
    prompt: str = ""
    negative_prompt: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str = ""
    schedule: str = ""
    width: int | None = None
    height: int | None = None
    strength: float | None = None
    model: str = ""
    model_hash: str = ""
    clip_skip: int = 0
    vary: tuple[int, float] | None = None
    from_image: bool = False
    lost: tuple[str, ...] = ()


def object_in(text: str | None) -> dict[str, Any] | None:
    """Return the JSON object in a text, None where it holds none; NaN, which graphs hold, is nothing."""
    try:
        found = json.loads(text or "", parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def whole(value: object) -> int | None:
    """Return a whole number from what a file holds, None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    if isinstance(value, int):
        return value if abs(value) < 10**20 else None
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else None


def real_number(value: object) -> float | None:
    """Return a finite number from what a file holds, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"\s*-?[0-9]{0,20}\.?[0-9]{0,20}\s*", value):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def text_of(value: object) -> str:
    """Return a text from what a file holds; what other tools write for nothing is nothing."""
    return value if isinstance(value, str) and value.strip() not in ("None", "null") else ""


def named(name: object) -> str:
    """Return the name of a file of weights without its folders and ending."""
    return re.sub(r"\.(safetensors|ckpt|pt|pth|bin|gguf|sft)$", "", re.split(r"[\\/]", text_of(name))[-1])


def left_out(what: str, names: Iterable[object]) -> tuple[str, ...]:
    """Say of each named thing that it is left out."""
    told = [bare(text_of(name).strip(), 60) for name in names if text_of(name).strip()]
    return tuple(f"{what} {name} is left out." for name in dict.fromkeys(told))[:MOST_LOST]
