"""The small parts `build.py` wires: the device, readers of files and words, the payers' key."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from core.config import Config
from core.errors import BadConfig, NotFound, StudioError
from core.logs import FILE, about
from core.looking import DEFAULT_MODEL
from core.machine import Machine
from core.promise import Ground
from core.recipe import ModelRef, Paint
from core.room import Look, anything
from db.archive import SqlArchive
from inference import memory
from inference.addons import AddOnFiles
from inference.device import PROFILES, SPARING, DeviceChoice, choose
from inference.engine import Engine
from inference.estimates import Estimates
from inference.families import whole
from inference.families.table import family_of
from inference.models import Registry, models_in
from inference.quantised import how_of
from inference.queue import InferenceQueue
from inference.quiet import set_environment
from inference.selftests import SelfTests
from web.binding import Where

SWITCH_S = 0.0005
"""How long a thread computes before another one may: at Python's 5 ms four of them hold the event loop up by 20."""

Load = Callable[[str, Literal["sketch", "mask", "picture"]], bytes]
MakeEngine = Callable[[Load, Registry], Engine]

log = logging.getLogger("limner")


def answer_soon() -> None:
    """Let the event loop have its turn ten times sooner than Python does while other threads compute."""
    sys.setswitchinterval(SWITCH_S)


async def settle(ready: asyncio.Event) -> None:
    """Once ready, spare the collector what stays for good: to look through it all stops every thread for 0.2 s."""
    await ready.wait()
    gc.freeze()


def probe(config: Config) -> dict[str, Any]:
    """Return what the device is and what it would paint with; imports torch, so it takes seconds."""
    set_environment(os.environ)
    import torch

    from inference.fingerprint import device_facts

    wanted = config.engine
    choice = choose(wanted.device, wanted.dtype, wanted.threads, os.cpu_count() or 1)
    facts = device_facts(torch.device(choice.device))
    return {**facts, "name": facts["device"], "device": choice.device, "dtype": choice.dtype, "threads": choice.threads}


def local(
    config: Config, device: DeviceChoice, registry: Registry, addons: AddOnFiles, load: Load, tests: SelfTests
) -> Engine:
    """Return the engine of this device; for the device's own thread."""
    # Imported on the device's thread: torch and diffusers take seconds, and no face waits for them.
    set_environment(os.environ)
    from inference.whole import WholeEngine

    return WholeEngine(
        registry,
        load,
        device=device.device,
        dtype=device.dtype,
        threads=device.threads,
        memory_format=device.memory_format,
        attention=device.attention,
        profile=device.profile,
        sizes=config.engine.rows,
        mode=config.engine.mode,
        default=config.models.default,
        loaded=config.engine.loaded,
        budget=config.engine.memory_mb * 1_000_000 or None,
        verdicts=tests,
        addons=addons,
    )


def addon_files(config: Config, data: Path) -> AddOnFiles:
    """Return the owner's LoRAs, embeddings and ControlNets; a folder that is not there holds none."""
    wanted = config.models
    loras, embeddings = (
        Path(folder).expanduser() if folder else data / name
        for name, folder in (("loras", wanted.loras), ("embeddings", wanted.embeddings))
    )
    return AddOnFiles(loras, embeddings, {name: Path(at).expanduser() for name, at in wanted.controls.items()})


def cutter(
    registry: Registry, addons: AddOnFiles, pool: ThreadPoolExecutor
) -> Callable[[Paint], Awaitable[str | None]]:
    """Return what tells which words of a Recipe its Model does not read; tokenizers are read once, in the pool."""
    from functools import cache

    @cache
    def reader(digest: str) -> Any:
        from inference.conditioning import Reader

        folder = registry.folder(digest)
        return None if family_of(folder) == whole.FAMILY else Reader(folder)

    def cut_off(recipe: Paint) -> str | None:
        plain = reader(recipe.model.digest)
        if plain is None:  # Nobody knows of a Model that is painted whole.
            return None
        known = {card.digest: card.vectors for card in addons.cards().embeddings}
        words = {each.token: known.get(each.digest, 1) for each in recipe.embeddings}
        taught = plain.taught(words)
        read = [part.words for part in recipe.blend] or [recipe.prompt]
        return ", ".join(filter(None, map(taught.cut, read))) or None

    async def cut(recipe: Paint) -> str | None:
        return await asyncio.get_running_loop().run_in_executor(pool, cut_off, recipe)

    return cut


async def first_model(config: Config, archive: SqlArchive, named: Collection[str]) -> Config:
    """Return the settings with the default Model the owner chose on the page, where it is still registered."""
    chosen = (await archive.overrides()).get(DEFAULT_MODEL)
    if chosen not in named:
        return config
    return config.model_copy(update={"models": config.models.model_copy(update={"default": chosen})})


def grounds(tests: SelfTests, registry: Registry) -> Callable[[str], Ground]:
    """Return what tells what a Picture of a Model would be painted under now."""
    return lambda digest: tests.ground(digest, registry.kind(digest))


