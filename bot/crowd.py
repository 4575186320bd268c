"""Crowd: of all who ask at once a few are in hand at a time, so that the event loop answers everybody meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

IN_HAND = 3
"""Asks that are read and written at a time: the threads that do it share one interpreter with the loop."""


class Crowd:
    """Let asks through, few at a time, first come first served."""

    def __init__(self) -> None:
        self._hands = asyncio.Semaphore(IN_HAND)
        self._door = asyncio.Lock()

    @asynccontextmanager
    async def in_hand(self) -> AsyncIterator[None]:
        """Hold one of the few hands."""
        async with self._hands:
            yield

    async def turn(self) -> None:
        """Wait for a turn of the loop that no other ask has: to lay out many cards in one would hold it up."""
        async with self._door:
            await asyncio.sleep(0)
