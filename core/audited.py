"""Audits: what painting logged Pictures again has found, and when it may be done next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Audits:
    """Count what audits found; times are ms UTC, None where there is none.

    last: when the newest audit that was not called off began. asked: when a Job that somebody asked
    for last moved. busy: somebody's Job is open now.
    """

    identical: int = 0
    different: int = 0
    cannot: int = 0
    last: int | None = None
    asked: int | None = None
    busy: bool = False

    @property
    def checked(self) -> int:
        """Return how many audits came to a verdict."""
        return self.identical + self.different + self.cannot

    def as_json(self) -> dict[str, Any]:
        """Return the counts alone: no Picture, no Person."""
        return {
            "checked": self.checked,
            "identical": self.identical,
            "different": self.different,
            "last": self.last,
        }
