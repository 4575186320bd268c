"""Faults the loopback Discord is told to make, by method and path, so many times."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["refuse", "rate", "after", "slow", "drop"]


@dataclass(slots=True)
class Fault:
    """Be one planned fault.

    refuse: answer with this status and code; rate: 429 with retry_after_s; after: do it, then answer with status;
    slow: wait, then do it; drop: do it, then close the line without an answer. hit is called when it strikes: a crash
    test kills the program there. times: how often, None for ever.
    """

    kind: Kind
    method: str
    path: str
    status: int = 502
    code: int = 0
    retry_after_s: float = 0.05
    everywhere: bool = False
    times: int | None = 1
    hit: Callable[[], None] | None = None

    def strikes(self, method: str, path: str) -> bool:
        """Say whether it strikes this request, and count it."""
        if self.times == 0 or method != self.method or not re.search(self.path, path):
            return False
        if self.times is not None:
            self.times -= 1
        return True
