"""Two programs on one PostgreSQL, killed with -9 again and again: they lose nothing and double nothing between them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.cradle import Cradle
from tests.crash.harness import DIED, Client, History, Server, judge
from tests.support.postgres import Cluster, postgres

__all__ = ["postgres"]


class Pair:
    """Hold two programs on one database and one folder of files, each with a data folder of its own."""

    def __init__(self, root: Path, url: str, warm: Cradle) -> None:
        self._root, self._warm = root, warm
        self._shared = {"LIMNER_TEST_DATABASE": url, "LIMNER_TEST_FILES": str(root / "files")}
        self.servers = [self._start(0), self._start(1)]

    def _start(self, which: int) -> Server:
        return Server(self._root / f"data{which}", environ=self._shared, warm=self._warm)

    def kill(self, which: int) -> None:
        """Kill one of them, and start it again."""
        assert self.servers[which].kill() == -signal.SIGKILL
        self.servers[which] = self._start(which)

    def end(self) -> None:
        """Kill both."""
        for server in self.servers:
            server.kill()


@pytest.fixture
def pair(tmp_path: Path, postgres: Cluster, warm: Cradle) -> Iterator[Pair]:
    url = postgres.fresh()
    pair = Pair(tmp_path, url, warm)
    yield pair
    pair.end()


async def told(client: Client, server: Server) -> None:
    """Ask until acknowledged, or until the program dies."""
    with contextlib.suppress(*DIED):
        await client.ask(server)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.soak)])
async def test_two_programs_lose_and_double_nothing(pair: Pair, postgres: Cluster, tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    history = History()
    client = Client(history)
    for number in range(kills):
        for each in range(3):
            history.sent[f"{number * 3 + each:032d}"] = f"a blue fish --n 3 --steps 6 --seed {number}"
        asking = asyncio.create_task(told(client, pair.servers[number % 2]))
        await pair.servers[number % 2].address()
        await asyncio.sleep(chance.uniform(0.0, 0.8))
        pair.kill(chance.randrange(2))
        await asyncio.wait_for(asking, 60)
    await asyncio.wait_for(client.ask(pair.servers[0]), 120)
    # Told by one program of what both do.
    await asyncio.wait_for(client.watch(pair.servers[0]), 240)
    check(postgres, tmp_path / "files", history, kills * 3)


def check(postgres: Cluster, files: Path, history: History, accepted: int) -> None:
    """Hold what the client was told against the database and the files."""
    with postgres.connect() as base:
        verdict = judge(lambda sql: base.execute(sql).fetchall(), files, history)
        stored = base.execute("SELECT file_digest FROM pictures WHERE state = 'stored'").fetchall()
        workers = base.execute("SELECT count(DISTINCT worker) FROM moves WHERE why = 'claim'").fetchall()
    assert verdict.clean, verdict
    assert verdict.accepted == accepted
    assert all((files / "pictures" / str(digest)[:2] / f"{digest}.png").exists() for (digest,) in stored)
    assert workers != [(1,)], "one program did all"


@pytest.mark.fault("F6", "of two programs on one PostgreSQL the other paints it; what comes late is dropped")
@pytest.mark.soak
@pytest.mark.timeout(120)
async def test_what_one_held_while_it_was_stopped_is_painted_by_the_other(
    pair: Pair, postgres: Cluster, tmp_path: Path
) -> None:
    """Stopped for longer than its lease; what it brings when it goes on is not taken."""
    history = History(sent={f"{number:032d}": f"a cat --n 4 --steps 100 --seed {number}" for number in range(4)})
    client = Client(history)
    await client.ask(pair.servers[0])
    async with asyncio.timeout(30):
        while _holders(postgres) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    pair.servers[0].process.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(90):
        await client.watch(pair.servers[1])
    pair.servers[0].process.send_signal(signal.SIGCONT)
    await client.watch(pair.servers[0])
    with postgres.connect() as base:
        again = base.execute("SELECT count(*) FROM jobs WHERE attempt > 1").fetchall()
    assert again != [(0,)], "the one that was stopped held none"
    check(postgres, tmp_path / "files", history, 4)


def _holders(postgres: Cluster) -> set[str]:
    with postgres.connect() as base:
        return {
            str(owner) for (owner,) in base.execute("SELECT lease_owner FROM jobs WHERE state = 'running'").fetchall()
        }


async def test_word_of_a_job_reaches_the_other_program_at_once(pair: Pair) -> None:
    history = History(sent={"0" * 32: "a cat --steps 4 --seed 1"})
    asker = Client(history)
    await asker.ask(pair.servers[0])
    # No second program would be told within the test's time by polling: there is none.
    await asyncio.wait_for(asker.watch(pair.servers[1]), 60)
