"""Rates: when Discord says that too much is asked of it, previews stop first, then bars; results go on."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import aiohttp

TOO_MANY = 429
CALM_MS = 30_000
"""So long without a refusal, and one step is taken back."""

WITHOUT_PREVIEWS, WITHOUT_BARS = 1, 2


class Rates:
    """Count what Discord refused lately; the clock is ms."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._stage = 0
        self._since = 0

    @property
    def previews(self) -> bool:
        """Say whether cards may show previews."""
        return self._now() < WITHOUT_PREVIEWS

    @property
    def bars(self) -> bool:
        """Say whether cards may be edited at all before their Job has ended."""
        return self._now() < WITHOUT_BARS

    def refused(self) -> None:
        """Tell that Discord refused a request for now."""
        self._stage, self._since = min(self._now() + 1, WITHOUT_BARS), self._clock()

    def trace(self) -> aiohttp.TraceConfig:
        """Return what hears of each answer: discord.py waits and asks again by itself, and tells nobody."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._answered)
        return config

    async def _answered(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, told: aiohttp.TraceRequestEndParams
    ) -> None:
        if told.response.status == TOO_MANY:
            self.refused()

    def _now(self) -> int:
        """Return the stage, one less for each calm time that passed."""
        calm = (self._clock() - self._since) // CALM_MS if self._stage else 0
        if calm > 0:
            self._stage, self._since = max(self._stage - calm, 0), self._clock()
        return self._stage
