"""What is looked for in a gallery, and what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.errors import BadInput

MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Search:
    """Say which Pictures are looked for: all of the words, lower-case; since and until in ms UTC, until not counted."""

    words: tuple[str, ...] = ()
    model: str | None = None
    seed: int | None = None
    since: int | None = None
    until: int | None = None
    favourite: bool = False

    @classmethod
    def of(cls, words: str, **more: Any) -> Search:
        """Build one from words as typed."""
        split = tuple(dict.fromkeys(words.lower().split()))
        if len(split) > MOST_WORDS:
            raise BadInput(f"{len(split)} words are looked for; {MOST_WORDS} is the most.", "Give fewer words.")
        return cls(split, **more)


@dataclass(frozen=True, slots=True)
class Hit:
    """Tell of one Picture what a gallery shows; at is ms UTC, gone: its file is kept no longer."""

    id: str
    job: str
    at: int
    seed: int
    width: int
    height: int
    words: str
    favourite: bool
    gone: bool
