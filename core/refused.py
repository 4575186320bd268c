"""Words and patterns that are refused: matched whole, whatever letters they are dressed in, in bounded time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from core.errors import BadInput
from core.words import shown

LONGEST_WORD = 100
LONGEST_PATTERN = 100
REPEATS = 40
"""How often `*` and `+` repeat at most."""

MOST_WORK = 120
"""How many ways one pattern may be tried at each sign."""

ALL_WORK = 600
"""How many ways all patterns of a server together may be tried at each sign: 2,000 signs take some milliseconds."""

# Letters of other scripts that look like Latin ones; both sides of a comparison are turned, so nothing else changes.
ALIKE = str.maketrans(
    "авеіјкмнорсԛѕтухԝзьӏ" + "αβγεηικνορτυχω" + "ıɑɡɩʟ",
    "abeijkmhopcqstyxw3bl" + "abyenikvoptuxw" + "iagil",
)
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""Scripts that put no blanks between words, by the first word of their letters' names."""


def plain(text: str) -> str:
    """Return text as words are compared: NFKC, without case, marks and hidden signs, one blank between words."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(sign for sign in folded if unicodedata.category(sign) not in ("Mn", "Me", "Cf"))
    return " ".join(unicodedata.normalize("NFKC", kept).split())


def latin(text: str) -> str:
    """Return plain text with letters that look like Latin ones made Latin."""
    return plain(text).translate(ALIKE)


def checked_word(word: str) -> str:
    """Return a word, or several, as it is kept; raise BadInput where it can refuse nothing."""
    kept = " ".join(word.split())
    if not kept or len(kept) > LONGEST_WORD or not _letters(latin(kept)):
        raise BadInput(f"{shown(word)} cannot be refused.", f"Give letters, at most {LONGEST_WORD} of them.")
    return kept


def checked_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return patterns that end soon, one by one and together; raise BadInput where one may not."""
    kept = tuple(dict.fromkeys(patterns))
    if sum(_work(pattern) for pattern in kept) > ALL_WORK:
        raise BadInput("These patterns together take too long.", "Take some away, or refuse plain words instead.")
    return kept


def finds(words: Iterable[str], patterns: Iterable[str], texts: Sequence[str]) -> bool:
    """Say whether a refused word or pattern stands in one of the texts."""
    for text in texts:
        read = latin(text)
        spaced = f" {_letters(read)} "
        if any(_stands(word, read, spaced) for word in words):
            return True
        if any(_compiled(pattern).search(each) for pattern in patterns for each in {plain(text), read}):
            return True
    return False


def _stands(word: str, read: str, spaced: str) -> bool:
    wanted = latin(word)
    if any(unicodedata.name(sign, "").startswith(UNSPACED) for sign in wanted):
        return wanted in read
    return f" {_letters(wanted)} " in spaced


def _letters(text: str) -> str:
    """Return the letters and digits of a text with one blank between words."""
    return " ".join(re.findall(r"[^\W_]+", text))


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a checked pattern with its repeats bounded; the compiler keeps those it has seen."""
    bounds = {"*": f"{{0,{REPEATS}}}", "+": f"{{1,{REPEATS}}}"}
    return re.compile(_TOKEN.sub(lambda token: bounds.get(token[0], token[0]), pattern), re.IGNORECASE)


_TOKEN = re.compile(
    r"(?P<escape>\\[wWdDsSbB.^$*+?{}\[\]()|/\\-])|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<many>[*+?]|\{\d{1,2}(?:,\d{1,2})?\})"
    r"|(?P<open>\((?:\?:)?(?!\?))|(?P<close>\))|(?P<bar>\|)|(?P<other>[^\\\[\](){}*+?|])",
    re.DOTALL,
)
"""What a pattern may be made of: no look-around, no back references, no names."""


def _work(pattern: str) -> int:
    """Return how many ways a pattern may be tried at one sign; raise BadInput where it is no pattern or too many."""
    if not pattern or len(pattern) > LONGEST_PATTERN:
        raise BadInput(f"A pattern has 1 to {LONGEST_PATTERN} signs.", "Make it shorter.")
    place, work, before = 0, 1, ""
    while place < len(pattern):
        token = _TOKEN.match(pattern, place)
        if token is None:
            raise BadInput(f"The pattern {shown(pattern)} cannot be read.", _HINT)
        kind = str(token.lastgroup)
        if kind == "many":
            if before not in ("escape", "set", "other"):
                raise BadInput(f"In {shown(pattern)} something repeats that may itself repeat.", _HINT)
            work *= _ways(token[0])
        work += work if kind == "bar" else 0
        place, before = token.end(), kind
    if work > MOST_WORK:
        raise BadInput(f"The pattern {shown(pattern)} may take too long.", _HINT)
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadInput(f"The pattern {shown(pattern)} cannot be read.", _HINT) from error
    return work


_HINT = "Signs, sets [a-z], | and one *, + or {1,5} behind a single sign work; groups do not repeat."


def _ways(many: str) -> int:
    if many in "*+":
        return REPEATS
    low, comma, top = many.strip("{}").partition(",")
    if many == "?" or not comma:
        return 2 if many == "?" else 1
    return max(int(top) - int(low) + 1, 1)
