"""The program behind a simulated Discord: real Studio, Archive and InferenceQueue, a FakeEngine, one channel."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import simcord
from PIL import Image
from simcord.components import walk_components

from bot.attachments import Attachments
from bot.client import LimnerBot
from core.addons import AddOns, LoraCard
from core.courier import Courier
from core.dispatcher import Dispatcher
from core.draft import ModelCard
from core.feed import Feed
from core.house import House
from core.limits import Limits
from core.pace import Pace
from core.ports import Face
from core.records import Parcel, Reply
from core.studio import Studio
from db.archive import SqlArchive
from inference.queue import InferenceQueue
from tests.support.archive import Ticks, noise, open_archive
from tests.support.fake_engine import FakeEngine

EPOCH = 1_767_225_600_000
"""Where the simulated Discord's own clock starts: its message ids hold that time."""

CARD = ModelCard(
    name="tiny", digest="ab" * 32, family="sd", width=64, height=64, multiple=8, steps=4, guidance=3.0, sampler="ddim",
    samplers={"ddim": {}, "euler": {}},
)  # fmt: skip

MODAL = 9
"""The kind of answer to an interaction that is no message."""

PATIENCE_S = 20.0
"""How long a test waits for what must happen; it goes on the moment it has."""


BESIDE = AddOns(tuple(LoraCard(name, digest * 64, 768, 4, "ready") for name, digest in (("ink", "1"), ("grain", "2"))))
"""LoRAs to choose from, for a family the fake Model is not of."""


async def reads_all(_: object) -> None:
    """Say that the Model reads every word."""


class Gate:
    """Hold the device before each step until opened."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def open(self) -> None:
        """Let every step pass, now and later."""
        self._open.set()

    def wait(self, _: object) -> float:
        """Be the time a step takes: until opened."""
        assert self._open.wait(PATIENCE_S), "the gate was never opened"
        return 0.0


@dataclass
class Parts:
    """The program's parts; `start` and `stop` are a process's life."""

    bot: LimnerBot
    archive: SqlArchive
    queue: InferenceQueue
    dispatcher: Dispatcher
    courier: Courier
    feed: Feed
    engine: FakeEngine
    gate: Gate
    pool: ThreadPoolExecutor
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Start the workers. Made inside `simcord.run`, outside the bot: it does not wait for them to end."""
        await self.archive.restart()
        await self.queue.start()
        self.tasks = [asyncio.create_task(self.dispatcher.run()), asyncio.create_task(self.courier.run())]

    async def stop(self) -> None:
        """Let the device finish, deliver what is ready, close the log."""
        self.gate.open()
        await self.dispatcher.stop()
        await self.queue.stop()
        await self.dispatcher.wait_idle()
        await self.courier.stop()
        await asyncio.gather(*self.tasks)
        await self._close()

    async def die(self) -> None:
        """End as a killed process does: nothing more is claimed, settled, given back or delivered."""
        painting = [task for task in asyncio.all_tasks() if task.get_name().startswith("paint ")]
        for task in (*self.tasks, *painting):
            task.cancel()
        await asyncio.gather(*self.tasks, *painting, return_exceptions=True)
        self.gate.open()
        await self.queue.stop(0.0)
        await self._close()

    async def _close(self) -> None:
        await self.bot.face.close()
        await self.archive.close()
        self.pool.shutdown()


