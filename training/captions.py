"""Captions: what a person would type for a picture, said in many ways."""

from __future__ import annotations

import random
import re
from typing import Final

from training.sprites import Concept
from training.words import COLOUR_NAMED, Words

LEADS: Final = (
    "a picture of",
    "an image of",
    "a drawing of",
    "an illustration of",
    "an emoji of",
    "a painting of",
    "an icon of",
)
TAILS: Final = (
    " emoji",
    " icon",
    ", cute",
    ", colorful",
    ", beautiful",
    ", high quality",
    ", detailed",
    " sticker",
)
MOODS: Final = ("cute", "little", "big", "happy", "funny", "beautiful", "nice", "small")
PAIRS: Final = (" and ", " and ", " next to ", " beside ")
PERCHES: Final = (" on a branch", " sitting on a branch", " on a tree branch")
BESIDE_TALL: Final = (" under ", " near ", " next to ", " in front of ")
COUNTS: Final = ("no", "one", "two", "three")
ARTICLE: Final = re.compile(r"^(a|an) ")
# A prompt without a style word should give one style: a small model that must choose between several blurs them.
PLAIN_STYLE_NAMED: Final = 0.15
STYLE_NAMED: Final = 0.95


def with_article(noun: str) -> str:
    """Put `a` or `an` before a noun."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def plural(noun: str) -> str:
    """Make the plural of a noun; one that ends in s stays."""
    if noun.endswith("s"):
        return noun
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("sh", "ch", "x")) else "s")


def noun(concept: Concept, words: Words, rng: random.Random) -> str:
    """Choose one of a concept's names."""
    if concept.name in words.other_names and rng.random() < 0.5:
        return rng.choice(words.other_names[concept.name])
    name = concept.name.replace(": ", " with ")
    if name.endswith(" face") and concept.in_group("animal") and rng.random() < 0.6:
        return name.removesuffix(" face")
    return name


def coloured_noun(concept: Concept, colour: str | None, words: Words, rng: random.Random) -> str:
    """Choose a name and say the colour, or now and then a mood."""
    name = noun(concept, words, rng)
    if colour is None:
        return f"{rng.choice(MOODS)} {name}" if rng.random() < 0.06 else name
    spoken = rng.choice(words.spoken(colour))
    return COLOUR_NAMED.sub(spoken, name) if COLOUR_NAMED.search(name) else f"{spoken} {name}"


def sentence(things: str, place: str, style: str, words: Words, rng: random.Random) -> str:
    """Join the things, the place and perhaps the style into a prompt."""
    base = things
    if place:
        joint = ", " if place.endswith("background") and not place.startswith(("on", "in")) else " "
        base += joint + place
    form = rng.random()
    if form < 0.55:
        caption = base
    elif form < 0.75:
        caption = f"{rng.choice(LEADS)} {base}"
    elif form < 0.85:
        caption = base + rng.choice(TAILS)
    else:
        caption = ARTICLE.sub("", base)
    if rng.random() >= (PLAIN_STYLE_NAMED if style == "noto" else STYLE_NAMED):
        return caption
    word = rng.choice(words.style_words[style])
    return f"{word} {ARTICLE.sub('', caption)}" if rng.random() < 0.25 else f"{caption}, {word}"
