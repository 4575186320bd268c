"""Recolouring: find the main colour of a sprite, name it, and move it to another colour with its shades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.sprites import Rgba
from training.words import Colour

Floats = npt.NDArray[np.float32]
LUMINANCE: Final = (0.3, 0.59, 0.11)
OPAQUE_ALPHA: Final = 200
MIN_OPAQUE_PIXELS: Final = 50
MIN_SHARE: Final = 0.18  # below it the colour word would not describe the picture


@dataclass(frozen=True, slots=True)
class MainColour:
    """Say which colour covers the most of a sprite, and how much of it."""

    rgb: Floats  # [3] float32, 0 to 255
    share: float  # 0 to 1


def main_colour(sprite: Rgba) -> MainColour | None:
    """Find the colour that covers the most, saturated ones first; None for a nearly empty sprite."""
    pixels = sprite[sprite[..., 3] > OPAQUE_ALPHA][:, :3].astype(np.float32)
    if len(pixels) < MIN_OPAQUE_PIXELS:
        return None
    bins = (pixels // 32).astype(np.int64) @ np.array([64, 8, 1])
    highest = pixels.max(axis=1)
    weight = 0.35 + (highest - pixels.min(axis=1)) / (highest + 1)
    _, inverse = np.unique(bins, return_inverse=True)
    heaviest = int(np.bincount(inverse, weight).argmax())
    centre = pixels[inverse == heaviest].mean(axis=0)
    near = pixels[np.sqrt(((pixels - centre) ** 2).sum(axis=1)) < 70]
    return MainColour(near.mean(axis=0), len(near) / len(pixels))


def recolour(sprite: Rgba, main: MainColour, target: Sequence[int]) -> Rgba | None:
    """Move the main colour and its shades to the target; None where too little would change."""
    if main.share < MIN_SHARE:
        return None
    changed = sprite.astype(np.float32)
    rgb = changed[..., :3]
    luminance = rgb @ np.array(LUMINANCE, np.float32)
    main_luminance = float(main.rgb @ np.array(LUMINANCE))
    weight = _likeness(rgb, luminance, main, main_luminance)[..., None]
    goal = np.array(target, np.float32)
    if main_luminance < 70:
        moved = goal + (rgb - main.rgb) * 0.8
    else:
        ratio = (luminance / max(main_luminance, 1))[..., None]
        lighter = goal + (255 - goal) * np.clip((ratio - 1) * 0.7, 0, 0.8)
        moved = np.where(ratio <= 1, goal * ratio**0.9, lighter)
    changed[..., :3] = np.clip(rgb * (1 - weight) + moved * weight, 0, 255)
    return changed.astype(np.uint8)


def _likeness(rgb: Floats, luminance: Floats, main: MainColour, main_luminance: float) -> Floats:
    """Weigh each pixel by hue first and by lightness a little, so that shades of the body follow it."""
    hue = rgb / (rgb.sum(axis=-1, keepdims=True) + 30)
    main_hue = main.rgb / (main.rgb.sum() + 30)
    distance = np.sqrt(((hue - main_hue) ** 2).sum(axis=-1)) * 900
    off = np.maximum(np.abs(luminance - main_luminance) - 60, 0)
    weight: Floats = np.exp(-((distance / 85) ** 2) - (off / 60) ** 2).astype(np.float32)
    return weight


def distance(left: Sequence[float] | Floats, right: Sequence[float] | Floats) -> float:
    """Measure how far apart two colours look (the redmean formula)."""
    a, b = np.asarray(left, np.float32), np.asarray(right, np.float32)
    red = (a[0] + b[0]) / 2
    squares = (a - b) ** 2
    return float(np.sqrt((2 + red / 256) * squares[0] + 4 * squares[1] + (2 + (255 - red) / 256) * squares[2]))


def nearest(rgb: Floats, colours: Mapping[str, Colour]) -> tuple[str, float]:
    """Name the nearest colour and say how far off it is."""
    name = min(colours, key=lambda candidate: distance(colours[candidate], rgb))
    return name, distance(colours[name], rgb)
