"""Words typed by people, made harmless for a Discord message: nothing in them links, formats or mentions."""

from __future__ import annotations

import re
import unicodedata

BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
MARKS = re.compile(r"[\\*_~|`\[\]<>]")
COMBINING = 2
"""Combining marks shown on one sign; more is not language but noise that covers the lines above."""


def clean(words: str) -> str:
    """Return words without bidi controls and without piles of combining marks."""
    kept: list[str] = []
    marks = 0
    for sign in BIDI.sub("", words):
        marks = marks + 1 if unicodedata.combining(sign) else 0
        if marks <= COMBINING:
            kept.append(sign)
    return "".join(kept)


def cut(words: str, most: int) -> str:
    """Return at most `most` signs, with an ellipsis where something is missing."""
    return words if len(words) <= most else words[: most - 1] + "…"


def fenced(words: str, most: int) -> str:
    """Return words in a code block, where Discord acts on nothing; a backtick would end it and is replaced."""
    # A zero-width space keeps the block from being empty: Discord would show the bare fence.
    return f"```\n{cut(clean(words).replace('`', 'ˋ').strip(), most) or '​'}\n```"


def quiet(sentence: str, most: int = 600) -> str:
    """Return a sentence of ours that may quote people's words, with markdown, mentions and links switched off.

    Of `most` signs at most; switching off may double them.
    """
    # Not discord.utils.escape_markdown: it leaves every second link alive.
    escaped = MARKS.sub(r"\\\g<0>", " ".join(cut(clean(sentence), most).split()))
    return escaped.replace("://", ":\u200b//")
