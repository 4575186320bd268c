"""Upkeep: once a day, deletes the files that are kept no longer, and says so."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from core.errors import StudioError
from core.meters import Meters
from core.ports import Archive
from core.records import Keep

log = logging.getLogger(__name__)
DAY_S = 24 * 3600.0


class Upkeep:
    """Keep to what the owner set; pause waits so many seconds."""

    def __init__(self, archive: Archive, keep: Keep, meters: Meters, pause: Callable[[float], Awaitable[None]]) -> None:
        self._archive, self._keep, self._meters, self._pause = archive, keep, meters, pause

    async def run(self) -> None:
        """Tidy at the start and then daily."""
        while True:
            try:
                await self.tidy()
            except StudioError:
                log.exception("old files could not be deleted")
            await self._pause(DAY_S)

    async def tidy(self) -> None:
        """Delete once, and write down what went."""
        for (kind, why), number in (await self._archive.forget(self._keep)).items():
            log.warning("%d %s files were deleted (%s); recipes and rows stay", number, kind, why)
            self._meters.count("limner_files_deleted_total", number, kind=kind, why=why)
