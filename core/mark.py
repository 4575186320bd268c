"""Mark: the invisible label a Picture may carry, and what is said of one that is looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

LEAST_PIXELS = 256 * 256
"""Smaller Pictures hold no mark that could be read again."""

MARKS: Mapping[str, str] = MappingProxyType({"sd1": "StableDiffusionV1", "sd2": "SDV2"})
"""The texts the makers' own scripts write, by family."""

OWN_MARK = "Limner"
"""The text of every other family."""

SURE = 0.9
"""The share of a mark's bits that must be found; chance finds so many of the shortest, 32, about once in 800,000."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Tell how many bits of a mark's text were found in a picture."""

    text: str
    right: int
    bits: int

    @property
    def found(self) -> bool:
        """Say whether the mark is taken to be there."""
        return self.right >= SURE * self.bits


def mark_of(family: str) -> str:
    """Return the text of a family's mark."""
    return MARKS.get(family.partition("-")[0], OWN_MARK)


def fitting(text: str, width: int, height: int) -> tuple[str, tuple[str, ...]]:
    """Return the mark a Picture of a size can hold, and what must be said where that is none."""
    if text and width * height < LEAST_PIXELS:
        return "", (f"No watermark: a picture under {LEAST_PIXELS:,} pixels, such as 256x256, cannot hold one.",)
    return text, ()


def texts() -> tuple[str, ...]:
    """Return every text that is looked for."""
    return (*dict.fromkeys(MARKS.values()), OWN_MARK)


def found(readings: Sequence[Reading]) -> str:
    """Return the text of the mark that stands there; nothing where there is none."""
    best = _best(readings)
    return best.text if best and best.found else ""


def told(readings: Sequence[Reading]) -> str:
    """Return what was found, in words; no reading: the picture is too small."""
    best = _best(readings)
    if best is None:
        return f"none: a picture under {LEAST_PIXELS:,} pixels cannot hold one"
    bits = f"{best.right} of {best.bits} bits of {best.text}"
    return bits if best.found else f"none: {bits}, which is chance"


def _best(readings: Sequence[Reading]) -> Reading | None:
    return max(readings, key=lambda each: each.right / each.bits, default=None)
