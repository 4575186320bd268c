"""Where the options stand in typed words, and the quotation marks that keep them from being read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.words import Piece, shown

OPTION = re.compile(r"(?<![^\s{,|(\[])(?:-(?=[-–—])|[–—])[-–—]*([^\W\d_][\w-]*|(?=\{))")
"""Two hyphens, or the long dash phones make of them, and a name; or a brace, which we refuse."""

QUOTED = re.compile(r'(?<![^\s({\[])(?:"[^"]*"|“[^”]*”)(?=[\s.,;:!?)}\]|]|$)')
"""Quoted words in a Prompt: options are not looked for there, and the marks stay."""

MARKS = {'"': '"', "“": "”", "'": "'", "‘": "’"}
BETWEEN = re.compile(r"\s*=?\s*")


@dataclass(frozen=True, slots=True)
class Typed:
    """Hold an option as it was typed: with its dashes, its name and its value."""

    sign: Piece
    name: str
    value: Piece


def scan(words: str) -> tuple[Piece, list[Typed]]:
    """Return what stands before the first option, and the options; a value goes on until the next option."""
    found = next(_signs(words, 0), None)
    head = Piece.of(words, 0, len(words) if found is None else found.start())
    typed: list[Typed] = []
    since = 0
    while found is not None:
        sign = Piece.of(words, found.start(), found.end())
        _refuse_in_set(words, found, sign, since)
        behind = BETWEEN.match(words, found.end())
        start = behind.end() if behind else found.end()
        end = _closing(words, start)
        since = since if end is None else end + 1
        found = next(_signs(words, start if end is None else end + 1), None)
        until = len(words) if found is None else found.start()
        if end is None:
            value = replace(Piece.of(words, start, until), start=sign.start)
        else:
            value = _verbatim(words, start, end, until)
        typed.append(Typed(sign, sign.text.lstrip("-–—"), value))
    return head, typed


def _signs(words: str, start: int) -> Iterator[re.Match[str]]:
    """Find options from a place on, outside quoted words."""
    spans = [found.span() for found in QUOTED.finditer(words, start)]
    for found in OPTION.finditer(words, start):
        if not any(left <= found.start() < right for left, right in spans):
            yield found


def _refuse_in_set(words: str, found: re.Match[str], sign: Piece, since: int) -> None:
    """Refuse `{--ar 3:2, --seed 5}` and `--{ar 3:2, seed 5}`: sets hold words and values, never options.

    since: where the last quoted value ended; braces in it are no sets.
    """
    opened: list[int] = []
    for place in range(since, len(words)):
        if words[place] == "{":
            opened.append(place)
        elif words[place] == "}" and opened and opened.pop() < found.start() < place:
            break
    else:
        if found[1]:
            return
    raise sign.refusal("An option cannot stand in a set.", "Put the set behind its name: --ar {3:2, 1:1}.")


def _closing(words: str, start: int) -> int | None:
    """Return the place of the mark that closes a quoted value, None where the value is not quoted."""
    mark = words[start : start + 1]
    if mark not in MARKS or not mark:
        return None
    found = re.compile(rf"(?:\\.|[^\\{MARKS[mark]}])*{MARKS[mark]}", re.DOTALL).match(words, start + 1)
    if found is not None:
        return found.end() - 1
    if mark in "'‘":
        return None
    raise Piece.of(words, start, len(words)).refusal("This quotation mark is never closed.", "Put another one behind.")


def _verbatim(words: str, start: int, end: int, until: int) -> Piece:
    r"""Return a quoted value; `\` before a mark or another `\` is left out."""
    rest = Piece.of(words, end + 1, until)
    if rest.at:
        wrong = f"{shown(rest.text)} stands behind a value."
        raise rest.refusal(wrong, "Put the words first and all options behind them.")
    at: list[int] = []
    place = start + 1
    while place < end:
        place += words[place] == "\\" and words[place + 1] in ("\\", words[end])
        at.append(place)
        place += 1
    return Piece(words, tuple(at), start, verbatim=True)


def quoted(text: str) -> str:
    """Return a value as it must be typed: marked where it is more than plain words."""
    return text if re.fullmatch(r"\w[\w.+/-]*(,? \w[\w.+-]*)*", text) else marked(text)


def marked(text: str) -> str:
    """Return words in quotation marks, so that nothing in them is read."""
    return '"' + re.sub(r'([\\"])', r"\\\1", text) + '"'
