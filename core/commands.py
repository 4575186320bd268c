"""Commands and what they are about: `/reroll 7F3K2A --seed 5` is read the same way on every face."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core import flags
from core.draft import GUIDANCE, STEPS
from core.errors import BadWords
from core.methods import FACTORS, NOISE_LEVELS, factors, method_named
from core.scan import scan
from core.words import Piece, bare, clean, nearest, shown

COMMANDS = (
    "imagine", "reroll", "vary", "reproduce", "upscale", "cancel",
    "history", "show", "models", "styles", "limits", "help", "queue",
)  # fmt: skip
AMOUNTS = {"subtle": 0.15, "strong": 0.4}
"""What the two words behind /vary stand for."""
TAIL = re.compile(r"[0-9A-Za-z]{6,26}")

TAKES = {
    "reroll": ("id", "seed"),
    "vary": ("id", "seed", "amount"),
    "upscale": ("id", "factor", "by", "prompt", "noise_level", "steps", "guidance", "seed"),
}
SAID = {
    "id": "an id",
    "seed": "a seed",
    "amount": "an amount",
    "factor": "a factor",
    "by": "a method",
    "prompt": "a prompt",
    "noise_level": "a noise level",
    "steps": "a number of steps",
    "guidance": "a guidance",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Say what a command is about: a Job or Picture by id or tail (None: the last one), a Seed, an amount, how far
    it is enlarged, and by what: a method or a Model, which takes a Prompt and more.
    """

    id: str | None = None
    seed: int | None = None
    amount: float | None = None
    factor: int | None = None
    by: str | None = None
    steps: int | None = None
    guidance: float | None = None
    noise_level: int | None = None
    prompt: str | None = None


def command(typed: str) -> tuple[str, str]:
    """Split a leading slash command from its words; words without one are for `imagine`."""
    words = typed.strip()
    found = re.match(r"/(\S*)\s*", words)
    if found is None:
        return "imagine", words
    name = found[1].lower()
    if name not in COMMANDS:
        kept, _ = clean(words)
        hint = f"The nearest is /{nearest(name, COMMANDS)}. There are: /{', /'.join(COMMANDS)}."
        raise BadWords(f"There is no command /{bare(found[1])}.", hint, 0, kept)
    return name, words[found.end() :]


def target(words: str, kind: str = "") -> Target:
    """Read `[id] [--seed N]` behind a command; `kind` refuses what that command does not take, empty refuses nothing.

    /vary takes an amount too (`--amount 0.2`, `--strength 0.2`, `subtle`, `strong`), /upscale takes `x2` to `x4`
    and `--by` a method or a Model; of a Model `--prompt`, `--steps`, `--guidance`, `--noise-level` and `--seed`, too.
    """
    kept, _ = clean(words)
    head, typed = scan(kept)
    found: dict[str, Any] = {}
    for piece in _split(head):
        key, value = _target_word(piece)
        _put(found, kind, key, value, piece)
    for option in typed:
        name = option.name.lower()
        if name == "seed":
            _put(found, kind, "seed", flags.seed(name, option.value)[0], option.sign)
        elif name in ("amount", "strength"):
            _put(found, kind, "amount", flags.number(name, option.value, 0.0, 1.0), option.sign)
        elif name in _OPTIONS:
            _put(found, kind, name.replace("-", "_"), _OPTIONS[name](option.value), option.sign)
        else:
            near = nearest(name, ("seed", "amount", "strength", *_OPTIONS))
            raise option.sign.refusal(f"There is no option {bare(option.sign.text)} here.", f"The nearest is --{near}.")
    return Target(**found)


def _split(piece: Piece) -> list[Piece]:
    base = piece.start
    return [Piece.of(piece.words, base + word.start(), base + word.end()) for word in re.finditer(r"\S+", piece.text)]


def _target_word(piece: Piece) -> tuple[str, str | float]:
    word = piece.text
    if word.lower() in AMOUNTS:
        return "amount", AMOUNTS[word.lower()]
    if re.fullmatch("[xX×][0-9]+", word):
        if word[1:] not in map(str, FACTORS):
            raise piece.refusal(f"Pictures cannot be enlarged {bare(word)}.", f"Use {factors()}.")
        return "factor", int(word[1:])
    if not TAIL.fullmatch(word):
        raise piece.refusal(f"{shown(word)} is no id.", "Write the id, or its last 6 or more letters and digits.")
    return "id", word.upper()


def _method(value: Piece) -> str:
    """Read what stands behind `--by`: a method, or what may be the name of a Model."""
    word = flags.one_word("by", value)
    return method_named(word) or word


_OPTIONS: Mapping[str, Callable[[Piece], Any]] = {
    "by": _method,
    "steps": lambda value: flags.whole("steps", value, *STEPS),
    "guidance": lambda value: flags.number("guidance", value, *GUIDANCE),
    "noise-level": lambda value: flags.whole("noise-level", value, *NOISE_LEVELS),
    "prompt": lambda value: value.text.strip(),
}
"""What reads the value of an option that /upscale takes beside a Seed."""


def _put(found: dict[str, Any], kind: str, key: str, value: object, piece: Piece) -> None:
    """Keep one thing that was read; refuse it where it stands twice or the command does not take it."""
    takes = TAKES.get(kind, ("id",)) if kind else tuple(SAID)
    if key not in takes:
        wrong = f"/{kind} does not take {SAID[key]}."
        raise piece.refusal(wrong, f"It takes {' and '.join(SAID[each] for each in takes)}.")
    if key in found:
        raise piece.refusal(f"There is {SAID[key]} twice.", "Give it once.")
    found[key] = value
