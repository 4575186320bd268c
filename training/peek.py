"""Paint a sheet of composed pairs and print their captions, to see what the model will be shown."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image

from training.compose import Composer, Mix
from training.sheet import Cell, paint_sheet
from training.sprites import load_sprites
from training.words import load_words
from training.work import arguments


def main() -> None:
    """Write 48 pairs as one PNG."""
    parser = arguments("Paint a sheet of composed pairs.")
    parser.add_argument("--out", type=Path, default=Path("pairs.png"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    composer = Composer(load_sprites(options.work), load_words(), Mix())
    rng = random.Random(options.seed)
    pairs = [composer.compose(rng) for _ in range(48)]
    for pair in pairs:
        print(pair.caption)
    paint_sheet([Cell(Image.fromarray(pair.pixels), pair.caption) for pair in pairs], columns=8).save(options.out)


if __name__ == "__main__":
    main()
