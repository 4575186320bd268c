"""What every benchmark shares: the program on a temporary folder, a timed Engine, and how results are written."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from build import HOME, Program, build
from core.config import Config, load
from core.person import OWNER, Place
from core.progress import Painted
from core.recipe import ModelRef
from core.sheet import JobSheet
from core.studio import Ask
from inference.engine import Engine, Loading
from inference.run import Batch, Run
from parts import MakeEngine

PLACE = Place.of("cli")


class TimedEngine:
    """Pass every call on and note when the device was busy; seconds of perf_counter."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sizes = engine.sizes
        self.busy: list[tuple[str, float, float]] = []

    def warm(self) -> None:
        self.engine.warm()

    def load(self, model: ModelRef) -> None:
        """Have every Model there is."""

    def unload(self, digest: str) -> None:
        """Keep it."""

    def held(self) -> frozenset[str]:
        """Hold none that could be dropped."""
        return frozenset()

    def loading(self, run: Run, beside: Collection[str]) -> Loading:
        return self.engine.loading(run, beside)

    def begin(self, run: Run) -> None:
        with self._noted("begin"):
            self.engine.begin(run)

    def step(self, batch: Batch) -> None:
        with self._noted("step"):
            self.engine.step(batch)

    def preview(self, run: Run) -> bytes | None:
        with self._noted("preview"):
            return self.engine.preview(run)

    def decode(self, run: Run) -> object:
        with self._noted("decode"):
            return self.engine.decode(run)

    def wrap(self, run: Run, decoded: object) -> Painted:
        return self.engine.wrap(run, decoded)

    def close(self) -> None:
        self.engine.close()

    def _noted(self, name: str) -> Noted:
        return Noted(self.busy, name)


class Noted:
    """Note one busy stretch."""

    def __init__(self, busy: list[tuple[str, float, float]], name: str) -> None:
        self._busy, self._name, self._began = busy, name, 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._busy.append((self._name, self._began, time.perf_counter()))


def settings(**over: str) -> Config:
    """Return the default settings without Limits; over: LIMNER__ variables without their prefix."""
    environ = {"LIMNER__LIMITS__WAITING": "0", "LIMNER__LIMITS__PER_MINUTE": "0"}
    return load(
        HOME / "config.toml", Path("none.toml"), {**environ, **{f"LIMNER__{k}": v for k, v in over.items()}}
    ).config


@asynccontextmanager
async def running(make_engine: MakeEngine | None = None, **over: str) -> AsyncIterator[Program]:
    """Run the program without a face on a temporary folder, warm."""
    with TemporaryDirectory() as folder:
        program = await build(settings(**over), Path(folder), make_engine=make_engine)
        await program.read_models()
        await program.start()
        await program.queue.ready.wait()
        try:
            yield program
        finally:
            await program.close()


async def ask(program: Program, words: str, number: int) -> JobSheet:
    """Ask for one Job."""
    return (await program.studio.ask(Ask(OWNER, PLACE, f"bench-{number}", words)))[0]


async def painted(program: Program, jobs: Sequence[str], after: int) -> dict[str, float]:
    """Wait until every Job is rendered; return the time (perf_counter) each was seen so."""
    seen: dict[str, float] = {}
    async for event in program.studio.watch(OWNER, PLACE, after):
        if event["type"] == "move" and event["job"]["state"] in ("rendered", "delivered", "failed"):
            assert event["job"]["state"] != "failed", event["job"]["sentence"]
            seen.setdefault(event["job"]["id"], time.perf_counter())
        if all(job in seen for job in jobs):
            return seen
    raise RuntimeError("the events ended")


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median and quartiles."""
    ordered = sorted(values)
    low, _, high = statistics.quantiles(ordered, n=4) if len(ordered) > 1 else (ordered[0],) * 3
    return {"median": statistics.median(ordered), "q1": low, "q3": high, "n": len(ordered)}


def peak_mb() -> float:
    """Return the most memory this process held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(name: str, data: dict[str, Any]) -> None:
    """Write raw JSON to bench/results and print it as the last line."""
    load_average = os.getloadavg()[0]
    whole = {"bench": name, "machine": machine(), "load_average": load_average, **data}
    path = HOME / "bench" / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(whole))


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    names = [line.split(":")[1].strip() for line in _cpu_info() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _cpu_info() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def run(main: Any) -> None:
    """Run a benchmark's coroutine."""
    asyncio.run(main)
