"""One hard life of the whole program as a process: asked on the page, killed three times, brought to an end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash.cradle import cradle
from tests.crash.harness import Client, History, Server, Verdict
from tests.crash.random_kills import live, recovered

KILLS = ("after_accept_before_answer", "after_store_commit", "after_deliver_before_commit")


@dataclass(frozen=True, slots=True)
class Life:
    """Hold what the client saw and what the log says after it all."""

    data: Path
    history: History
    verdict: Verdict

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what stands in the log."""
        with contextlib.closing(sqlite3.connect(self.data / "limner.db")) as base:
            return list(base.execute(sql))


@pytest.fixture(scope="session")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Live it once for all that ask."""
    yield asyncio.run(_live(tmp_path_factory.mktemp("life") / "data"))


async def _live(data: Path) -> Life:
    history = History()
    client = Client(history)
    with cradle() as warm:
        for number, point in enumerate(KILLS):
            history.sent[f"{number:032d}"] = f"a red heart --n 2 --steps 4 --seed {10 * number}"
            server = Server(data, crash_at=point, warm=warm)
            async with asyncio.timeout(60):
                await live(client, server)
            assert server.kill() == -signal.SIGKILL, point
        return Life(data, history, await recovered(data.parent, client, warm))
