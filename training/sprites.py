"""The sprites: every drawing with transparency, and the concept that it shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.work import Work

SIZE: Final = 128
STYLES: Final = ("noto", "fluent-emoji-flat", "3d", "fluent-emoji", "noto-v1", "fxemoji")
Rgba = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Concept:
    """Say what one thing is called and which sprites show it."""

    name: str
    group: str
    tags: tuple[str, ...]
    more_tags: tuple[str, ...]
    sprites: Mapping[str, int]  # style -> row of the sprite array

    def in_group(self, *heads: str) -> bool:
        """Tell whether the group starts with one of these words."""
        return self.group.startswith(heads)


@dataclass(frozen=True, slots=True)
class Sprites:
    """Hold all concepts and their pixels."""

    concepts: tuple[Concept, ...]
    pixels: Rgba  # [N, 128, 128, 4] uint8

    def save(self, work: Work) -> None:
        """Write both files into the work folder."""
        np.save(work.sprites, self.pixels)
        work.concepts.write_text(json.dumps([asdict(concept) for concept in self.concepts]), encoding="utf-8")


def load_concepts(work: Work) -> tuple[Concept, ...]:
    """Read the concepts alone."""
    raw: Sequence[Mapping[str, object]] = json.loads(work.concepts.read_text(encoding="utf-8"))
    return tuple(_concept(entry) for entry in raw)


def _concept(entry: Mapping[str, object]) -> Concept:
    tags, more_tags, sprites = entry["tags"], entry["more_tags"], entry["sprites"]
    assert isinstance(tags, list) and isinstance(more_tags, list) and isinstance(sprites, dict)
    return Concept(str(entry["name"]), str(entry["group"]), tuple(tags), tuple(more_tags), sprites)


def load_sprites(work: Work) -> Sprites:
    """Read concepts and pixels; the pixels stay on disk until they are used."""
    return Sprites(load_concepts(work), np.load(work.sprites, mmap_mode="r"))
