"""Completing: what can be typed, read off the commands and options themselves, to be offered while one types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.commands import AMOUNTS, COMMANDS, TAKES
from core.flags import FLAGS
from core.presets import PRESETS
from core.recipe import SAMPLERS
from core.styles import STYLES


def completions(models: Iterable[str], loras: Iterable[str] = (), controls: Iterable[str] = ()) -> dict[str, Any]:
    """Return commands with what stands behind them, options with an example, and the values that have names."""
    known = {
        "model": models,
        "sampler": SAMPLERS,
        "style": STYLES,
        "lora": loras,
        "control": controls,
        "preset": PRESETS,
    }
    values = {name: list(names) for name, names in known.items()}
    return {
        "commands": [{"name": name, "takes": list(TAKES.get(name, ()))} for name in COMMANDS],
        "options": [
            {
                "name": flag.name,
                "aliases": list(flag.aliases),
                "example": flag.example,
                "values": values.get(flag.name, []),
            }
            for flag in FLAGS
        ],
        "amounts": dict(AMOUNTS),
    }
