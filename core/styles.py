"""Styles: words for a manner of painting under one name; they become part of the Prompt when a Job is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import BadWords
from core.words import LONGEST, nearest, shown

NONE = "none"
"""Asks for no style where a Person's Defaults name one."""


@dataclass(frozen=True, slots=True)
class Style:
    """Hold one style; words: what is added behind the Prompt."""

    name: str
    category: str
    words: str


TABLE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Painting": {
            "oil": "oil painting, thick visible brush strokes, rich colours",
            "watercolour": "watercolour painting, soft washes, white paper showing through",
            "gouache": "gouache painting, flat opaque colours, matte finish",
            "acrylic": "acrylic painting, bold colours, crisp edges",
            "impressionist": "impressionist painting, short dabs of colour, shimmering light",
            "fresco": "fresco painting on plaster, faded colours, fine cracks",
            "ink-wash": "ink wash painting, black ink on rice paper, much empty space",
            "miniature": "illuminated miniature, tiny figures, gold leaf, ornate border",
        },
        "Drawing": {
            "pencil": "pencil drawing, fine hatching, grey on white paper",
            "charcoal": "charcoal drawing, deep smudged blacks, rough paper",
            "pastel": "soft pastel drawing, powdery colours, blended edges",
            "ink": "ink drawing, clean black lines on white",
            "crayon": "wax crayon drawing by a child, wobbly lines, bright colours",
            "chalk": "chalk drawing on a blackboard, white lines",
            "blueprint": "blueprint, thin white lines on blue paper, technical drawing",
        },
        "Print": {
            "woodcut": "woodcut print, bold carved lines, two colours",
            "linocut": "linocut print, flat shapes, strong contrast",
            "etching": "etching, dense fine lines, sepia ink",
            "screenprint": "screen print, a few flat inks, slightly misaligned layers",
            "risograph": "risograph print, grainy spot colours, overlapping inks",
            "stamp": "postage stamp, engraved lines, perforated edge",
            "poster": "vintage travel poster, simplified shapes, flat colours",
        },
        "Photo": {
            "photo": "photograph, natural light, sharp focus, fine detail",
            "film": "photograph on colour film, soft grain, warm tones",
            "black-and-white": "black and white photograph, strong contrast, deep shadows",
            "macro": "macro photograph, extreme close-up, very shallow depth of field",
            "portrait": "studio portrait photograph, soft key light, plain background",
            "long-exposure": "long exposure photograph, blurred motion, trails of light",
            "aerial": "aerial photograph from straight above",
        },
        "Illustration": {
            "cartoon": "cartoon, thick outlines, flat bright colours",
            "comic": "comic book panel, inked outlines, halftone dots",
            "storybook": "storybook illustration, gentle colours, whimsical details",
            "flat": "flat vector illustration, simple shapes, solid colours",
            "line-art": "line art, one thin continuous line, white background",
            "emoji": "emoji, glossy, centred, plain white background",
            "pixel-art": "pixel art, large square pixels, few colours",
        },
        "Craft": {
            "paper-cut": "layered paper cut-out, soft shadows between the layers",
            "origami": "folded paper origami, crisp creases, plain background",
            "clay": "clay figure, fingerprints in the surface, soft studio light",
            "felt": "needle-felted wool, fuzzy texture",
            "embroidery": "embroidery on linen, visible stitches, coloured thread",
            "mosaic": "mosaic of small glazed tiles, visible grout",
            "stained-glass": "stained glass window, black lead lines, glowing colours",
        },
        "Light": {
            "golden-hour": "golden hour, low warm sun, long shadows",
            "night": "at night, moonlight, deep blue shadows",
            "neon": "lit by neon signs, magenta and cyan glow, wet reflections",
            "misty": "in thick mist, pale colours, soft silhouettes",
        },
    }
)
STYLES: Mapping[str, Style] = MappingProxyType(
    {name: Style(name, category, words) for category, found in TABLE.items() for name, words in found.items()}
)
ALIASES: Mapping[str, str] = MappingProxyType(
    {"watercolor": "watercolour", "b&w": "black-and-white", "bw": "black-and-white", "pixel": "pixel-art"}
)


def style_named(typed: str) -> str:
    """Return a style's name as it stands in the table, or `none`; raise BadWords naming the nearest."""
    name = typed.strip().lower().replace("_", "-").replace(" ", "-")
    name = ALIASES.get(name, name)
    if name in STYLES or name == NONE:
        return name
    near = nearest(name, list(STYLES))
    raise BadWords(f"There is no style {shown(typed)}.", f"The nearest is {near}. /styles lists them all.")


def dressed(prompt: str, style: str | None) -> str:
    """Return the Prompt with a style's words behind it; raise BadWords where that is too long."""
    name = NONE if style is None else style_named(style)
    if name == NONE:
        return prompt
    whole = ", ".join(filter(None, (prompt, STYLES[name].words)))
    if len(whole) > LONGEST:
        wrong = f"With the style {name} these words are {len(whole):,} characters long."
        raise BadWords(wrong, f"Use at most {LONGEST:,}, or leave the style out.")
    return whole
