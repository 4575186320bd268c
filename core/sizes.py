"""Sizes: a Draft's width and height, as typed or in the aspect asked for at the Model's pixel count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from core.able import within
from core.errors import BadWords

if TYPE_CHECKING:
    from core.draft import Draft, ModelCard

SIDE = (64, 2048)
RATIO = (1, 10_000)
SHAPE = frozenset({"width", "height", "aspect"})
"""The fields of a Draft that say its size together: where one is typed, none is filled in."""


def size_of(draft: Draft, card: ModelCard) -> tuple[int, int]:
    """Return width and height: as typed, or the aspect (typed, or the Sketch's) at the Model's pixel count."""
    if (draft.width is None) != (draft.height is None):
        raise BadWords("A width goes with its height.", "Give both, such as --size 512x768, or an aspect: --ar 2:3.")
    if draft.width is not None and draft.height is not None:
        if draft.aspect is not None:
            raise BadWords("--size and --ar say the same.", "Give one of them.")
        for side in (draft.width, draft.height):
            within("--size", side, SIDE, whole=True)
            if side % card.grid:
                near = max(round(side / card.grid), 1) * card.grid
                wrong = f"--size {draft.width}x{draft.height}: {side} is no multiple of {card.grid}."
                raise BadWords(wrong, f"The nearest is {near}.")
        return draft.width, draft.height
    if draft.aspect is not None:
        across, down = draft.aspect
        for side in draft.aspect:
            within("--ar", side, RATIO, whole=True)
    elif draft.sketch is not None:
        across, down = draft.sketch.width, draft.sketch.height
    else:
        return card.width, card.height
    if max(across, down) > 4 * min(across, down):
        raise BadWords(f"--ar {across}:{down} is too narrow.", "Use at most 4:1.")
    middle = math.sqrt(card.width * card.height)
    ratio = math.sqrt(across / down)
    return _round(middle * ratio, card.multiple), _round(middle / ratio, card.multiple)


def _round(side: float, multiple: int) -> int:
    return max(multiple, round(side / multiple) * multiple)
