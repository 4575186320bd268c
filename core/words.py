"""What every reader of typed words shares: cleaning, pieces that know where they stood, the caret under a mistake."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.errors import BadWords

LONGEST = 2000
UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff]")
"""C0 controls except new line and tab, and lone surrogates: PostgreSQL takes no NUL, UTF-8 no surrogate."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Hold a part of the words typed with the place of each sign, so that a refusal can point at it."""

    words: str
    at: tuple[int, ...]
    start: int
    verbatim: bool = False

    @classmethod
    def of(cls, words: str, start: int, end: int) -> Piece:
        """Cut a Piece out of the words, without the blanks around it."""
        while start < end and words[start].isspace():
            start += 1
        while end > start and words[end - 1].isspace():
            end -= 1
        return cls(words, tuple(range(start, end)), start)

    @property
    def text(self) -> str:
        """Return the signs themselves."""
        return "".join(self.words[place] for place in self.at)

    def only(self, at: tuple[int, ...]) -> Piece:
        """Return the Piece with these places alone."""
        return replace(self, at=at)

    def refusal(self, sentence: str, hint: str = "", sign: int = 0) -> BadWords:
        """Return a BadWords that points at the given sign of this Piece."""
        place = self.at[sign] if sign < len(self.at) else self.start
        return BadWords(sentence, hint, min(place, max(len(self.words) - 1, 0)), self.words)


def clean(words: str) -> tuple[str, tuple[str, ...]]:
    """Return the words without what no database keeps, and notes that say so; refuse more than 2,000 signs."""
    kept, removed = UNWANTED.subn("", words)
    if len(kept) > LONGEST:
        raise BadWords(
            f"These words are {len(kept):,} characters long.",
            f"Use at most {LONGEST:,}.",
            LONGEST,
            kept[: LONGEST + 1],
        )
    if not removed:
        return kept, ()
    what = "1 control character was" if removed == 1 else f"{removed} control characters were"
    return kept, (f"{what} taken out of the words.",)


def caret(error: BadWords, width: int = 72) -> str:
    """Return the line a mistake is in with a caret under it, for fixed-width letters; empty where no place is known."""
    if error.at is None or not error.words:
        return ""
    at = min(error.at, len(error.words) - 1)
    start = error.words.rfind("\n", 0, at) + 1
    end = error.words.find("\n", at)
    end = len(error.words) if end < 0 else end
    left = max(start, at - width // 2)
    right = min(end, left + width)
    before = ("…" if left > start else "") + _printable(error.words[left:at])
    after = _printable(error.words[at:right]) + ("…" if right < end else "")
    return f"{before}{after}\n{' ' * sum(map(_cells, before))}^"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like this one, None where nothing is known."""
    names = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), names, 1, 0.0)
    return names[found[0]] if found else None


def shown(text: str, most: int = 40) -> str:
    """Return typed words as a message quotes them: cut, in quotation marks."""
    return f'"{bare(text, most)}"'


def bare(text: str, most: int = 40) -> str:
    """Return typed words as a message repeats them where they cannot be mistaken for its own: cut, on one line."""
    return _printable(text if len(text) <= most else f"{text[:most]}…")


def _printable(text: str) -> str:
    """Return the text without signs that would move or hide what stands beside them."""
    return "".join(sign if sign.isprintable() else " " if sign.isspace() else "·" for sign in text)


def _cells(sign: str) -> int:
    """Return how many columns a sign takes in a terminal."""
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
