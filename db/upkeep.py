"""The part of the Archive that keeps house: backups, and files that are kept no longer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.records import Keep
from db import backup, retention
from db.accountlog import AccountLog


@dataclass(frozen=True, slots=True)
class Upkept(AccountLog):
    """Be the part of the Archive that keeps house; url: the database's, data: its folder."""

    _url: str
    _data: Path

    async def backup(self, keep_days: int) -> dict[str, Any]:
        """Copy log and files as they stand at one moment, while they are used."""

        def work() -> dict[str, Any]:
            files = self._store.read_now(backup.named)
            return backup.make(self._data, self._url, files, self._clock(), keep_days)

        return await self._store.in_pool(work)

    async def forget(self, keep: Keep) -> Mapping[tuple[str, str], int]:
        """Delete the files that are kept no longer; return how many by kind and cause."""
        now = self._clock()
        found = await self._store.read(lambda s: retention.doomed(s, now, keep))
        found = await self._store.in_pool(lambda: retention.quiet(self._files, found, now))
        gone: list[retention.Doomed] = []
        for start in range(0, len(found), retention.AT_ONCE):
            part = found[start : start + retention.AT_ONCE]
            going = await self._store.write(lambda s, part=part: retention.drop(s, now, part))  # type: ignore[misc]
            gone += going
            for _, kind, digest in going:
                # After the commit: a file without a row is swept at the next start, a row without its file is a lie.
                await self._store.in_pool(lambda kind=kind, digest=digest: self._files.path(digest, kind).unlink(True))  # type: ignore[misc]
        return Counter((kind, why) for why, kind, _ in gone)
