"""Kill -9 at random moments, as often as asked: on the page, and behind a Discord of our own."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from pathlib import Path

from tests.crash.chat import Chat, ChatVerdict
from tests.crash.chat import check as check_chat
from tests.crash.cradle import Cradle
from tests.crash.harness import DIED, Client, History, Server, Verdict, check
from tests.support.loopback.program import Skewed
from tests.support.loopback.server import loopback

WITHIN_S = 0.8
"""A life ends so long after its page answers, at most; most of them are over sooner than a Job is."""
EXPIRED_S = 1000


async def live(client: Client, server: Server) -> None:
    """Ask and watch until the program dies or all is done."""
    with contextlib.suppress(*DIED):
        await client.ask(server)
        await client.watch(server, until_ended=False)


async def on_the_page(home: Path, kills: int, chance: random.Random, warm: Cradle) -> Verdict:
    """Ask for a Job in each life and kill it; let all end, and return what the books say."""
    history = History()
    client = Client(history)
    for number in range(kills):
        history.sent[f"{number:032d}"] = f"a blue fish --n 3 --steps 6 --seed {number}"
        server = Server(home / "data", warm=warm)
        life = asyncio.create_task(live(client, server))
        await server.address()
        await asyncio.sleep(chance.uniform(0.0, WITHIN_S))
        assert server.kill() == -signal.SIGKILL
        async with asyncio.timeout(60):
            await life
    return await recovered(home, client, warm)


async def recovered(home: Path, client: Client, warm: Cradle) -> Verdict:
    """Start once more without a killer, wait for the end, and hold the books against each other."""
    server = Server(home / "data", warm=warm)
    async with asyncio.timeout(300):
        await client.ask(server)
        await client.watch(server)
    assert await server.stop() == 0
    return check(home / "data", client.history)


async def in_discord(home: Path, kills: int, chance: random.Random, warm: Cradle) -> ChatVerdict:
    """Ask for a Job in each life and kill it; every other time its tokens are over when the program comes back."""
    theirs = Skewed()
    async with loopback(theirs) as discord:
        chat = Chat(discord, home / "data", warm)
        for number in range(kills):
            server = await chat.start()
            await chat.ask(f"a blue fish --n 3 --steps 6 --seed {number}")
            await asyncio.sleep(chance.uniform(0.0, WITHIN_S))
            assert server.kill() == -signal.SIGKILL
            if number % 2:
                theirs.tick(EXPIRED_S)
        await chat.recover()
        return check_chat(chat)
