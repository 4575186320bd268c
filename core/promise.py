"""What a new Job with an equal Recipe may promise: the same pixels, nearly the same, or what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.picture import Fingerprint, Picture

Promise = Literal["identical", "close", "untested"]
EQUAL = "equal"
"""The self-test's word where the bits of a row do not depend on how many rows a model call has."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Hold what a Picture would be painted under now: facts as a Fingerprint names them, as far as they are known.

    rows: the one row count of mode exact, 0 where they vary. self_test: equal, differs or untested.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 0
    self_test: str = "untested"

    @property
    def promise(self) -> Promise:
        """Return what two Jobs with an equal Recipe get from now on."""
        if self.rows or self.self_test == EQUAL:
            return "identical"
        return "untested" if self.self_test == "untested" else "close"

    def differing(self, earlier: Fingerprint) -> tuple[str, ...]:
        """Name the facts that were others then."""
        return tuple(sorted(key for key, value in self.facts.items() if earlier.facts.get(key) != value))

    def keeps(self, earlier: Fingerprint) -> bool:
        """Say whether the same Recipe gives the same bits as it did under the earlier Fingerprint."""
        if self.differing(earlier):
            return False
        same_rows = self.rows > 0 and all(size == self.rows for size, _ in earlier.trace)
        return same_rows or self.self_test == EQUAL == earlier.facts.get("self_test")


def unknown(_: str) -> Ground:
    """Be the ground of Models on a device that tells nothing of itself."""
    return Ground()


def note(earlier: Picture, now: Ground) -> str | None:
    """Say how near a Picture will come to an earlier one with an equal Recipe; None where it is identical."""
    then = earlier.fingerprint or Fingerprint()
    if now.keeps(then):
        return None
    name = earlier.id[-6:]
    if fields := now.differing(then):
        return f"Picture {name} has the same recipe, but was painted under other {', '.join(fields)}: this may differ."
    return f"Picture {name} has the same recipe: this one is within 2/255 a value of it. /reproduce {name} is exact."
