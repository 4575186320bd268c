"""Tongues: the page's words in each language, and sentences of ours said in another one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from core.wording import ACTIONS, KINDS

FOLDER = Path(__file__).parent / "languages"
FIRST = "en"
"""The language our sentences are written in; what another lacks is said in it."""

BLANK = re.compile(r"\{(\w+)\}")
WHOLE = "whole"
"""A blank of this name holds sentences of ours, which are said in the other language too."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """Hold one language: the page's words by key, and each sentence as it is written here with its form there.

    sentences: by their first word, so that few are tried for each; under "" those that begin with a blank.
    """

    id: str
    name: str
    words: Mapping[str, str]
    sentences: Mapping[str, tuple[tuple[re.Pattern[str], str], ...]]

    def said(self, sentence: str) -> str:
        """Return a sentence of ours in this language; one it does not know is left as it is."""
        first = sentence.partition(" ")[0]
        for pattern, form in (*self.sentences.get(first, ()), *self.sentences.get("", ())):
            if found := pattern.fullmatch(sentence):
                blanks = {name: self.said(held) if name == WHOLE else held for name, held in found.groupdict().items()}
                return form.format_map(blanks)
        return sentence

    def listed(self, line: str) -> str:
        """Return a line of facts, part by part."""
        return ", ".join(self.said(part) for part in line.split(", "))


def read_tongues(folder: Path = FOLDER) -> Mapping[str, Tongue]:
    """Read every language, the first one first."""
    found = {path.stem: _read(path) for path in sorted(folder.glob("*.toml"))}
    return MappingProxyType({FIRST: found.pop(FIRST), **found})


def chosen(tongues: Mapping[str, Tongue], choice: str, accepted: str) -> Tongue:
    """Return the language somebody chose, else the one a browser accepts best (Accept-Language), else the first."""
    if choice in tongues:
        return tongues[choice]
    wanted = sorted(_weighed(accepted), key=lambda each: -each[0])
    return next((tongues[name] for weight, name in wanted if weight > 0 and name in tongues), tongues[FIRST])


def _weighed(accepted: str) -> list[tuple[float, str]]:
    found = re.findall(
        r"([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,20})?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*(?:,|$)", accepted[:200]
    )
    return [(float(weight or 1), name.lower()) for name, weight in found]


def _read(path: Path) -> Tongue:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    name, sentences = tables.pop("name"), tables.pop("sentences", {})
    if path.stem == FIRST:
        tables |= {"action": ACTIONS, "kind": KINDS}
    forms: dict[str, tuple[tuple[re.Pattern[str], str], ...]] = {}
    for sentence, form in sentences.items():
        first = sentence.partition(" ")[0]
        key = "" if "{" in first else first
        forms[key] = (*forms.get(key, ()), (_pattern(sentence), form))
    return Tongue(path.stem, name, MappingProxyType(dict(_flat(tables))), MappingProxyType(forms))


def _flat(tables: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(f"{table}.{key}", text) for table, words in tables.items() for key, text in words.items()]


def _pattern(sentence: str) -> re.Pattern[str]:
    """Return what tells a sentence with blanks such as {number}."""
    parts = BLANK.split(sentence)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if nth % 2 else re.escape(part) for nth, part in enumerate(parts)), re.DOTALL
    )
