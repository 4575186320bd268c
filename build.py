"""Builds every part and wires them: beside main.py the only file that knows them all."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.audit import Audit, on_battery
from core.config import Config
from core.courier import Courier
from core.dispatcher import Dispatcher
from core.errors import NotFound
from core.feed import Feed
from core.limits import Limits
from core.pace import Pace
from core.ports import CrashPoint, Face, nothing
from core.promise import Ground, unknown
from core.recipe import SEEDS
from core.studio import House, Studio
from db.archive import SqlArchive
from inference.device import DeviceChoice, choose
from inference.engine import Engine
from inference.late import LateEngine
from inference.models import Registry
from inference.queue import InferenceQueue
from inference.quiet import set_environment
from inference.selftests import SelfTests

HOME = Path(__file__).resolve().parent
GIVE_BACK_AFTER_S = 20.0
STUCK_EXIT = 75
"""Exit code that asks a supervisor for another start: the device hangs, and its thread cannot be killed."""

Load = Callable[[str, Literal["sketch", "mask", "picture"]], bytes]
MakeEngine = Callable[[Load, Registry], Engine]
log = logging.getLogger("limner")


def milliseconds() -> int:
    """Return the time now, ms UTC."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Program:
    """Hold the running parts; `close` stops them in reverse order."""

    config: Config
    archive: SqlArchive
    registry: Registry
    queue: InferenceQueue
    studio: Studio
    dispatcher: Dispatcher
    courier: Courier
    audit: Audit
    faces: dict[str, Face]
    pool: ThreadPoolExecutor
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
        reaped = await self.archive.restart()
        if reaped:
            log.info("%d jobs were running when the program stopped; they are painted again", reaped)
        await self.audit.clear()
        for name, part in (("device", self._device()), ("courier", self.courier.run()), ("audit", self.audit.run())):
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
        await self.archive.keep_weights(await loop.run_in_executor(self.pool, self.registry.read, known))

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
) -> Program:
    """Build the program on a data folder whose lock is held; `make_engine` and `at` are for the tests."""
    pool = ThreadPoolExecutor(4, thread_name_prefix="limner-pool")
    archive = await SqlArchive.open(
        config.storage.database or f"sqlite:///{data / 'limner.db'}",
        data,
        clock=milliseconds,
        pool=pool,
        payer_key=_payer_key(data),
        randomness=secrets.token_bytes,
        synchronous=synchronous,
        at=at,
        least_free=config.storage.min_free_mb * 1_000_000,
    )
    registry = Registry({"builtin": HOME / "models" / "builtin", **_folders(config)})
    load = _loader(archive, asyncio.get_running_loop())
    ground: Callable[[str], Ground] = unknown
    if make_engine is None:
        device = await _device(config, archive)
        tests = await SelfTests.read(archive, device, config.engine.rows, config.engine.mode)
        ground = tests.ground
        sizes = config.engine.rows if config.engine.mode == "fast" else config.engine.rows[-1:]
        engine: Engine = LateEngine(sizes, lambda: _local(config, device, registry, load, tests))
    else:
        engine = make_engine(load, registry)
    queue = InferenceQueue(
        engine,
        clock=time.monotonic,
        pool=pool,
        previews=config.engine.previews,
        mode=config.engine.mode,
        on_stuck=_stuck,
    )
    return _wire(config, archive, registry, queue, pool, at, ground)


def _wire(
    config: Config,
    archive: SqlArchive,
    registry: Registry,
    queue: InferenceQueue,
    pool: ThreadPoolExecutor,
    at: CrashPoint,
    ground: Callable[[str], Ground],
) -> Program:
    feed, pace, faces = Feed(), Pace(time.monotonic, max(config.engine.rows)), dict[str, Face]()
    owner = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
    courier = Courier(archive, faces, feed, milliseconds, owner, at)
    dispatcher = Dispatcher(archive, queue, feed, pace, faces, milliseconds, courier.wake, owner, at)
    house = House(
        models=registry.cards,
        default_model=config.models.default,
        limits=Limits(config.limits.waiting, config.limits.per_minute, config.limits.day_cost),
        state=lambda: program.state(),
        pace=pace,
        fresh_seed=lambda: secrets.randbelow(SEEDS),
        cut=_cutter(registry, pool),
        ground=ground,
    )

    def wake(cancelled: str | None) -> None:
        dispatcher.wake(cancelled)
        courier.wake()

    per_day = config.audit.per_day
    audit = Audit(archive, feed, wake, per_day, milliseconds, random.random, on_battery, asyncio.sleep)
    studio = Studio(archive, feed, house, audit.asked, at)
    program = Program(config, archive, registry, queue, studio, dispatcher, courier, audit, faces, pool)
    return program


