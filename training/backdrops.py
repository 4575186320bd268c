"""Backdrops: white, plain colours and eleven scenes, each with the words that name it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.recolour import Floats
from training.sprites import SIZE
from training.words import Colour, Words

Shade = tuple[int, int, int]
WHITE_WORDS: Final = ("", "", "", "on a white background", "on white", "isolated on white")
PLAIN_WORDS: Final = (
    "on a {} background",
    "on {} background",
    "{} background",
    "in front of a {} wall",
)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """Hold the pixels behind the sprites, and the words for them (empty: say nothing)."""

    pixels: Floats  # [128, 128, 3] float32, 0 to 255
    words: str


def gradient(top: Shade, bottom: Shade) -> Floats:
    """Blend from one colour at the top to another at the bottom."""
    down = np.linspace(0, 1, SIZE, dtype=np.float32)[:, None, None]
    blend = np.array(top, np.float32) * (1 - down) + np.array(bottom, np.float32) * down
    return np.ascontiguousarray(np.broadcast_to(blend, (SIZE, SIZE, 3)))


def ground(pixels: Floats, colour: Shade, height: float, rng: random.Random, *, wavy: bool = True) -> Floats:
    """Fill everything below a horizon (0 = top, 1 = bottom), darker towards the viewer."""
    columns = np.arange(SIZE)
    horizon = np.full(SIZE, int(SIZE * height))
    if wavy:
        waves = np.sin(columns / SIZE * rng.uniform(2, 7) + rng.random() * 6) * 4
        horizon = (SIZE * height + waves).astype(np.int64)
    below = np.arange(SIZE)[:, None] - horizon[None, :]
    shade = np.array(colour, np.float32) * (1 - 0.35 * (below / SIZE)[..., None].clip(0, 1))
    return np.where((below >= 0)[..., None], shade, pixels).astype(np.float32)


def dots(pixels: Floats, count: int, sizes: tuple[int, int], lightness: tuple[int, int], rng: random.Random) -> None:
    """Sprinkle small light squares: stars or snow."""
    for _ in range(count):
        x, y, size = rng.randint(1, SIZE - 3), rng.randint(1, SIZE - 3), rng.randint(*sizes)
        pixels[x : x + size, y : y + size] = rng.randint(*lightness)


def _canvas(pixels: Floats) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.fromarray(pixels.astype(np.uint8))
    return image, ImageDraw.Draw(image)


def _grass(rng: random.Random) -> Floats:
    return ground(gradient((120, 190, 250), (215, 238, 255)), (104, 184, 72), rng.uniform(0.6, 0.75), rng)


def _snow(rng: random.Random) -> Floats:
    pixels = ground(gradient((170, 200, 230), (225, 238, 250)), (246, 250, 255), rng.uniform(0.6, 0.75), rng)
    dots(pixels, 24, (2, 2), (255, 255), rng)
    return pixels


def _space(rng: random.Random) -> Floats:
    pixels = gradient((8, 10, 34), (28, 26, 70))
    dots(pixels, rng.randint(18, 36), (1, 2), (190, 255), rng)
    return pixels


def _night(rng: random.Random) -> Floats:
    pixels = gradient((14, 20, 62), (48, 60, 120))
    dots(pixels, rng.randint(18, 36), (1, 2), (190, 255), rng)
    return ground(pixels, (24, 54, 44), rng.uniform(0.72, 0.82), rng)


def _sea(rng: random.Random) -> Floats:
    return ground(gradient((130, 200, 250), (220, 240, 255)), (40, 120, 200), rng.uniform(0.5, 0.7), rng)


def _water(rng: random.Random) -> Floats:
    image, draw = _canvas(gradient((70, 180, 225), (14, 70, 140)))
    for _ in range(10):
        x, y, size = rng.randint(0, SIZE), rng.randint(0, SIZE), rng.randint(2, 5)
        draw.ellipse([x, y, x + size, y + size], outline=(200, 235, 250))
    return np.asarray(image).astype(np.float32)


def _sunset(rng: random.Random) -> Floats:
    return ground(gradient((90, 60, 140), (255, 170, 80)), (70, 50, 60), rng.uniform(0.72, 0.85), rng)


def _desert(rng: random.Random) -> Floats:
    return ground(gradient((150, 205, 245), (250, 235, 205)), (226, 186, 112), rng.uniform(0.55, 0.7), rng)


def _beach(rng: random.Random) -> Floats:
    sky = gradient((120, 200, 250), (220, 242, 255))
    sea = ground(sky, (50, 150, 210), rng.uniform(0.45, 0.52), rng, wavy=False)
    return ground(sea, (240, 214, 150), rng.uniform(0.66, 0.75), rng)


def _sky(rng: random.Random) -> Floats:
    image, draw = _canvas(gradient((80, 160, 240), (200, 230, 255)))
    for _ in range(rng.randint(2, 4)):
        cloud_x, cloud_y = rng.randint(0, SIZE), rng.randint(0, SIZE)
        for _ in range(4):
            x, y, size = cloud_x + rng.randint(-14, 14), cloud_y + rng.randint(-4, 4), rng.randint(6, 11)
            draw.ellipse([x - size, y - size * 0.7, x + size, y + size * 0.7], fill=(250, 252, 255))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1))).astype(np.float32)


def _forest(rng: random.Random) -> Floats:
    image, draw = _canvas(gradient((90, 150, 110), (40, 90, 60)))
    for _ in range(7):
        left, width, height = rng.randint(-10, SIZE), rng.randint(14, 26), rng.randint(20, 60)
        foot, tip = SIZE * 0.8, SIZE * 0.8 - height - 20
        outline = [(left, foot), (left + width, foot), (left + width // 2, tip)]
        draw.polygon(outline, fill=(20, rng.randint(60, 110), 40))
    return ground(np.asarray(image).astype(np.float32), (58, 100, 48), 0.78, rng)


SCENES: Final[Mapping[Callable[[random.Random], Floats], Sequence[str]]] = MappingProxyType(
    {
        _grass: (
            "on the grass",
            "in a meadow",
            "on green grass",
            "in a field",
            "in a garden",
            "outdoors in the park",
        ),
        _snow: ("in the snow", "on snow", "in winter", "in a snowy landscape"),
        _space: ("in space", "in outer space", "among the stars", "floating in space"),
        _night: ("at night", "under the stars", "in the night", "under a night sky"),
        _sea: ("on the sea", "at sea", "on the ocean", "by the sea"),
        _water: ("under water", "underwater", "in the water", "in the sea"),
        _sunset: ("at sunset", "at dusk", "in the evening", "with a sunset behind it"),
        _desert: ("in the desert", "on sand dunes", "in a sandy desert"),
        _beach: ("on the beach", "at the beach", "on a sandy beach"),
        _sky: ("in the sky", "in the clouds", "flying in the sky", "against a blue sky"),
        _forest: ("in the forest", "in the woods", "in a forest", "among the trees"),
    }
)


def white(rng: random.Random) -> Backdrop:
    """Make a white or nearly white backdrop."""
    value = 255 if rng.random() < 0.85 else rng.randint(225, 255)
    return Backdrop(np.full((SIZE, SIZE, 3), value, np.float32), rng.choice(WHITE_WORDS))


def jittered(colour: Colour, amount: int, rng: random.Random) -> Colour:
    """Move a colour a little, so that a word stands for a range of shades."""
    red, green, blue = (min(255, max(0, value + rng.randint(-amount, amount))) for value in colour)
    return red, green, blue


def plain(words: Words, rng: random.Random) -> Backdrop:
    """Make a backdrop of one named colour, sometimes a pale one."""
    name = rng.choice(list(words.colours))
    rgb = np.array(jittered(words.colours[name], 18, rng), np.float32)
    if name not in ("black", "brown") and rng.random() < 0.4:
        rgb = rgb * 0.55 + 255 * 0.45
    sentence = rng.choice(PLAIN_WORDS).format(rng.choice(words.spoken(name)))
    return Backdrop(np.ascontiguousarray(np.broadcast_to(rgb, (SIZE, SIZE, 3))), sentence)


def backdrop(words: Words, white_share: float, rng: random.Random) -> Backdrop:
    """Draw a backdrop: white for its share, then plain colours and scenes alike."""
    if rng.random() < white_share:
        return white(rng)
    if rng.random() < 0.5:
        return plain(words, rng)
    paint = rng.choice(list(SCENES))
    return Backdrop(paint(rng), rng.choice(SCENES[paint]))
