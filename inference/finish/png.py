"""Pixels -> the stored master: a bare 8-bit RGB PNG without text, the same bytes for the same pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from core.picture import CompanionRole, pixels_digest
from core.progress import Handed

COMPRESSION = 1
"""zlib's fastest level: the master is read far more often than its size matters."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Hold a decoded Picture: width and height in pixels, RGB rows, 3 bytes a pixel."""

    width: int
    height: int
    rgb: bytes


def encode(pixels: Pixels) -> bytes:
    """Return the PNG."""
    out = io.BytesIO()
    image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.rgb)
    image.save(out, "PNG", compress_level=COMPRESSION)
    return out.getvalue()


def handed(role: CompanionRole, pixels: Pixels) -> Handed:
    """Return what is kept beside a Picture as it is handed over."""
    digest = pixels_digest(pixels.width, pixels.height, pixels.rgb)
    return Handed(role, encode(pixels), digest, pixels.width, pixels.height)


def read(png: bytes) -> Pixels:
    """Return the pixels of a stored master."""
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        rgb = image.convert("RGB")
    return Pixels(rgb.width, rgb.height, rgb.tobytes())