def machine(data: Path, queue: InferenceQueue, engine: Engine, pool: ThreadPoolExecutor) -> Machine:
    """Return what the owner's screen is told of this process."""

    async def lines(job_id: str) -> list[dict[str, str]]:
        return await asyncio.get_running_loop().run_in_executor(pool, about, data / FILE, job_id)

    async def load(model: ModelRef) -> None:
        await queue.aside(lambda: engine.load(model))

    async def unload(digest: str) -> None:
        await queue.aside(lambda: engine.unload(digest))

    return Machine(memory_used, engine.held, load, unload, lines)


def memory_used() -> dict[str, int]:
    """Return bytes: what this process and the machine use of what there is, and the same of a CUDA device."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found = {"used": memory.own_bytes(), "free": memory.free_ram() or 0, "whole": whole}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        free, there = torch.cuda.mem_get_info()
        found |= {"device_used": there - free, "device_whole": there}
    return found


def loader(archive: SqlArchive, loop: asyncio.AbstractEventLoop) -> Load:
    """Return what the device's thread reads a Sketch, a mask (by digest) or a Picture (by its pixels) with."""

    async def read(digest: str, kind: Literal["sketch", "mask", "picture"]) -> bytes:
        if kind != "picture":
            return await archive.file(digest, kind)
        picture = await archive.picture_by_pixels(digest)
        if picture is None or picture.file_digest is None:
            raise NotFound("The picture it is made from is not here any more.", "Paint it again first.")
        return await archive.file(picture.file_digest, "picture")

    return lambda digest, kind: asyncio.run_coroutine_threadsafe(read(digest, kind), loop).result()


async def read_device(config: Config, archive: SqlArchive, default: Path) -> DeviceChoice:
    """Return dtype, threads and profile as written down at first start; what the owner sets goes over them.

    default: the folder of the default Model, which a profile must suit.
    """
    wanted, noted = config.engine, await archive.overrides()
    choice = choose(
        wanted.device,
        str(noted.get("engine.dtype", "auto")) if wanted.dtype == "auto" else wanted.dtype,
        wanted.threads or int(noted.get("engine.threads", 0)),
        os.cpu_count() or 1,
    )
    if "engine.dtype" not in noted:
        await archive.override({"engine.dtype": choice.dtype, "engine.threads": choice.threads})
    profile = str(noted.get("engine.profile", "auto")) if wanted.profile == "auto" else wanted.profile
    if profile == "auto":
        profile = _profile(choice, default, config.models.quantised.get(config.models.default, ""))
        await archive.override({"engine.profile": profile})
    if profile == SPARING and wanted.attention != "sdpa":
        raise BadConfig(
            f"engine.attention = {wanted.attention} does not go with the memory profile {profile}.",
            "Set engine.attention to sdpa, or engine.profile to balanced.",
        )
    return replace(choice, memory_format=wanted.memory_format, attention=wanted.attention, profile=profile)


async def estimates(registry: Registry, addons: AddOnFiles, device: DeviceChoice, pool: ThreadPoolExecutor) -> Look:
    """Return what estimates a Picture's memory on this device."""
    if device.device != "cuda":
        return Estimates(registry.source, addons.control, device.dtype, None)
    vram = await asyncio.get_running_loop().run_in_executor(pool, memory.free_bytes, device.device)
    return anything if vram is None else Estimates(registry.source, addons.control, device.dtype, vram)


def _profile(choice: DeviceChoice, default: Path, quantised: str) -> str:
    try:
        free = memory.free_bytes(choice.device)
        return memory.choose_profile(default, choice.dtype, choice.device, free, how_of(quantised, default))
    except (OSError, ValueError, StudioError) as error:
        # The Registry says what is wrong with that Model; the device starts all the same.
        log.warning("the memory profile is %s, since the default model cannot be read: %s", PROFILES[0], error)
        return PROFILES[0]


def folders(config: Config, data: Path) -> dict[str, Path]:
    """Return the owner's Models by name, those that were fetched into data/models last."""
    named = {name: Path(folder).expanduser() for name, folder in config.models.folders.items()}
    fetched = data / "models"
    there = fetched.is_dir() and any(not path.name.startswith(".") for path in fetched.iterdir())
    return models_in({**named, **({"fetched": fetched} if there else {})})


def page_at(config: Config) -> str:
    """Return the address people reach the page by; with any free port nobody knows it before it is taken."""
    page = config.page
    if page.public_url or not page.port:
        return page.public_url.rstrip("/")
    return Where(page.host, page.port).local(page.port)


def in_pool(pool: ThreadPoolExecutor) -> Callable[[Callable[[], Any]], Awaitable[Any]]:
    """Return what does blocking work in the pool."""
    return lambda work: asyncio.get_running_loop().run_in_executor(pool, work)


def files_folder(config: Config, data: Path) -> Path:
    """Return the folder of Pictures and Sketches, which several programs may share."""
    return Path(config.storage.files).expanduser() if config.storage.files else data


def payer_key(folder: Path) -> bytes:
    """Return the key of the ledger's payers, made at first start, the owner's alone to read."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "payer.key"
    if not path.exists():
        fresh = folder / f"payer.key.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        # Of two programs that start at once one is first, and the other takes its key.
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_bytes()
