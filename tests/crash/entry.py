"""The program as a process for the crash tests: main.serve with a deterministic engine, no torch, and a killer."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import main
from build import HOME
from core.config import load
from core.records import CrashPoint
from inference.run import Batch
from tests.support.fake_engine import FakeEngine
from tests.support.loopback.server import point_at

STEP_S = 0.01


def killer(wanted: str) -> CrashPoint:
    """Return a crash point that kills this process with SIGKILL at `name` or at the nth passing of `name:nth`."""
    name, _, nth = wanted.partition(":")
    left = int(nth or 1)

    def at(point: str) -> None:
        nonlocal left
        if point == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return at


async def run(data: Path) -> int:
    """Serve until told to stop or killed."""
    port = os.environ.get("LIMNER_TEST_PORT", "0")
    environ = {"LIMNER__PAGE__PORT": port, "LIMNER__PAGE__OPEN_BROWSER": "false", "LIMNER__LIMITS__WAITING": "0",
               "LIMNER__LIMITS__PER_MINUTE": "0"}  # fmt: skip
    for name, key in (
        ("LIMNER_TEST_DATABASE", "DATABASE"),
        ("LIMNER_TEST_FILES", "FILES"),
        ("LIMNER_TEST_MIN_FREE_MB", "MIN_FREE_MB"),
    ):
        if os.environ.get(name):
            environ[f"LIMNER__STORAGE__{key}"] = os.environ[name]
    loaded = load(HOME / "config.toml", data / "none.toml", environ)
    chat: dict[str, str] = {}
    if url := os.environ.get("LIMNER_TEST_DISCORD"):
        # Here and nowhere in the product: discord.py speaks to the loopback Discord of the tests.
        point_at(url)
        chat = {"DISCORD_TOKEN": "a token for tests"}
    return await main.serve(
        loaded.config,
        data,
        environ=chat,
        say=lambda words: print(words, flush=True),
        make_engine=lambda *_: FakeEngine(step_s=planned(data.parent)),
        at=killer(os.environ.get("LIMNER_CRASH_AT", "")),
    )


def planned(folder: Path) -> Callable[[Batch], float]:
    """Return how long a step takes; a file `hang` or `lose` in the folder hangs the device or loses it, once."""

    def step_s(_: Batch) -> float:
        for name in ("hang", "lose"):
            try:
                (folder / name).unlink()
            except FileNotFoundError:
                continue
            if name == "lose":
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
            threading.Event().wait()
        return STEP_S

    return step_s


def start(data: Path) -> int:
    """Run one life of the program and return its exit code."""
    return asyncio.run(run(data))


if __name__ == "__main__":
    sys.exit(start(Path(sys.argv[1])))
