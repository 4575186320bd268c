"""ULIDs: ids that sort by time, upper case, 26 characters."""

from __future__ import annotations

from collections.abc import Callable

from core.records import Clock

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26


class Ulids:
    """Give out ULIDs, each above the one before even within a millisecond or under a clock set back. One thread's."""

    def __init__(self, clock: Clock, randomness: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._randomness = randomness
        self._last = -1

    def fresh(self) -> str:
        """Return the next id: 48 bits of time, then 80 bits of randomness (or the last id + 1)."""
        found = self._clock() << 80 | int.from_bytes(self._randomness(10))
        # The same millisecond, or a clock set back: count on, so that ids keep the order they were given out in.
        if found >> 80 <= self._last >> 80:
            found = self._last + 1
        self._last = found
        return encode(found)


def encode(number: int) -> str:
    """Return 128 bits as 26 signs of Crockford's base 32."""
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(LENGTH)))


def tidy(typed: str) -> str:
    """Return an id or tail as a person typed it in our form; empty where it can be none."""
    found = typed.strip().upper().translate(str.maketrans("OIL", "011"))
    return found if found and len(found) <= LENGTH and set(found) <= set(ALPHABET) else ""
