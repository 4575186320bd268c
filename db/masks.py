"""Masks given apart, brought to their Sketch's size."""

from __future__ import annotations

import io

from PIL import Image

from core import wording
from core.draft import SketchInfo
from core.errors import BadSketch, NotFound
from db.files import Files

MOST_APART = 0.02
"""How much the shapes of mask and Sketch may differ: they were rounded apart when they were made smaller."""


def fitted(files: Files, digest: str, sketch: SketchInfo) -> bytes | None:
    """Return a stored mask at its Sketch's size, None where it has it; raise BadSketch where the shapes differ."""
    try:
        image = Image.open(io.BytesIO(files.read(digest, "mask")), formats=("PNG",))
    except NotFound as error:
        raise NotFound(*wording.not_here("mask")) from error
    if image.size == (sketch.width, sketch.height):
        return None
    across, down = image.width * sketch.height, image.height * sketch.width
    if abs(across - down) > MOST_APART * max(across, down):
        wrong = f"The mask is {image.width}x{image.height}, the sketch {sketch.width}x{sketch.height}."
        raise BadSketch(wrong, "Make the mask in the shape of the sketch.")
    whole = image.resize((sketch.width, sketch.height), Image.Resampling.LANCZOS).point([0] * 128 + [255] * 128)
    if whole.getextrema() == (0, 0):
        raise BadSketch("What is white in the mask is too small to be painted.", "Paint more of it white.")
    out = io.BytesIO()
    whole.save(out, "PNG")
    return out.getvalue()
