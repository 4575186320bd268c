"""A small classifier, trained on the sprites, that names thing and colour of a picture: the measure of the model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from training.backdrops import backdrop
from training.compose import Composer, Mix
from training.sprites import Concept, Sprites, load_sprites
from training.vae import to_tensor
from training.words import Words, load_words
from training.work import Work, arguments

COLOURS: Final = ("red", "yellow", "green", "blue", "purple", "pink", "black", "white")
# The words of the contact sheet, and the concepts that each of them may show.
SHEET: Final = MappingProxyType(
    {
        "cat": ("cat", "cat face"),
        "dog": ("dog", "dog face"),
        "rabbit": ("rabbit", "rabbit face"),
        "fox": ("fox",),
        "fish": ("fish", "tropical fish"),
        "bird": ("bird",),
        "penguin": ("penguin",),
        "frog": ("frog",),
        "butterfly": ("butterfly",),
        "tree": ("deciduous tree", "evergreen tree"),
        "flower": ("rose", "tulip", "sunflower", "hibiscus", "blossom", "cherry blossom"),
        "mushroom": ("mushroom",),
        "apple": ("red apple", "green apple"),
        "banana": ("banana",),
        "heart": ("red heart", "blue heart", "green heart", "yellow heart", "purple heart", "orange heart",
                  "pink heart", "black heart", "white heart", "brown heart", "light blue heart", "grey heart"),
        "star": ("star",),
        "car": ("automobile", "sport utility vehicle", "oncoming automobile"),
        "house": ("house", "house with garden"),
        "rocket": ("rocket",),
        "balloon": ("balloon",),
    }
)  # fmt: skip
SIDE: Final = 64
COLOURED_SHARE: Final = 0.5
NO_COLOUR: Final = -100  # what cross entropy leaves out
HELD_OUT: Final = 1000
BATCH: Final = 64


def label(concept: Concept) -> str:
    """Name what a concept shows, the same for all that one word of the sheet may mean."""
    for word, names in SHEET.items():
        if concept.name in names:
            return word
    return concept.name.removesuffix(" face") if concept.in_group("animal") else concept.name


def labels(concepts: Sequence[Concept], words: Words) -> list[str]:
    """List what the classifier can name: every core name and every word of the sheet."""
    core = {label(concept) for concept in concepts if concept.name in words.core_names}
    return sorted(core | set(SHEET))


class Classifier(nn.Module):
    """Name thing and colour of pictures, float32 [N, 3, 64, 64] from -1 to 1."""

    def __init__(self, things: int) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, 192)
        layers: list[nn.Module] = []
        for before, after in zip(widths, widths[1:], strict=False):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.look = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.thing = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(widths[-1] * 4, things))
        self.colour = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(widths[-1] * 4, len(COLOURS)))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [N, things] and [N, colours]."""
        seen = self.pool(self.look(pictures))
        return self.thing(seen), self.colour(seen)


@dataclass(frozen=True, slots=True)
class Examples:
    """Hold small pictures with what they show."""

    pictures: Tensor  # float32 [N, 3, 64, 64], -1 to 1
    things: Tensor  # int64 [N]
    colours: Tensor  # int64 [N], NO_COLOUR where it was not changed

    def rows(self, chosen: Tensor) -> Examples:
        """Return some of them."""
        return Examples(self.pictures[chosen], self.things[chosen], self.colours[chosen])


def shrink(pictures: Tensor) -> Tensor:
    """Scale 128 px to the 64 px that the classifier sees."""
    return nn.functional.avg_pool2d(pictures, 2)


