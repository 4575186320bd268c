"""Kill -9 at every named point between accept and delivered, and at random moments: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import pytest

from tests.crash.cradle import Cradle
from tests.crash.harness import Client, History, Server, Verdict
from tests.crash.random_kills import live, on_the_page, recovered

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


@pytest.mark.timeout(300)
async def test_killed_at_every_point_between_accept_and_delivered(tmp_path: Path, warm: Cradle) -> None:
    history = History()
    client = Client(history)
    for number, point in enumerate(POINTS):
        history.sent[f"{number:032d}"] = f"a red heart --n 2 --steps 4 --seed {number}"
        server = Server(tmp_path / "data", crash_at=point, warm=warm)
        try:
            async with asyncio.timeout(60):
                await live(client, server)
        finally:
            code = server.kill()
        assert code == -signal.SIGKILL, point
    held(await recovered(tmp_path, client, warm), len(POINTS))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kills", [20, pytest.param(500, marks=pytest.mark.soak)])
async def test_killed_at_random_moments(tmp_path: Path, warm: Cradle, kills: int) -> None:
    held(await on_the_page(tmp_path, kills, random.Random(kills), warm), kills)


@pytest.mark.fault("F22", "it ends in time with 0, gives back what is not done, and paints it at the next start")
async def test_started_as_anybody_starts_it_and_told_to_stop_while_painting_it_goes_on_later(
    tmp_path: Path, warm: Cradle
) -> None:
    history = History(sent={"0" * 32: "a cat --n 2 --steps 150 --seed 1"})
    client = Client(history)
    server = Server(tmp_path / "data")
    await client.ask(server)
    assert await server.stop() == 0
    held(await recovered(tmp_path, client, warm), 1)


def held(verdict: Verdict, accepted: int) -> None:
    """Print the books and hold them."""
    print(verdict)
    assert verdict.accepted == accepted
    assert verdict.clean, verdict
