"""What a file that is no picture we read seems to be, by how it begins, and what to do with it."""

from __future__ import annotations

from core.wording import UNREADABLE

BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC", b"heim": "HEIC", b"heis": "HEIC",
    b"mif1": "HEIF", b"msf1": "HEIF", b"avif": "AVIF", b"avis": "AVIF",
}  # fmt: skip
"""Kinds of the family whose name stands behind `ftyp`."""

STARTS = (
    (b"BM", "BMP"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"8BPS", "PSD"), (b"%PDF", "PDF"), (b"%!PS", "EPS"),
    (b"\0\0\1\0", "ICO"), (b"icns", "ICNS"), (b"\xff\x0a", "JPEG XL"), (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
)  # fmt: skip
PHOTOS = frozenset({"HEIC", "HEIF"})
"""What a telephone's camera saves."""

SAVE = "Save it as PNG or JPEG first."
CAMERA = "Save it as JPEG first; an iPhone does so itself under Settings, Camera, Formats, Most Compatible."


def kind_of(raw: bytes) -> str:
    """Return what a file seems to be, empty where that is not known."""
    if raw[4:8] == b"ftyp":
        return BRANDS.get(raw[8:12], "")
    return next((kind for start, kind in STARTS if raw.startswith(start)), "")


def unreadable(raw: bytes) -> tuple[str, str]:
    """Say that a file cannot be read, what it is where that is known, and what to do."""
    kind = kind_of(raw)
    if not kind:
        return UNREADABLE
    return f"This is {kind}, no picture I can read.", f"{UNREADABLE[1]} {CAMERA if kind in PHOTOS else SAVE}"
