"""Known: what seldom changes, kept in memory from when it was read until this program writes it."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
MOST = 5_000


class Known:
    """Keep what was read; on: no other program writes to this database."""

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._found: dict[Hashable, Any] = {}
        self._turn = 0
        self._lock = threading.Lock()

    async def of(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return what is known under a key, else what `read` gives."""
        if key in self._found:
            kept: T = self._found[key]
            return kept
        turn = self._turn
        found = await read()
        with self._lock:
            # What was read while it was being written may be what stood there before.
            if self._on and turn == self._turn:
                if len(self._found) >= MOST:
                    self._found.clear()
                self._found[key] = found
        return found

    def forget(self) -> None:
        """Forget all; called on the writing thread, behind each commit that changes any of it."""
        with self._lock:
            self._turn += 1
            self._found.clear()
