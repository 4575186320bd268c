"""Attempts: how often something was tried in a sliding window, in bounded memory; the clock is the caller's."""

from __future__ import annotations

import hashlib
from collections import deque

PLACES = 4096


class Attempts:
    """Allow each key `most` tries within `within_ms`; keys share places: no flood of new ones pushes any out."""

    def __init__(self, most: int, within_ms: int) -> None:
        self._most, self._within_ms = most, within_ms
        self._tried: dict[int, deque[int]] = {}

    def take(self, key: str, now: int) -> int | None:
        """Count a try and return None; where there were too many, count none and return when the next may be made."""
        tried = self._tried.setdefault(_place(key), deque())
        while tried and tried[0] <= now - self._within_ms:
            tried.popleft()
        if len(tried) >= self._most:
            return tried[0] + self._within_ms
        tried.append(now)
        return None

    def forget(self, key: str) -> None:
        """Count from nothing again: it was the right one."""
        self._tried.pop(_place(key), None)


def _place(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:4]) % PLACES
