"""Masks: which part of a Sketch came transparent, and one given apart brought to its Sketch's size."""

from __future__ import annotations

import io

from PIL import Image
from sqlalchemy import delete
from sqlalchemy.orm import Session

from core.draft import Clear, SketchInfo
from core.errors import BadSketch, NotFound
from db.claims import keep_file
from db.files import Files
from db.tables import ClearPartRow

MOST_APART = 0.02
"""How much the shapes of mask and Sketch may differ: they were rounded apart when they were made smaller."""


def keep(session: Session, now: int, info: SketchInfo, bytes_: int, mask_bytes: int) -> None:
    """Write the rows of a Sketch and its mask; what came newest is meant where equal pixels were transparent or not."""
    keep_file(session, now, info.digest, "sketch", bytes_)
    session.execute(delete(ClearPartRow).where(ClearPartRow.sketch == info.digest))
    if info.mask is not None:
        keep_file(session, now, info.mask, "mask", mask_bytes)
    if info.clear != "none":
        session.add(ClearPartRow(sketch=info.digest, mask=info.mask))


def clear_part(session: Session, sketch: str) -> tuple[Clear, str | None]:
    """Return how much of a Sketch came transparent, and the mask of that part."""
    row = session.get(ClearPartRow, sketch)
    if row is None:
        return "none", None
    return ("whole" if row.mask is None else "part"), row.mask


def fitted(files: Files, digest: str, sketch: SketchInfo) -> bytes | None:
    """Return a stored mask at its Sketch's size, None where it has it; raise BadSketch where the shapes differ."""
    try:
        image = Image.open(io.BytesIO(files.read(digest, "mask")), formats=("PNG",))
    except NotFound as error:
        raise NotFound("That mask is not here.", "Send it again.") from error
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
