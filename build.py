"""Builds every part and wires them: beside main.py the only file that knows them all."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from core.audit import Audit, on_battery
from core.chronicle import Chronicle, CountedStudio
from core.config import Config
from core.courier import Courier
from core.dispatcher import Dispatcher
from core.feed import Feed
from core.house import House
from core.limits import Limits
from core.meters import Meters
from core.pace import Pace
from core.passwords import Cost, Means
from core.ports import Face
from core.promise import Ground, unknown
from core.recipe import SEEDS
from core.records import Clock, CrashPoint, Keep, milliseconds, nothing
from core.room import Look, anything
from core.studio import Studio
from core.turns import Turns
from core.upkeep import Upkeep
from db.archive import SqlArchive
from db.shared import DatabaseClock, is_shared
from inference.addons import AddOnFiles
from inference.engine import Engine
from inference.finish import installed
from inference.late import LateEngine
from inference.models import Registry
from inference.queue import InferenceQueue
from inference.selftests import SelfTests
from parts import (
    MakeEngine,
    addon_files,
    cutter,
    estimates,
    files_folder,
    first_model,
    folders,
    grounds,
    in_pool,
    loader,
    local,
    machine,
    page_at,
    payer_key,
    read_device,
)

HOME = Path(__file__).resolve().parent
GIVE_BACK_AFTER_S = 20.0
STUCK_EXIT = 75
"""Exit code that asks a supervisor for another start: the device hangs, and its thread cannot be killed."""

log = logging.getLogger("limner")


@dataclass(slots=True)
class Program:
    """Hold the running parts; `close` stops them in reverse order."""

    config: Config
    archive: SqlArchive
    registry: Registry
    addons: AddOnFiles
    queue: InferenceQueue
    studio: Studio
    dispatcher: Dispatcher
    courier: Courier
    audit: Audit
    chronicle: Chronicle
    upkeep: Upkeep
    turns: Turns
    faces: dict[str, Face]
    pool: ThreadPoolExecutor
    feed: Feed
    clock: Clock
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    stopping: bool = False
    _reading: asyncio.Task[None] | None = None

    def state(self) -> str:
        """Return what the page's head shows: reading models, warming up, ready, stopping, or what failed."""
        if self.stopping:
            return "stopping"
        if any(card.state == "reading" for card in self.registry.cards()):
            return "reading models"
        return self.queue.state

    async def start(self) -> None:
        """Take up what an earlier process left, then claim and deliver; warm the device in the background."""
        await self.archive.sweep()
        await self.chronicle.begin()
        reaped = await self.archive.restart()
        if reaped:
            log.info("%d jobs were running when the program stopped; they are painted again", reaped)
        await self.audit.clear()
        parts = {
            "device": self._device(),
            "courier": self.courier.run(),
            "audit": self.audit.run(),
            "chronicle": self.chronicle.run(),
            "upkeep": self.upkeep.run(),
            "other programs": self.archive.listen(self._heard),
            "turns": self.turns.run(),
        }
        for name, part in parts.items():
            task = asyncio.create_task(part, name=name)
            task.add_done_callback(_tell_if_it_died)
            self.tasks.append(task)

    async def read_models(self, wait_s: float | None = None) -> None:
        """Compute the digests of Models never seen before, once; wait for it, or so long at most."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_models(), name="models")
            self._reading.add_done_callback(_tell_if_it_died)
        await asyncio.wait([self._reading], timeout=wait_s)

    async def _read_models(self) -> None:
        known = await self.archive.weights()
        loop = asyncio.get_running_loop()
        for shelf in (self.addons, self.registry):
            await self.archive.keep_weights(await loop.run_in_executor(self.pool, shelf.read, known))

    def _heard(self) -> None:
        """Look, for another program on the same database moved a Job."""
        self.dispatcher.wake()
        self.courier.wake()
        self.feed.moved()

    async def _device(self) -> None:
        """Read the Models and warm the device, then let the Dispatcher claim."""
        await self.read_models()
        await self.queue.start()
        await self.dispatcher.run()

    async def close(self) -> None:
        """Stop claiming, give back what needs long, deliver what is ready, close the log."""
        self.stopping = True
        await self.audit.stop()
        await self.dispatcher.stop()
        await self.dispatcher.give_back(await self.queue.stop(GIVE_BACK_AFTER_S))
        await self.dispatcher.wait_idle()
        await self.courier.stop()
        for task in self.tasks:
            if task.get_name() != "courier":
                task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.archive.close()
        self.pool.shutdown(wait=True)


async def build(
    config: Config,
    data: Path,
    *,
    make_engine: MakeEngine | None = None,
    at: CrashPoint = nothing,
    synchronous: str = "FULL",
    password_cost: Cost | None = None,
) -> Program:
    """Build the program on a data folder whose lock is held; what has a default is for the tests."""
    pool = ThreadPoolExecutor(4, thread_name_prefix="limner-pool")
    url = config.storage.database or f"sqlite:///{data / 'limner.db'}"
    files_in = files_folder(config, data)
    clock: Clock = DatabaseClock(time.monotonic_ns) if is_shared(url) else milliseconds
    archive = await SqlArchive.open(
        url,
        data,
        files_in=files_in,
        alone=not is_shared(url),
        clock=clock,
        pool=pool,
        payer_key=payer_key(files_in),
        randomness=secrets.token_bytes,
        synchronous=synchronous,
        at=at,
        least_free=config.storage.min_free_mb * 1_000_000,
    )
    meters = Meters()
    named = {"builtin": HOME / "models" / "builtin", **folders(config, data)}
    registry = Registry(named, watermark=config.models.watermark, quantised=config.models.quantised)
    addons = addon_files(config, data)
    load = loader(archive, asyncio.get_running_loop())
    ground: Callable[[str], Ground] = unknown
    look: Look = anything
    if make_engine is None:
        device = await read_device(config, archive, named.get(config.models.default, HOME))
        tests = await SelfTests.read(archive, device, config.engine.rows, config.engine.mode)
        ground = grounds(tests, registry)
        look = await estimates(registry, addons, device, pool)
        sizes = config.engine.rows if config.engine.mode == "fast" else config.engine.rows[-1:]
        first = await first_model(config, archive, named)
        engine: Engine = LateEngine(sizes, lambda: local(first, device, registry, addons, load, tests))
    else:
        engine = make_engine(load, registry)
    queue = InferenceQueue(
        engine,
        clock=time.monotonic,
        pool=pool,
        previews=config.engine.previews,
        mode=config.engine.mode,
        on_stuck=_stuck,
        on_call=lambda seconds, rows: _measure(meters, seconds, rows),
    )
    means = Means(in_pool=in_pool(pool), cost=password_cost or Cost())
    return _wire(config, data, archive, registry, addons, queue, engine, pool, at, ground, look, meters, clock, means)


def _wire(
    config: Config,
    data: Path,
    archive: SqlArchive,
    registry: Registry,
    addons: AddOnFiles,
    queue: InferenceQueue,
    engine: Engine,
    pool: ThreadPoolExecutor,
    at: CrashPoint,
    ground: Callable[[str], Ground],
    look: Look,
    meters: Meters,
    clock: Clock,
    means: Means,
) -> Program:
    feed, pace, faces = Feed(), Pace(time.monotonic, max(config.engine.rows)), dict[str, Face]()
    owner = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
    courier = Courier(archive, faces, feed, clock, owner, at, alone=clock is milliseconds)
    dispatcher = Dispatcher(archive, queue, feed, pace, faces, clock, courier.wake, owner, at)
    house = House(
        models=registry.cards,
        default_model=config.models.default,
        limits=Limits(**config.limits.model_dump()),
        state=lambda: program.state(),
        pace=pace,
        fresh_seed=lambda: secrets.randbelow(SEEDS),
        cut=cutter(registry, addons, pool),
        ground=ground,
        addons=addons.cards,
        look=look,
        methods=installed.methods(),
        meters=meters,
        machine=machine(data, queue, engine, pool),
        backups_days=config.keeping.backups_days,
        page=page_at(config),
        means=means,
    )

    def wake(cancelled: str | None) -> None:
        dispatcher.wake(cancelled)
        courier.wake()

    per_day = config.audit.per_day
    audit = Audit(archive, feed, wake, per_day, clock, random.random, on_battery, asyncio.sleep)
    kept = config.keeping
    upkeep = Upkeep(archive, Keep(kept.pictures_days, kept.sketches_days, kept.disk_mb), meters, asyncio.sleep)
    chronicle = Chronicle(archive, feed, meters, house.state)
    studio = CountedStudio(archive, feed, house, audit.asked, at, clock)
    turns = Turns(archive, faces, feed, pace, asyncio.sleep)
    parts = (dispatcher, courier, audit, chronicle, upkeep, turns)
    program = Program(config, archive, registry, addons, queue, studio, *parts, faces, pool, feed, clock)
    return program


def _measure(meters: Meters, seconds: float, rows: int) -> None:
    meters.measure("limner_call_seconds", seconds)
    meters.measure("limner_call_rows", rows)


def _stuck(seconds: float) -> None:
    log.critical("the device has not answered for %.0f s; ending, so that a supervisor starts it again", seconds)
    os._exit(STUCK_EXIT)


def _tell_if_it_died(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("the part %r ended: %s", task.get_name(), error, exc_info=error)
