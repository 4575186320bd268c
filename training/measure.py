"""Measure a model: paint the contact sheet and the core names, let the classifier name them, and compare Seeds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.captions import with_article
from training.classifier import COLOURS, SHEET, Classifier, labels, load_classifier, shrink
from training.models import Parts, load_parts
from training.samples import paint
from training.sheet import Cell, paint_sheet
from training.sprites import load_concepts
from training.vae import to_tensor
from training.words import load_words
from training.work import Work, arguments

VARIED: Final = ("a cat", "a red car", "a tree", "a blue fish", "a heart", "a rocket", "a house", "a butterfly")
SEEDS_COMPARED: Final = 4


@dataclass(frozen=True, slots=True)
class Figures:
    """Hold the shares named right, 0 to 1, and how much a Seed changes, 0 to 255."""

    sheet_thing: float
    sheet_colour: float
    sheet_both: float
    core_names: int
    core_named: float
    seed_change: float


@dataclass(frozen=True, slots=True)
class Settings:
    """Say how the pictures are painted."""

    steps: int
    guidance: float
    seed: int


def as_tensor(pictures: Sequence[Image.Image]) -> Tensor:
    """Turn pictures into float32 [N, 3, 128, 128] from -1 to 1."""
    return to_tensor(np.stack([np.asarray(picture.convert("RGB")) for picture in pictures]))


class Measure:
    """Paint with one model and judge with one classifier."""

    def __init__(self, work: Work, parts: Parts, settings: Settings) -> None:
        self._names = labels(load_concepts(work), load_words())
        self._classifier: Classifier = load_classifier(work, len(self._names))
        self._parts, self._settings = parts, settings

    def _paint(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        return paint(self._parts, prompts, seeds, steps=self._settings.steps, guidance=self._settings.guidance)

    @torch.no_grad()
    def _judge(self, pictures: Sequence[Image.Image]) -> tuple[list[str], list[str]]:
        things, colours = self._classifier(shrink(as_tensor(pictures)))
        return [self._names[row] for row in things.argmax(1)], [COLOURS[row] for row in colours.argmax(1)]

    def contact_sheet(self) -> tuple[Image.Image, float, float, float]:
        """Paint 20 words in 8 colours; return the sheet and the shares right: thing, colour, both."""
        asked = list(itertools.product(SHEET, COLOURS))
        prompts = [with_article(f"{colour} {word}") for word, colour in asked]
        pictures = self._paint(prompts, [self._settings.seed + number for number in range(len(prompts))])
        things, colours = self._judge(pictures)
        right_things = np.array([seen == word for seen, (word, _) in zip(things, asked, strict=True)])
        right_colours = np.array([seen == colour for seen, (_, colour) in zip(colours, asked, strict=True)])
        for word in SHEET:
            rows = [number for number, (asked_word, _) in enumerate(asked) if asked_word == word]
            print(f"{word}: thing {right_things[rows].mean():.0%}, colour {right_colours[rows].mean():.0%}")
        sheet = paint_sheet([Cell(*pair) for pair in zip(pictures, prompts, strict=True)], columns=len(COLOURS) * 2)
        both = right_things & right_colours
        return sheet, float(right_things.mean()), float(right_colours.mean()), float(both.mean())

    def core(self) -> float:
        """Paint every core name alone; return the share named right."""
        pictures = self._paint([with_article(name) for name in self._names], [self._settings.seed] * len(self._names))
        things, _ = self._judge(pictures)
        missed = [f"{name} ({seen})" for name, seen in zip(self._names, things, strict=True) if name != seen]
        print("not recognised:", ", ".join(missed))
        return 1 - len(missed) / len(self._names)

    def seed_change(self) -> float:
        """Paint the same words with several Seeds; return how far two pictures are apart, 0 to 255."""
        prompts = [prompt for prompt in VARIED for _ in range(SEEDS_COMPARED)]
        pictures = as_tensor(self._paint(prompts, list(range(SEEDS_COMPARED)) * len(VARIED)))
        # A coarse look, so that stains do not count and another place or size does.
        coarse = torch.nn.functional.avg_pool2d(pictures, 8) * 127.5
        groups = coarse.reshape(len(VARIED), SEEDS_COMPARED, -1)
        pairs = itertools.combinations(range(SEEDS_COMPARED), 2)
        return float(np.mean([float((groups[:, a] - groups[:, b]).abs().mean()) for a, b in pairs]))

    def figures(self, sheet_path: Path) -> Figures:
        """Measure all, and write the contact sheet."""
        sheet, thing, colour, both = self.contact_sheet()
        # 256 colours are enough for a look and a third of the bytes.
        sheet.quantize(256, dither=Image.Dither.NONE).save(sheet_path, optimize=True)
        return Figures(thing, colour, both, len(self._names), self.core(), self.seed_change())


def main() -> None:
    """Measure a model folder and print the figures as JSON."""
    parser = arguments("Measure a model.")
    parser.add_argument("--model", type=Path, default=Path("models/builtin"))
    parser.add_argument("--sheet", type=Path, default=Path("contact-sheet.png"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = Settings(options.steps, options.guidance, options.seed)
    figures = Measure(options.work, load_parts(options.model), settings).figures(options.sheet)
    print(json.dumps({name: round(value, 3) for name, value in asdict(figures).items()}))


if __name__ == "__main__":
    main()
