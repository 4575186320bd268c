"""Compose (picture, caption) pairs out of the sprites: one thing, two, several, on a branch, beside a tree."""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from training import captions
from training.backdrops import backdrop, jittered
from training.recolour import Floats, MainColour, main_colour, nearest, recolour
from training.sprites import SIZE, Concept, Rgba, Sprites
from training.words import COLOUR_NAMED, MAIN_COLOURS, Words

STYLE_WEIGHTS: Final = MappingProxyType(
    {"noto": 0.7, "fluent-emoji-flat": 0.1, "3d": 0.2, "fluent-emoji": 0.08, "noto-v1": 0.06, "fxemoji": 0.02}
)
TALL: Final = MappingProxyType(
    {
        "deciduous tree": "tree",
        "evergreen tree": "pine tree",
        "palm tree": "palm tree",
        "house": "house",
        "rainbow": "rainbow",
        "sun": "sun",
    }
)
PERCHERS: Final = frozenset(
    ("squirrel", "chipmunk", "koala", "monkey", "butterfly", "sloth", "chameleon", "hamster", "cat", "cat face")
)
RECOLOURED: Final = (
    "animal", "food", "plant", "clothing", "transport", "heart", "household", "drink", "sport", "light", "musical",
    "tool", "cat-face", "face", "person-fantasy", "office", "place-building", "monkey",
)  # fmt: skip
PAIRED: Final = (
    "animal", "food", "plant", "heart", "transport", "sport", "sky", "clothing", "household", "drink", "music",
)  # fmt: skip
DULL: Final = (
    "office", "game", "mail", "book-paper", "sound", "music", "place-map", "event", "other-object", "emotion",
    "medical", "science", "writing",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mix:
    """Say how varied the pictures are; every share is between 0 and 1."""

    styles: Sequence[str] = ("noto", "fluent-emoji-flat", "3d")
    core_weight: float = 30.0
    white_share: float = 0.62
    recolour_share: float = 0.4
    jitter: float = 0.5  # 0: one place and one size
    single_share: float = 0.84


@dataclass(frozen=True, slots=True)
class Pair:
    """Hold one picture for training and what it should be called."""

    pixels: npt.NDArray[np.uint8]  # [128, 128, 3] uint8
    caption: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Hold one sprite as it will be pasted, with its colour word where it has one."""

    concept: Concept
    pixels: Rgba  # [128, 128, 4] uint8
    colour: str | None
    style: str


def weight(concept: Concept, words: Words, core_weight: float) -> float:
    """Say how often a concept is drawn, against 1 for an ordinary one."""
    usual = 0.7
    if concept.in_group("animal"):
        usual = 2.2
    elif concept.in_group("plant", "food", "drink", "sky"):
        usual = 1.4
    elif concept.group == "heart":
        usual = 1.6
    elif concept.in_group("transport"):
        usual = 1.2
    elif concept.in_group("face", "cat-face", "monkey-face", "person", "hand", "body"):
        usual = 0.5
    elif concept.group in DULL:
        usual = 0.45
    elif concept.group == "geometric":
        usual = 0.5 if "circle" in concept.name or "square" in concept.name else 0.1
    return max(usual, 1.0) * core_weight if concept.name in words.core_names else usual


def paste(
    canvas: Floats, sprite: Rgba, at: tuple[float, float], size: float, *, flip: bool = False, turn: float = 0.0
) -> None:
    """Blend a sprite into the canvas, centred at a point; sizes in pixels, the turn in degrees."""
    image = Image.fromarray(sprite)
    if flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if turn:
        image = image.rotate(turn, Image.Resampling.BICUBIC)
    side = max(8, int(size))
    scaled = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC)).astype(np.float32)
    left, top = round(at[0] - side / 2), round(at[1] - side / 2)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(SIZE, left + side), min(SIZE, top + side)
    if x1 <= x0 or y1 <= y0:
        return
    part = scaled[y0 - top : y1 - top, x0 - left : x1 - left]
    alpha = part[..., 3:] / 255
    canvas[y0:y1, x0:x1] = canvas[y0:y1, x0:x1] * (1 - alpha) + part[..., :3] * alpha


class Composer:
    """Compose pairs; the same random numbers give the same pairs."""

    def __init__(self, sprites: Sprites, words: Words, mix: Mix) -> None:
        self._sprites, self._words, self._mix = sprites, words, mix
        self._main: dict[int, MainColour | None] = {}
        self._all = [concept for concept in sprites.concepts if set(concept.sprites) & set(mix.styles)]
        self._paired = [concept for concept in self._all if concept.in_group(*PAIRED)]
        self._animals = [concept for concept in self._all if concept.in_group("animal")]
        self._tall = [concept for concept in self._all if concept.name in TALL]
        self._perchers = [
            concept for concept in self._all if concept.group == "animal-bird" or concept.name in PERCHERS
        ]
        self._sums = {id(pool): self._running_weights(pool) for pool in (self._all, self._paired)}

    def _running_weights(self, pool: Sequence[Concept]) -> list[float]:
        return list(itertools.accumulate(weight(concept, self._words, self._mix.core_weight) for concept in pool))

    def _pick(self, pool: Sequence[Concept], rng: random.Random) -> Concept:
        sums = self._sums[id(pool)]
        return pool[min(bisect.bisect(sums, rng.random() * sums[-1]), len(pool) - 1)]

    def main_colour(self, row: int) -> MainColour | None:
        """Find the main colour of a sprite once."""
        if row not in self._main:
            self._main[row] = main_colour(self._sprites.pixels[row])
        return self._main[row]

    def draw(
        self, concept: Concept, rng: random.Random, *, style: str | None = None, colour: str | None = None
    ) -> Drawing:
        """Choose style and colour of a concept, where they are not given."""
        have = [name for name in self._mix.styles if name in concept.sprites]
        if style not in have:
            style = rng.choices(have, [STYLE_WEIGHTS[name] for name in have])[0]
        row = concept.sprites[style]
        main, pixels = self.main_colour(row), self._sprites.pixels[row]
        if main is not None and (colour or rng.random() < self._recolour_share(concept)):
            name = colour or rng.choice([*MAIN_COLOURS, *MAIN_COLOURS[:7], *self._words.colours])
            changed = recolour(pixels, main, jittered(self._words.colours[name], 14, rng))
            if changed is not None:
                return Drawing(concept, changed, name, style)
        return Drawing(concept, pixels, self._own_colour(concept, main, rng), style)

    def _recolour_share(self, concept: Concept) -> float:
        if COLOUR_NAMED.search(concept.name):
            return 0.1 if concept.group == "heart" and concept.name != "red heart" else 0.0
        return self._mix.recolour_share if concept.in_group(*RECOLOURED) else 0.1

    def _own_colour(self, concept: Concept, main: MainColour | None, rng: random.Random) -> str | None:
        if main is None or COLOUR_NAMED.search(concept.name) or main.share <= 0.3 or rng.random() >= 0.3:
            return None
        name, off = nearest(main.rgb, {main_name: self._words.colours[main_name] for main_name in MAIN_COLOURS})
        return name if off < 120 else None

    def compose(self, rng: random.Random) -> Pair:
        """Compose one picture and its caption."""
        behind = backdrop(self._words, self._mix.white_share, rng)
        canvas, place = behind.pixels.copy(), behind.words
        kind, single = rng.random(), self._mix.single_share
        rest = 1 - single
        if kind < single:
            things, style = self._one(canvas, rng)
        elif kind < single + rest * 0.38:
            things, style = self._two(canvas, rng)
        elif kind < single + rest * 0.57:
            things, style = self._several(canvas, rng)
        elif kind < single + rest * 0.8:
            things, style = self._perched(canvas, rng)
        else:
            things, style = self._beside_tall(canvas, rng)
        caption = captions.sentence(things, place, style, self._words, rng)
        return Pair(canvas.clip(0, 255).astype(np.uint8), caption)

    def place_one(self, canvas: Floats, drawing: Drawing, rng: random.Random) -> None:
        """Paste one sprite large, with jitter of place, size, side and turn."""
        jitter, middle = self._mix.jitter, SIZE / 2
        size = SIZE * (0.9 + jitter * (rng.triangular(0.62, 0.98, 0.88) - 0.9))
        room = (SIZE - size) * 0.55 * min(1.0, 2 * jitter)
        at = (middle + rng.uniform(-room, room), middle + rng.uniform(-room, room))
        mirrored = not drawing.concept.in_group("book", "alphanum") and rng.random() < 0.3 * jitter
        turn = rng.uniform(-9, 9) * jitter if rng.random() < 0.3 else 0.0
        paste(canvas, drawing.pixels, at, size, flip=mirrored, turn=turn)

    def _named(self, drawing: Drawing, rng: random.Random) -> str:
        return captions.coloured_noun(drawing.concept, drawing.colour, self._words, rng)

    def _one(self, canvas: Floats, rng: random.Random) -> tuple[str, str]:
        drawing = self.draw(self._pick(self._all, rng), rng)
        self.place_one(canvas, drawing, rng)
        name = self._named(drawing, rng)
        things = captions.with_article(name) if rng.random() < 0.8 else name
        tags = drawing.concept.tags
        if tags and rng.random() < 0.08:
            things = ", ".join([things, *rng.sample(tags, min(2, len(tags)))])
        return things, drawing.style

    def _two(self, canvas: Floats, rng: random.Random) -> tuple[str, str]:
        left = self.draw(self._pick(self._paired, rng), rng)
        right = self.draw(self._pick(self._paired, rng), rng, style=left.style)
        size, height = SIZE * rng.uniform(0.44, 0.52), SIZE * rng.uniform(0.4, 0.6)
        paste(canvas, left.pixels, (SIZE * 0.26, height), size)
        paste(canvas, right.pixels, (SIZE * 0.74, height + rng.uniform(-4, 4)), size)
        names = [captions.with_article(self._named(drawing, rng)) for drawing in (left, right)]
        return rng.choice(captions.PAIRS).join(names), left.style

    def _several(self, canvas: Floats, rng: random.Random) -> tuple[str, str]:
        drawing = self.draw(self._pick(self._paired, rng), rng)
        count = rng.choice((2, 2, 3))
        places = [(0.26, 0.5), (0.74, 0.5)] if count == 2 else [(0.5, 0.27), (0.26, 0.72), (0.74, 0.72)]
        for x, y in places:
            paste(canvas, drawing.pixels, (SIZE * x, SIZE * y), SIZE * (0.48 if count == 2 else 0.42))
        return f"{captions.COUNTS[count]} {captions.plural(self._named(drawing, rng))}", drawing.style

    def _perched(self, canvas: Floats, rng: random.Random) -> tuple[str, str]:
        drawing = self.draw(rng.choice(self._perchers), rng)
        height, slope = SIZE * rng.uniform(0.74, 0.84), SIZE * rng.uniform(-0.06, 0.06)
        _branch(canvas, height, slope, rng)
        size = SIZE * rng.uniform(0.56, 0.68)
        at = (SIZE * rng.uniform(0.4, 0.6), height - size * 0.46)
        paste(canvas, drawing.pixels, at, size, flip=rng.random() < 0.3)
        return captions.with_article(self._named(drawing, rng)) + rng.choice(captions.PERCHES), drawing.style

    def _beside_tall(self, canvas: Floats, rng: random.Random) -> tuple[str, str]:
        drawing = self.draw(rng.choice(self._animals), rng)
        tall = self.draw(rng.choice(self._tall), rng, style=drawing.style)
        if tall.concept.name in ("rainbow", "sun"):
            paste(canvas, tall.pixels, (SIZE * 0.5, SIZE * 0.28), SIZE * 0.5)
            paste(canvas, drawing.pixels, (SIZE * 0.5, SIZE * 0.72), SIZE * 0.5)
            relation = " under "
        else:
            paste(canvas, tall.pixels, (SIZE * 0.64, SIZE * 0.42), SIZE * 0.78)
            paste(canvas, drawing.pixels, (SIZE * 0.28, SIZE * 0.74), SIZE * 0.42)
            relation = rng.choice(captions.BESIDE_TALL)
        animal = captions.with_article(self._named(drawing, rng))
        return animal + relation + captions.with_article(TALL[tall.concept.name]), drawing.style


def _branch(canvas: Floats, height: float, slope: float, rng: random.Random) -> None:
    image = Image.fromarray(canvas.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    ends = [(-4, height - slope), (SIZE + 4, height + slope)]
    draw.line(ends, fill=(118 + rng.randint(-15, 15), 76, 44), width=rng.randint(7, 10))
    for _ in range(rng.randint(3, 6)):
        x, y = rng.randint(4, SIZE - 4), height + rng.choice((-9, 8))
        leaf = (70 + rng.randint(-10, 30), 160 + rng.randint(-20, 20), 60)
        draw.ellipse([x - 7, y - 5, x + 7, y + 5], fill=leaf)
    canvas[:] = np.asarray(image)
