"""Sheets of labelled pictures, to look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw

from training.sprites import SIZE

GAP: Final = 4
LABEL_HEIGHT: Final = 16
LABEL_LETTERS: Final = 22


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold one picture of a sheet and the words under it."""

    image: Image.Image
    label: str


def paint_sheet(cells: Sequence[Cell], columns: int) -> Image.Image:
    """Lay the pictures out row by row."""
    rows = math.ceil(len(cells) / columns)
    width, height = SIZE + GAP, SIZE + LABEL_HEIGHT
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    for number, cell in enumerate(cells):
        x, y = number % columns * width, number // columns * height
        sheet.paste(cell.image, (x, y))
        draw.text((x + 2, y + SIZE + 2), cell.label[:LABEL_LETTERS], fill="black")
    return sheet
