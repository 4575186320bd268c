"""Sets `{a, b}` and the matrix `a | b | c`: counted first, then written out, each sign knowing where it was typed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, product
from typing import TypeVar

from core.words import Piece

MOST = 16
"""How many Drafts one line of words may make."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold one set: its alternatives, each a run of signs (by place) and sets; `at` is where it opens.

    count: how many texts it stands for, kept because braces may be nested deeper than Python may recurse.
    """

    at: int
    options: tuple[tuple[int | Choice, ...], ...]
    count: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """Hold words read as sets and, at the top, `|` signs."""

    piece: Piece
    items: tuple[int | Choice, ...]
    bars: frozenset[int]

    @property
    def at(self) -> int:
        """Return where the first set or `|` stands."""
        sets = [item.at for item in self.items if isinstance(item, Choice)]
        return min([*sets, *self.bars], default=self.piece.start)

    @property
    def values(self) -> int:
        """Return how many texts the sets stand for, with `|` as an ordinary sign."""
        return _count(self.items)

    @property
    def prompts(self) -> int:
        """Return how many Prompts sets and matrix stand for."""
        first, *others = self._parts()
        whole = _count(first) * math.prod(1 + _count(part) for part in others)
        return whole - 1 if others and self._blank(first) else whole

    def expanded(self) -> list[Piece]:
        """Write out the sets; the last one changes fastest. Ask `values` first: this does not stop at any number."""
        return [self.piece.only(self._trimmed(at)) for at in _expanded(self.items)]

    def written(self) -> list[str]:
        """Write out sets and matrix in Easy Diffusion's order: all without the last part, then all with it."""
        first, *others = self._parts()
        found: list[str] = []
        for mask in product((False, True), repeat=len(others)):
            if others and not any(mask) and self._blank(first):
                continue
            chosen = [first, *(part for part, taken in zip(others, mask, strict=True) if taken)]
            for texts in product(*(self._texts(part) for part in chosen)):
                found.append(", ".join(filter(None, texts)))
        return found

    def _parts(self) -> list[Sequence[int | Choice]]:
        """Split at the `|` signs; empty parts behind the first are left out."""
        parts: list[list[int | Choice]] = [[]]
        for item in self.items:
            if isinstance(item, int) and item in self.bars:
                parts.append([])
            else:
                parts[-1].append(item)
        return [parts[0], *(part for part in parts[1:] if not self._blank(part))]

    def _blank(self, items: Iterable[int | Choice]) -> bool:
        return all(isinstance(item, int) and self.piece.words[item].isspace() for item in items)

    def _texts(self, items: Sequence[int | Choice]) -> list[str]:
        return [self.piece.only(at).text.strip() for at in _expanded(items)]

    def _trimmed(self, at: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(_trim(self.piece.words, at))


Place = TypeVar("Place", int, int | Choice)


@dataclass(slots=True)
class _Open:
    """A brace that was opened while reading: its alternatives so far and the commas between them."""

    at: int
    now: list[int | Choice] = field(default_factory=list)
    done: list[list[int | Choice]] = field(default_factory=list)
    commas: list[int] = field(default_factory=list)

    def literal(self) -> list[int | Choice]:
        """Return all that was read as ordinary signs: no set after all."""
        found: list[int | Choice] = [self.at]
        for option, comma in zip(self.done, self.commas, strict=True):
            found += [*option, comma]
        return found + self.now


def pattern(piece: Piece) -> Pattern:
    r"""Read sets and `|` signs; `{` that is never closed or holds no comma stays, a sign behind `\` means nothing."""
    words = piece.words
    frames = [_Open(piece.start)]
    bars: list[int] = []
    escaped = False
    for place in piece.at:
        sign, top = words[place], frames[-1]
        if escaped or sign not in "\\{,}|":
            top.now.append(place)
            escaped = False
        elif sign == "{":
            frames.append(_Open(place))
        elif sign == "}" and len(frames) > 1:
            frames.pop()
            frames[-1].now += _closed(words, top, place)
            bars = [bar for bar in bars if bar < top.at]
        elif sign == "," and len(frames) > 1:
            top.done.append(top.now)
            top.commas.append(place)
            top.now = []
        else:
            top.now.append(place)
            escaped = sign == "\\"
            bars += [place] if sign == "|" else []
    while len(frames) > 1:
        unclosed = frames.pop()
        frames[-1].now += unclosed.literal()
    return Pattern(piece, tuple(frames[0].now), frozenset(bars))


def _closed(words: str, brace: _Open, end: int) -> list[int | Choice]:
    """Return a set, or its signs as they are where it holds one alternative alone."""
    if not brace.done:
        return [*brace.literal(), end]
    options = tuple(tuple(_trim(words, _commas(words, option))) for option in (*brace.done, brace.now))
    return [Choice(brace.at, options, sum(map(_count, options)))]


def _commas(words: str, option: Sequence[int | Choice]) -> list[int | Choice]:
    r"""Return an alternative with `\,` as the comma it stands for."""
    found: list[int | Choice] = []
    for item in option:
        if isinstance(item, int) and words[item] == "," and found and found[-1] == item - 1 and words[item - 1] == "\\":
            found.pop()
        found.append(item)
    return found


def _trim(words: str, items: Sequence[Place]) -> Sequence[Place]:
    """Leave out the blanks at both ends."""
    start, end = 0, len(items)
    while start < end and _is_blank(words, items[start]):
        start += 1
    while end > start and _is_blank(words, items[end - 1]):
        end -= 1
    return items[start:end]


def _is_blank(words: str, item: int | Choice) -> bool:
    return isinstance(item, int) and words[item].isspace()


def _count(items: Iterable[int | Choice]) -> int:
    return math.prod(item.count for item in items if isinstance(item, Choice))


def _expanded(items: Iterable[int | Choice]) -> list[tuple[int, ...]]:
    """Return the places of every text a run of signs and sets stands for."""
    segments: list[list[tuple[int, ...]]] = []
    for plain, run in groupby(items, lambda item: isinstance(item, int)):
        if plain:
            segments.append([tuple(item for item in run if isinstance(item, int))])
        else:
            segments += [list(chain(*map(_expanded, item.options))) for item in run if isinstance(item, Choice)]
    return [tuple(chain(*combination)) for combination in product(*segments)]