def make_examples(sprites: Sprites, words: Words, count: int, rng: random.Random) -> Examples:
    """Draw core concepts in all styles, half of them words of the sheet in a colour of the sheet."""
    names = labels(sprites.concepts, words)
    mix = Mix(styles=("noto", "3d", "fluent-emoji-flat", "fluent-emoji", "noto-v1"))
    composer = Composer(sprites, words, mix)
    core = [concept for concept in sprites.concepts if label(concept) in names]
    sheet = {word: [concept for concept in core if label(concept) == word] for word in SHEET}
    pixels, things, colours = [], [], []
    for _ in range(count):
        colour = rng.choice(COLOURS) if rng.random() < COLOURED_SHARE else None
        concept = rng.choice(sheet[rng.choice(list(SHEET))]) if colour else rng.choice(core)
        drawing = composer.draw(concept, rng, colour=colour)
        canvas = backdrop(words, 0.8, rng).pixels.copy()
        composer.place_one(canvas, drawing, rng)
        pixels.append(canvas.clip(0, 255).astype(np.uint8))
        things.append(names.index(label(concept)))
        colours.append(COLOURS.index(colour) if colour and drawing.colour == colour else NO_COLOUR)
    small = torch.cat([shrink(to_tensor(np.stack(pixels[at : at + 256]))) for at in range(0, count, 256)])
    return Examples(small, torch.tensor(things), torch.tensor(colours))


def disturbed(pictures: Tensor) -> Tensor:
    """Shift, blur and stain pictures as the model's own are."""
    down, across = (int(torch.randint(-4, 5, ())) for _ in range(2))
    moved = torch.roll(pictures, (down, across), (2, 3))
    blur = float(torch.rand(())) * 0.8
    moved = moved * (1 - blur) + nn.functional.avg_pool2d(moved, 3, 1, 1) * blur
    coarse = torch.randn(len(moved), 3, SIDE // 4, SIDE // 4) * float(torch.rand(())) * 0.25
    stains = nn.functional.interpolate(coarse, size=SIDE, mode="bilinear")
    return (moved + stains).clamp(-1, 1)


def train_classifier(work: Work, count: int, rounds: int) -> None:
    """Train on composed examples and say how often it is right on others."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sprites, words = load_sprites(work), load_words()
    examples = make_examples(sprites, words, count, random.Random(0))
    held_out = make_examples(sprites, words, HELD_OUT, random.Random(1))
    network = Classifier(len(labels(sprites.concepts, words)))
    steps = rounds * (count // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for round_number in range(rounds):
        order = torch.randperm(count)
        for start in range(0, count - BATCH + 1, BATCH):
            batch = examples.rows(order[start : start + BATCH])
            with torch.autocast("cpu", torch.bfloat16):
                things, colours = network(disturbed(batch.pictures))
            loss = nn.functional.cross_entropy(things.float(), batch.things)
            loss = loss + nn.functional.cross_entropy(colours.float(), batch.colours, reduction="sum") / BATCH
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        thing_share, colour_share = accuracy(network, held_out)
        print(f"round {round_number + 1}: things {thing_share:.1%}, colours {colour_share:.1%}", flush=True)
        network.train()
    torch.save(network.state_dict(), work.classifier)


@torch.no_grad()
def accuracy(network: Classifier, examples: Examples) -> tuple[float, float]:
    """Return the shares of things and colours named right."""
    network.eval()
    things, colours = network(examples.pictures)
    coloured = examples.colours != NO_COLOUR
    right_things = (things.argmax(1) == examples.things).float().mean()
    right_colours = (colours.argmax(1) == examples.colours)[coloured].float().mean()
    return float(right_things), float(right_colours)


def load_classifier(work: Work, things: int) -> Classifier:
    """Load the trained classifier."""
    state: dict[str, Any] = torch.load(work.classifier, weights_only=True)
    network = Classifier(things)
    network.load_state_dict(state)
    return network.eval()


def main() -> None:
    """Train the classifier."""
    parser = arguments("Train the classifier that measures the model.")
    parser.add_argument("--count", type=int, default=12_000, help="examples to compose")
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    train_classifier(options.work, options.count, options.rounds)


if __name__ == "__main__":
    main()
