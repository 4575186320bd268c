"""A verb's arguments taken apart: the few options the shell owns, and the words that go to the grammar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.errors import BadInput
from core.grammar import from_argv
from core.words import nearest

SWITCHES = frozenset({"--json", "--help"})
"""Options without a value; every verb has them."""


@dataclass(frozen=True, slots=True)
class Given:
    """Hold what was given: `options` by name with their values, `switches` by name, `words` as the shell split them."""

    options: dict[str, str] = field(default_factory=dict)
    switches: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()

    @property
    def json(self) -> bool:
        """Say whether plain data is wanted instead of sentences."""
        return "--json" in self.switches

    @property
    def help(self) -> bool:
        """Say whether the verb is to be explained instead of done."""
        return "--help" in self.switches

    @property
    def typed(self) -> str:
        """Return the words as one line, as the grammar reads it."""
        return from_argv(self.words)


def take(
    verb: str, args: Sequence[str], options: Sequence[str], *, passes_flags: bool, switches: Sequence[str] = ()
) -> Given:
    """Take a verb's own options out of its arguments; everything behind a lone `--` is words.

    switches: the verb's own options without a value. passes_flags: leave other `--flags` among the words, for the
    grammar to read; else they are refused.
    """
    given = Given()
    left = list(args)
    while left:
        head = left.pop(0)
        name, equals, value = head.partition("=")
        if head == "--":
            return replace(given, words=(*given.words, *left))
        if head in SWITCHES or head in switches:
            given = replace(given, switches=given.switches | {head})
        elif name in options:
            if not equals and (not left or left[0].startswith("--")):
                raise BadInput(f"{name} needs a value.", f"See ./limner {verb} --help.")
            if name in given.options:
                raise BadInput(f"{name} is given twice.", "Give it once.")
            given = replace(given, options={**given.options, name: value if equals else left.pop(0)})
        elif head.startswith("--") and not passes_flags:
            known = nearest(name, [*options, *switches, *sorted(SWITCHES)])
            raise BadInput(f"./limner {verb} has no option {name}.", f"The nearest is {known}.")
        else:
            given = replace(given, words=(*given.words, head))
    return given


def whole_number(given: Given, name: str, default: int, most: int, least: int = 1) -> int:
    """Return an option as a whole number from `least` to `most`."""
    text = given.options.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise BadInput(f"{name} {text} is no number from {least} to {most}.")
    return int(text)
