"""The plain form of nouns that people's words become: JSON with every field at its default left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

REAL = {"guidance", "strength", "amount", "scale", "eta", "start", "end", "weight"}
"""Fields that are real numbers: always written as floats, so that 5 and 5.0 have one digest."""


KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, type(None)),
    "Json": (Mapping,),
}
"""What a field's annotation lets in: a Recipe may come from a file somebody brings along."""

Noun = TypeVar("Noun", bound=Any)


def checked(noun: Noun) -> Noun:
    """Return the noun; raise TypeError where a field holds something else than it says."""
    for spec in fields(noun):
        value = getattr(noun, spec.name)
        kinds = KINDS.get(str(spec.type))
        if kinds is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise TypeError(f"{spec.name} cannot be {value!r:.40}")
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(part, "__dataclass_fields__"):
                checked(part)
    return noun


def plain(noun: Any) -> dict[str, Any]:
    """Return a dataclass as plain JSON without the fields that stand at their default."""
    out: dict[str, Any] = {}
    for spec in fields(noun):
        value = getattr(noun, spec.name)
        default = spec.default if spec.default_factory is MISSING else spec.default_factory()
        written = _value(spec.name, value)
        # Compared as written: an eta of 0.00001 is written 0.0, which is its default.
        if default is MISSING or written != _value(spec.name, default):
            out[spec.name] = written
    return out


def _value(name: str, value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return plain(value)
    if isinstance(value, tuple | list):
        return [_value(name, item) for item in value]
    if isinstance(value, Mapping):
        return _as_read(name, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is {value}")
    return real(value) if name in REAL and value is not None else value


def _as_read(name: str, value: Any) -> Any:
    """Return a sampler's own config with nothing rounded; raise ValueError where a number is not finite."""
    if isinstance(value, Mapping):
        return {key: _as_read(key, item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_as_read(name, item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is {value}")
    return value


def real(value: float) -> float:
    """Return a person's real number as Recipes hold it: 4 places, no -0.0 (both zeros must have one digest)."""
    return round(float(value), 4) + 0.0
