"""Kill -9 at every named point between accept and delivered, and at random moments: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from pathlib import Path

import pytest

from tests.crash.harness import DIED, Client, History, Server, check

POINTS = (
    "before_accept_commit",
    "after_accept_commit",
    "after_accept_before_answer",
    "after_claim_commit",
    "after_claim",
    "after_picture_file",
    "before_store_commit",
    "after_store_commit",
    "after_store",
    "before_finish_commit",
    "after_finish_commit",
    "after_finish",
    "before_deliver",
    "after_deliver_before_commit",
    "before_deliver_commit",
    "after_deliver_commit",
)


async def live(client: Client, server: Server) -> None:
    """Ask and watch until the program dies or all is done."""
    with contextlib.suppress(*DIED):
        await client.ask(server)
        await client.watch(server, until_ended=False)


@pytest.mark.timeout(300)
async def test_killed_at_every_point_between_accept_and_delivered(tmp_path: Path) -> None:
    history = History()
    client = Client(history)
    for number, point in enumerate(POINTS):
        history.sent[f"{number:032d}"] = f"a red heart --n 2 --steps 4 --seed {number}"
        server = Server(tmp_path / "data", crash_at=point)
        try:
            await asyncio.wait_for(live(client, server), 60)
        finally:
            code = server.kill()
        assert code == -signal.SIGKILL, point
    await recover_and_check(client, tmp_path, len(POINTS))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [4, pytest.param(500, marks=pytest.mark.soak)])
async def test_killed_at_random_moments(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    history = History()
    client = Client(history)
    for number in range(kills):
        history.sent[f"{number:032d}"] = f"a blue fish --n 3 --steps 6 --seed {number}"
        server = Server(tmp_path / "data")
        life = asyncio.create_task(live(client, server))
        await server.address()
        await asyncio.sleep(chance.uniform(0.0, 0.8))
        assert server.kill() == -signal.SIGKILL
        await asyncio.wait_for(life, 60)
    await recover_and_check(client, tmp_path, kills)


async def test_told_to_stop_while_painting_it_ends_cleanly_and_goes_on_later(tmp_path: Path) -> None:
    history = History(sent={"0" * 32: "a cat --n 2 --steps 150 --seed 1"})
    client = Client(history)
    server = Server(tmp_path / "data")
    await client.ask(server)
    assert await server.stop() == 0
    await recover_and_check(client, tmp_path, 1)


async def recover_and_check(client: Client, tmp_path: Path, accepted: int) -> None:
    """Start once more without a killer, wait for the end, and hold the books against each other."""
    server = Server(tmp_path / "data")
    await asyncio.wait_for(client.ask(server), 60)
    await asyncio.wait_for(client.watch(server), 120)
    assert await server.stop() == 0
    verdict = check(tmp_path / "data", client.history)
    print(verdict)
    assert verdict.accepted == accepted
    assert verdict.clean, verdict
