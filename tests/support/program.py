"""The whole program without a face, on a folder of the test's own; the Engine is the test's or the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from build import HOME, Program, build
from core.config import load
from core.person import OWNER, Person, Place
from core.sheet import JobSheet
from core.studio import Ask
from parts import MakeEngine

PLACE = Place.of("cli")
NUMBERS = count()


@asynccontextmanager
async def running(
    data: Path,
    make_engine: MakeEngine | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    start: bool = True,
) -> AsyncIterator[Program]:
    """Run the program; `start=False` accepts Jobs but paints none."""
    variables = {"LIMNER__LIMITS__WAITING": "0", "LIMNER__LIMITS__PER_MINUTE": "0", **(environ or {})}
    config = load(HOME / "config.toml", data / "config.toml", variables).config
    program = await build(config, data, make_engine=make_engine, synchronous="OFF")
    await program.read_models()
    if start:
        await program.start()
    try:
        yield program
    finally:
        await program.close()


async def ask(program: Program, words: str, person: Person = OWNER, place: Place = PLACE, **rest: object) -> JobSheet:
    """Ask for one Job and return its sheet."""
    return (await program.studio.ask(Ask(person, place, f"test-{next(NUMBERS)}", words, **rest)))[0]  # type: ignore[arg-type]


async def ended(program: Program, job_id: str, person: Person = OWNER, place: Place = PLACE) -> JobSheet:
    """Wait until a Job has ended and return its sheet."""
    async for event in program.studio.watch(person, place, 0):
        if event["type"] == "move" and event["job"]["id"] == job_id:
            sheet: JobSheet = event["job"]
            if sheet["state"] in ("delivered", "failed", "cancelled", "undeliverable"):
                return sheet
    raise AssertionError("the events ended")


async def done(program: Program, words: str, person: Person = OWNER, place: Place = PLACE, **rest: object) -> JobSheet:
    """Ask, wait and return the ended Job's sheet."""
    return await ended(program, (await ask(program, words, person, place, **rest))["id"], person, place)