@dataclass
class World:
    """A server with one channel, its people, and the program that serves it."""

    data: Path
    limits: Limits
    ticks: Ticks
    gated: bool = False
    cdn: frozenset[str] = frozenset({"cdn.simcord.invalid"})
    guilds: tuple[int, ...] = ()
    pause: Callable[[float], Awaitable[None]] = field(default=lambda _: no_pause())
    parts: Parts = field(init=False)
    env: simcord.Env = field(init=False)
    guild: simcord.GuildHandle = field(init=False)
    channel: simcord.ChannelHandle = field(init=False)

    async def build(self) -> Parts:
        """Build the program over the data folder, as a new process would."""
        pool = ThreadPoolExecutor(4, thread_name_prefix="limner-pool")
        archive = await open_archive(self.data, clock=self.ticks, pool=pool, randomness=noise(str(time.monotonic_ns())))
        gate = Gate()
        if not self.gated:
            gate.open()
        engine = FakeEngine(step_s=gate.wait)
        queue = InferenceQueue(engine, clock=time.monotonic, pool=pool)
        feed, pace, faces = Feed(), Pace(time.monotonic), dict[str, Face]()
        courier = Courier(archive, faces, feed, self.ticks, "double")
        dispatcher = Dispatcher(archive, queue, feed, pace, faces, self.ticks, courier.wake, "double")
        house = House(
            lambda: (CARD,),
            "tiny",
            self.limits,
            lambda: queue.state,
            pace,
            lambda: 77,
            reads_all,
            addons=lambda: BESIDE,
        )

        def wake(cancelled: str | None) -> None:
            dispatcher.wake(cancelled)
            courier.wake()

        studio = Studio(archive, feed, house, wake)
        attachments = Attachments(self.read_cdn, self.cdn)
        bot = LimnerBot(
            studio,
            guilds=self.guilds,
            clock=self.ticks,
            attachments=attachments,
            pause=self.pause,
            book=archive,
        )
        faces["discord"] = bot.face
        return Parts(bot, archive, queue, dispatcher, courier, feed, engine, gate, pool)

    async def read_cdn(self, url: str) -> bytes:
        """Read what people uploaded to the simulated Discord."""
        found: bytes = await self.parts.bot.http.get_from_cdn(url)
        return found

    async def restart(self, *, killed: bool = False) -> None:
        """End the process and start another over the same database."""
        await (self.parts.die() if killed else self.parts.stop())
        # Ids of one millisecond are in order within one process alone.
        self.ticks.tick(1)
        self.parts = await self.build()
        await self.env.restart_bot(self.parts.bot)
        await self.parts.start()

    def person(self, name: str) -> simcord.MemberActor:
        """Let somebody join."""
        return self.guild.add_member(self.env.create_user(name))

    def cards(self) -> list[Any]:
        """Return what all see of the bot in the channel, as the simulated Discord keeps it, oldest first."""
        bot_id = self.env.backend.bot_user.id
        kept = self.env.backend.messages.get(self.channel.id, {}).values()
        mine = [each for each in kept if each.author_id == bot_id and not each.is_ephemeral]
        return sorted(mine, key=lambda message: int(message.id))

    async def until(self, happened: Callable[[], Any]) -> Any:
        """Wait until something is true, looking each time the log moves or Progress is told; return it."""
        async with asyncio.timeout(PATIENCE_S):
            with self.parts.feed.subscribe() as inbox:
                while not (found := happened()):
                    await inbox.next()
                return found

    async def soon(self, happened: Callable[[], Any]) -> None:
        """Wait until something is true that nobody tells of."""
        async with asyncio.timeout(PATIENCE_S):
            while not happened():  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async def delivered(self, count: int = 1) -> None:
        """Wait until so many Jobs are delivered."""
        await self.until(lambda: self.rows("SELECT count(*) FROM jobs WHERE state = 'delivered'")[0][0] >= count)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database file in plain SQL."""
        connection = sqlite3.connect(self.data / "limner.db")
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def files(self, message: Any) -> list[bytes]:
        """Return the files a message carries."""
        return [self.env.backend.cdn.get(each["url"]) or b"" for each in message.attachments]

    async def again(self, events: list[Any]) -> None:
        """Let Discord's gateway bring events a second time, as after a lost connection."""
        for name, payload in events:
            self.env.backend.emit(name, payload)
        await self.env.settle()

    def heard(self, name: str) -> list[tuple[str, Any]]:
        """Return a list that fills with the gateway events of a name."""
        found: list[tuple[str, Any]] = []

        def hear(event: str, payload: Any) -> None:
            if event == name:
                found.append((event, payload))

        self.env.backend.subscribers.append(hear)
        return found

    async def parcel(
        self, reply: Reply | None = None, kind: Literal["result", "apology"] = "result", nth: int = 0
    ) -> Parcel:
        """Return the nth Job as the outbox would hand it over once more."""
        job = await self.parts.archive.job(self.rows("SELECT id FROM jobs ORDER BY id")[nth][0])
        assert job is not None
        pictures = (await self.parts.archive.pictures([job.id]))[job.id]
        return Parcel(kind, job, pictures, "n" * 25, 1, 1, reply)

    def sent(self, method: str, part: str) -> list[Any]:
        """Return the bodies of the bot's REST calls of a kind."""
        return [each.json for each in self.env.http_requests if each.method == method and part in each.path]


@asynccontextmanager
async def world(
    data: Path,
    limits: Limits | None = None,
    **over: Any,
) -> AsyncIterator[World]:
    """Give a running World; at its end no error of the bot may be left. gated: the device waits for `parts.gate`."""
    made = World(data, limits or Limits(), Ticks(EPOCH), **over)
    made.parts = await made.build()
    async with simcord.run(made.parts.bot, settle_timeout=PATIENCE_S) as env:
        made.env = env
        made.guild = env.create_guild("studio")
        made.channel = made.guild.create_text_channel("painting")
        await env.settle()
        await made.parts.start()
        try:
            yield made
        finally:
            await made.parts.stop()
        assert_pings_nobody(made)


def assert_pings_nobody(here: World) -> None:
    """Hold that every message sent or edited forbade mentions itself: by default an edit parses them."""
    for each in here.env.http_requests:
        body = each.json if isinstance(each.json, dict) else {}
        if body.get("type") == MODAL:
            continue
        body = body.get("data") or body
        # A modal holds no message.
        if ("components" in body and "title" not in body) or "content" in body:
            allowed = body.get("allowed_mentions") or {}
            # Whoever waited long is called, by a message of its own under the card.
            calls = each.method == "POST" and "message_reference" in body and not body.get("components")
            assert allowed.get("parse") == [] and not allowed.get("roles"), each
            assert calls or not allowed.get("users"), each
            assert not allowed.get("replied_user"), each


async def no_pause() -> None:
    """Let others run, without waiting."""
    await asyncio.sleep(0)


def texts(message: Any) -> str:
    """Return all text a card shows."""
    return "\n".join(part["content"] for part in walk(message.components) if part.get("type") == 10)


def buttons(message: Any) -> dict[str, str]:
    """Return a card's buttons: label -> custom_id."""
    return {part["label"]: part["custom_id"] for part in walk(message.components) if part.get("type") == 2}


def gallery(message: Any) -> list[dict[str, Any]]:
    """Return the pictures a card shows."""
    return [item for part in walk(message.components) if part.get("type") == 12 for item in part["items"]]


def walk(components: Any) -> list[dict[str, Any]]:
    """Return every component of a message, in its order."""
    return list(walk_components(components))


def drawing(width: int = 96, height: int = 64) -> bytes:
    """Return a PNG somebody drew."""
    image = Image.new("RGB", (width, height), (250, 250, 250))
    image.paste((20, 60, 200), (width // 4, height // 4, width // 2, height // 2))
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
