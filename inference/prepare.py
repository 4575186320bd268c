"""A Sketch prepared for a ControlNet, in whole numbers alone: the same pixels on every machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import BadInput
from inference.finish.png import Pixels
from inference.noise import fitted

Grey = npt.NDArray[np.int64]
"""[H, W], 0 to 255."""

LOW, HIGH = 100, 200
"""Steepness from which an edge goes on and from which one begins, as ControlNet's canny was trained with."""
BLUR = (1, 4, 6, 4, 1)
TURN = 13573
"""The tangent of 22.5 degrees, times 2 to the 15th: between two of the four ways an edge may lie."""


def prepared(raw: bytes, width: int, height: int, kind: str) -> Pixels:
    """Return a stored Sketch as a ControlNet reads it: cut and resized as always, then drawn white on black."""
    if kind not in WAYS:
        raise BadInput(f"There is no way to prepare a sketch as {kind}.", f"There is: {', '.join(WAYS)}.")
    grey: Grey = np.asarray(fitted(raw, width, height, "L")).astype(np.int64)
    rows = WAYS[kind](grey).astype(np.uint8)
    return Pixels(width, height, np.repeat(rows[:, :, None], 3, axis=2).tobytes())


def scribble(grey: Grey) -> Grey:
    """Return the strokes white on black, nothing between."""
    return np.where(_on_black(grey) >= 128, 255, 0)


def lineart(grey: Grey) -> Grey:
    """Return the lines white on black with their soft edges, over the whole range."""
    return _stretched(_on_black(grey))


def depth(grey: Grey) -> Grey:
    """Return a depth map as it is, near things light, over the whole range."""
    return _stretched(grey)


def canny(grey: Grey) -> Grey:
    """Return the edges one pixel wide: blurred, Sobel, thinned to ridges, and followed from the steep ones on."""
    across, down = _slopes(_blurred(grey))
    steep = np.abs(across) + np.abs(down)
    ridge = _ridges(steep, across, down)
    return np.where(_followed(ridge & (steep > LOW), ridge & (steep > HIGH)), 255, 0)


WAYS: Mapping[str, Callable[[Grey], Grey]] = {
    "scribble": scribble,
    "lineart": lineart,
    "canny": canny,
    "depth": depth,
}
"""How each preparation is made."""


def _on_black(grey: Grey) -> Grey:
    """Return it with the background dark: what is dark on light is turned over."""
    return 255 - grey if 2 * int(grey.sum()) > 255 * grey.size else grey


def _stretched(grey: Grey) -> Grey:
    low, high = int(grey.min()), int(grey.max())
    return grey if high == low else (2 * (grey - low) * 255 + (high - low)) // (2 * (high - low))


def _blurred(grey: Grey) -> Grey:
    """Return it blurred by the binomial of five pixels, each edge repeated outside."""
    for axis in (0, 1):
        wide = np.pad(grey, [(2, 2) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
        size = grey.shape[axis]
        grey = sum(
            (part * wide.take(range(start, start + size), axis=axis) for start, part in enumerate(BLUR)),
            start=np.zeros_like(grey),
        )
    return (grey + 128) // 256


def _slopes(grey: Grey) -> tuple[Grey, Grey]:
    """Return Sobel's slopes across and down."""
    wide = np.pad(grey, 1, mode="edge")
    smooth_down = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    smooth_across = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    return smooth_down[:, 2:] - smooth_down[:, :-2], smooth_across[2:] - smooth_across[:-2]


def _ridges(steep: Grey, across: Grey, down: Grey) -> npt.NDArray[np.bool_]:
    """Say where it is steeper than on both sides, seen along the slope; of two alike the first."""
    wide = np.pad(steep, 1)
    height, width = steep.shape

    def beside(y: int, x: int) -> Grey:
        return wide[1 + y : 1 + y + height, 1 + x : 1 + x + width]

    level, upright = np.abs(across), np.abs(down)
    lies = (upright << 15) < level * TURN
    stands = (upright << 15) > level * (TURN + (2 << 15))
    falls = (across < 0) == (down < 0)

    def over(y: int, x: int) -> npt.NDArray[np.bool_]:
        return (steep > beside(-y, -x)) & (steep >= beside(y, x))

    slanted = np.where(falls, over(1, 1), over(1, -1))
    found: npt.NDArray[np.bool_] = np.where(lies, over(0, 1), np.where(stands, over(1, 0), slanted))
    return found


def _followed(weak: npt.NDArray[np.bool_], strong: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return what of the weak hangs together with something strong, corners count."""
    found, waiting = strong.copy(), list(zip(*np.nonzero(strong), strict=True))
    height, width = weak.shape
    while waiting:
        y, x = waiting.pop()
        near: Any = (slice(max(y - 1, 0), min(y + 2, height)), slice(max(x - 1, 0), min(x + 2, width)))
        fresh = np.nonzero(weak[near] & ~found[near])
        found[near] |= weak[near]
        waiting += [(near[0].start + dy, near[1].start + dx) for dy, dx in zip(*fresh, strict=True)]
    return found
