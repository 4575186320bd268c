"""The words of the captions: colours, their synonyms, style words, common names, and which names are core."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Colour = tuple[int, int, int]
COLOUR_NAMED: Final = re.compile(r"\b(red|orange|yellow|green|blue|purple|pink|brown|black|white|gr[ea]y|golden)\b")
MAIN_COLOURS: Final = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """Hold what `words.json` says."""

    colours: Mapping[str, Colour]
    colour_words: Mapping[str, tuple[str, ...]]
    style_words: Mapping[str, tuple[str, ...]]
    core_names: frozenset[str]
    other_names: Mapping[str, tuple[str, ...]]
    extra_words: tuple[str, ...]

    def spoken(self, colour: str) -> tuple[str, ...]:
        """List the words that people say for a colour."""
        return self.colour_words.get(colour, (colour,))


def load_words() -> Words:
    """Read the words that lie beside this file."""
    raw = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
    return Words(
        colours={name: (rgb[0], rgb[1], rgb[2]) for name, rgb in raw["colours"].items()},
        colour_words={name: tuple(words) for name, words in raw["colour_words"].items()},
        style_words={name: tuple(words) for name, words in raw["style_words"].items()},
        core_names=frozenset(raw["core_names"]),
        other_names={name: tuple(words) for name, words in raw["other_names"].items()},
        extra_words=tuple(raw["extra_words"]),
    )