def probe(config: Config) -> dict[str, Any]:
    """Return what the device is and what it would paint with; imports torch, so it takes seconds."""
    set_environment(os.environ)
    import torch

    from inference.fingerprint import device_facts

    wanted = config.engine
    choice = choose(wanted.device, wanted.dtype, wanted.threads, os.cpu_count() or 1)
    facts = device_facts(torch.device(choice.device))
    return {**facts, "name": facts["device"], "device": choice.device, "dtype": choice.dtype, "threads": choice.threads}


def _local(config: Config, device: DeviceChoice, registry: Registry, load: Load, tests: SelfTests) -> Engine:
    # Imported on the device's thread: torch and diffusers take seconds, and no face waits for them.
    set_environment(os.environ)
    from inference.local import LocalEngine

    return LocalEngine(
        registry,
        load,
        device=device.device,
        dtype=device.dtype,
        threads=device.threads,
        sizes=config.engine.rows,
        mode=config.engine.mode,
        default=config.models.default,
        loaded=config.engine.loaded,
        verdicts=tests,
    )


def _cutter(registry: Registry, pool: ThreadPoolExecutor) -> Callable[[str, str], Awaitable[str | None]]:
    """Return what tells which words of a Prompt a Model does not read; tokenizers are read once, in the pool."""
    from functools import cache

    @cache
    def reader(digest: str) -> Any:
        from inference.conditioning import Reader

        return Reader(registry.folder(digest))

    async def cut(digest: str, prompt: str) -> str | None:
        found: str | None = await asyncio.get_running_loop().run_in_executor(pool, lambda: reader(digest).cut(prompt))
        return found

    return cut


def _loader(archive: SqlArchive, loop: asyncio.AbstractEventLoop) -> Load:
    """Return what the device's thread reads a Sketch, a mask (by digest) or a Picture (by its pixels) with."""

    async def read(digest: str, kind: Literal["sketch", "mask", "picture"]) -> bytes:
        if kind != "picture":
            return await archive.file(digest, kind)
        picture = await archive.picture_by_pixels(digest)
        if picture is None or picture.file_digest is None:
            raise NotFound("The picture it is made from is not here any more.", "Paint it again first.")
        return await archive.file(picture.file_digest, "picture")

    return lambda digest, kind: asyncio.run_coroutine_threadsafe(read(digest, kind), loop).result()


async def _device(config: Config, archive: SqlArchive) -> DeviceChoice:
    """Return dtype and threads as written down at first start; what the owner sets goes over them."""
    wanted, noted = config.engine, await archive.overrides()
    choice = choose(
        wanted.device,
        str(noted.get("engine.dtype", "auto")) if wanted.dtype == "auto" else wanted.dtype,
        wanted.threads or int(noted.get("engine.threads", 0)),
        os.cpu_count() or 1,
    )
    if "engine.dtype" not in noted:
        await archive.override({"engine.dtype": choice.dtype, "engine.threads": choice.threads})
    return choice


def _folders(config: Config) -> dict[str, Path]:
    return {name: Path(folder).expanduser() for name, folder in config.models.folders.items()}


def _payer_key(data: Path) -> bytes:
    """Return the key of the ledger's payers, made at first start, the owner's alone to read."""
    path = data / "payer.key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


def _stuck(seconds: float) -> None:
    log.critical("the device has not answered for %.0f s; ending, so that a supervisor starts it again", seconds)
    os._exit(STUCK_EXIT)


def _tell_if_it_died(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("the part %r ended: %s", task.get_name(), error, exc_info=error)
