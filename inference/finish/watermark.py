"""The mark Stable Diffusion's scripts write: bits in the blue chroma, as `dwtDct` of invisible-watermark reads them.

Read again it is a courtesy label: a JPEG, a crop or a new size wipes it out, and it proves nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.mark import LEAST_PIXELS, Reading, texts
from core.recipe import Paint, Recipe
from inference.finish.png import Pixels

Reals = NDArray[np.float64]
Bits = NDArray[np.uint8]

SCALE = 36.0
"""Width of a pair of bins: a bit is told by the half its block's largest coefficient falls in."""

BLOCK = 4
CELL = 2 * BLOCK
"""Pixels along a block: each coefficient is made of 2 x 2 of them."""

LEAD = 8.0
"""How far a block's largest coefficient is kept ahead of the next, so that rounding to bytes leaves it the largest."""

BLUE = 0.492
"""Blue chroma is (blue - luma) times this, as OpenCV has it."""

LUMA = np.array([0.299, 0.587, 0.114])
BACK = np.array([0.0, -0.395, 2.032])
"""What one step of blue chroma adds to red, green and blue."""


def marked(pixels: Pixels, recipe: Recipe) -> Pixels:
    """Return the Picture with the mark its Recipe asks for, if any; raise BadInput where it is too small for one."""
    if not isinstance(recipe, Paint) or not recipe.watermark:
        return pixels
    if pixels.width * pixels.height < LEAST_PIXELS:
        raise BadInput(
            f"A picture of {pixels.width}x{pixels.height} cannot hold the watermark its recipe asks for.",
            f"It takes {LEAST_PIXELS:,} pixels, such as 256x256.",
        )
    return write(pixels, recipe.watermark)


def write(pixels: Pixels, text: str) -> Pixels:
    """Return the Picture with a mark; it must not be too small."""
    rgb = _rgb(pixels)
    blocks, chroma = _blocks(rgb)
    bits = _bits(text)
    wanted = bits[np.arange(len(blocks)) % len(bits)]
    at = _largest(blocks)
    rows = np.arange(len(blocks))
    value = blocks[rows, at]
    others = np.abs(blocks)
    others[:, 0] = 0  # No bit is looked for in a block's first coefficient.
    others[rows, at] = 0
    bins = np.floor(np.abs(value) / SCALE) + 0.25 + 0.5 * wanted
    size = bins * SCALE
    size += SCALE * np.maximum(np.ceil((others.max(axis=1) + LEAD - size) / SCALE), 0)
    change = np.zeros_like(blocks)
    change[rows, at] = np.where(value < 0, -size, size) - value
    moved = _spread(change, chroma.shape)
    high, wide = moved.shape
    rgb[:high, :wide] += moved[..., None] * BACK
    marked = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return Pixels(pixels.width, pixels.height, marked.tobytes())


def readings(pixels: Pixels) -> tuple[Reading, ...]:
    """Look for every mark Limner or Stable Diffusion's scripts write; nothing where the Picture is too small."""
    if pixels.width * pixels.height < LEAST_PIXELS:
        return ()
    return tuple(read(pixels, text) for text in texts())


def read(pixels: Pixels, text: str) -> Reading:
    """Count the bits of a mark's text that stand in a Picture; it must not be too small."""
    blocks, _ = _blocks(_rgb(pixels))
    bits = _bits(text)
    value = np.abs(blocks[np.arange(len(blocks)), _largest(blocks)])
    votes = (value % SCALE) > 0.5 * SCALE
    which = np.arange(len(blocks)) % len(bits)
    share = np.bincount(which, votes, len(bits)) / np.bincount(which, minlength=len(bits))
    return Reading(text, int(((share * 255 > 127) == bits).sum()), len(bits))


def _rgb(pixels: Pixels) -> Reals:
    return np.frombuffer(pixels.rgb, np.uint8).reshape(pixels.height, pixels.width, 3).astype(np.float64)


def _bits(text: str) -> Bits:
    return np.unpackbits(np.frombuffer(text.encode(), np.uint8))


def _blocks(rgb: Reals) -> tuple[Reals, Reals]:
    """Return the Haar averages of the blue chroma as [blocks, 16], row by row, and that chroma."""
    high, wide = (side // 4 * 4 for side in rgb.shape[:2])
    part = rgb[:high, :wide]
    chroma = np.clip(np.rint((part[..., 2] - part @ LUMA) * BLUE + 128), 0, 255)
    average = (chroma[0::2, 0::2] + chroma[0::2, 1::2] + chroma[1::2, 0::2] + chroma[1::2, 1::2]) / 2
    down, across = high // CELL, wide // CELL
    tiles = average[: down * BLOCK, : across * BLOCK].reshape(down, BLOCK, across, BLOCK)
    return tiles.swapaxes(1, 2).reshape(-1, BLOCK * BLOCK), chroma


def _spread(change: Reals, shape: tuple[int, ...]) -> Reals:
    """Return what changes of coefficients change in the chroma of their pixels: half of it in each of the four."""
    down, across = shape[0] // CELL, shape[1] // CELL
    tiles = change.reshape(down, across, BLOCK, BLOCK).swapaxes(1, 2).reshape(down * BLOCK, across * BLOCK)
    return (tiles / 2).repeat(2, axis=0).repeat(2, axis=1)


def _largest(blocks: Reals) -> NDArray[np.intp]:
    """Return where each block's largest coefficient stands, the first left out."""
    found: NDArray[np.intp] = np.argmax(np.abs(blocks[:, 1:]), axis=1) + 1
    return found
