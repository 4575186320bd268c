"""Findings: what a check says of one thing, as the doctor and the set-up print them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Word = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Say of one thing whether it is well, what is, and what to do."""

    name: str
    word: Word
    sentence: str
    to_do: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """Be the bot as its chat knows it: id and name, the address that invites it, and what was found."""

    id: str
    name: str
    invite: str
    findings: tuple[Finding, ...]
