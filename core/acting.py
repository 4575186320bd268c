"""What each act of an operator makes of a server's Rules: pure functions, one an act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from core.errors import BadInput
from core.refused import checked_patterns, checked_word
from core.rules import LIMITS, Bounds, Rules

Change = Callable[[Rules, Mapping[str, Any]], Rules]
MOST_WORDS = 1000

OWNERS = frozenset({"pause", "resume", "drain", "sync", "default_model"})
"""Acts of the owner alone: they touch every server."""


def _limit(rules: Rules, detail: Mapping[str, Any]) -> Rules:
    _known(detail, LIMITS)
    return rules.changed(base=Bounds.of(detail))


def _limit_by(key: str, field: Literal["roles", "channels", "people"]) -> Change:
    def change(rules: Rules, detail: Mapping[str, Any]) -> Rules:
        _known(detail, (key, *LIMITS))
        bounds = Bounds.of({name: value for name, value in detail.items() if name != key})
        several = {**getattr(rules, field), _id(detail, key): bounds}
        return rules.changed(**{field: {name: each for name, each in several.items() if each != Bounds()}})

    return change


def _allow(key: str, field: Literal["allowed_channels", "allowed_roles"]) -> Change:
    def change(rules: Rules, detail: Mapping[str, Any]) -> Rules:
        _known(detail, (key, "on"))
        return rules.changed(**{field: _switched(getattr(rules, field), _id(detail, key), _on(detail))})

    return change


def _refuse(rules: Rules, detail: Mapping[str, Any]) -> Rules:
    """Add words and patterns, or with on=False take them away."""
    _known(detail, ("words", "patterns", "on"))
    words, patterns = _texts(detail, "words"), _texts(detail, "patterns")
    if not words and not patterns:
        raise BadInput("There are no words to refuse.", "Give words, or patterns.")
    if not _on(detail):
        kept = tuple(word for word in rules.words if word not in words)
        return rules.changed(words=kept, patterns=tuple(each for each in rules.patterns if each not in patterns))
    whole = tuple(dict.fromkeys((*rules.words, *map(checked_word, words))))
    if len(whole) > MOST_WORDS:
        raise BadInput(f"A server refuses at most {MOST_WORDS} words.", "Take some away, or use a pattern.")
    return rules.changed(words=whole, patterns=checked_patterns((*rules.patterns, *patterns)))


def _ban(on: bool) -> Change:
    def change(rules: Rules, detail: Mapping[str, Any]) -> Rules:
        _known(detail, ("who", "why"))
        return rules.changed(banned=_switched(rules.banned, _id(detail, "who"), on))

    return change


def _switch(field: Literal["spoiler", "age_only", "recipe"]) -> Change:
    def change(rules: Rules, detail: Mapping[str, Any]) -> Rules:
        _known(detail, ("on",))
        return rules.changed(**{field: _on(detail)})

    return change


def _same(rules: Rules, detail: Mapping[str, Any]) -> Rules:
    _known(detail, ("why",))
    return rules


def _model(rules: Rules, detail: Mapping[str, Any]) -> Rules:
    """Change no Rules: which Model paints is a setting."""
    _known(detail, ("model",))
    _id(detail, "model")
    return rules


ACTS: Mapping[str, Change] = MappingProxyType(
    {
        "limit": _limit,
        "limit_role": _limit_by("role", "roles"),
        "limit_channel": _limit_by("channel", "channels"),
        "limit_person": _limit_by("who", "people"),
        "allow_channel": _allow("channel", "allowed_channels"),
        "allow_role": _allow("role", "allowed_roles"),
        "refuse_words": _refuse,
        "ban": _ban(True),
        "unban": _ban(False),
        "spoiler": _switch("spoiler"),
        "age_only": _switch("age_only"),
        "recipe": _switch("recipe"),
        "pause": _same,
        "resume": _same,
        "drain": _same,
        "sync": _same,
        "default_model": _model,
    }
)
"""Every act by its name."""


def _known(detail: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in detail:
        if name not in names:
            raise BadInput(f"This act takes no {name!r:.40}.", f"It takes: {', '.join(names)}.")


def _id(detail: Mapping[str, Any], key: str) -> str:
    value = detail.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isprintable():
        raise BadInput(f"{key} is missing.", f"Give the id of a {'person' if key == 'who' else key}.")
    return value


def _on(detail: Mapping[str, Any]) -> bool:
    value = detail.get("on", True)
    if not isinstance(value, bool):
        raise BadInput("on is true or false.")
    return value


def _texts(detail: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = detail.get(key) or ()
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise BadInput(f"{key} is a list of texts.")
    return tuple(value)


def _switched(several: frozenset[str], one: str, on: bool) -> frozenset[str]:
    return several | {one} if on else several - {one}
