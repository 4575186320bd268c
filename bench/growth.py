"""The log grown large: what accept, claim, history, look-up and start cost among a million Pictures made in SQL."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.common import write
from core.limits import Limits
from core.person import Person
from core.recipe import ModelRef, Paint
from core.records import NewJob, NewPicture, milliseconds
from db.archive import SqlArchive
from tests.support.grown import KEY, PEOPLE, PLACE, grow

LIMITS = Limits(waiting=0, per_minute=0, day_cost=10**15)


async def opened(folder: Path, pool: ThreadPoolExecutor) -> SqlArchive:
    """Open the log as the program does."""
    return await SqlArchive.open(
        f"sqlite:///{folder / 'limner.db'}", folder, clock=milliseconds, pool=pool, payer_key=KEY,
        randomness=secrets.token_bytes,
    )  # fmt: skip


def job(number: int) -> NewJob:
    """Return a Job of one Picture of one of the people."""
    recipe = Paint(f"number {number}", number, 128, 128, 20, 6.0, "ddim", ModelRef("sd1", "d"))
    person = Person(f"web:p{number * 37 % PEOPLE}", "")
    return NewJob(f"bench/{number}", person, PLACE, "imagine", "words", (NewPicture(recipe, 1000),))


async def measure(archive: SqlArchive, times: int) -> dict[str, list[float]]:
    """Time each call, `times` times, in milliseconds."""
    found: dict[str, list[float]] = {}

    async def timed(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        began = time.perf_counter()
        result = await call()
        found.setdefault(name, []).append((time.perf_counter() - began) * 1000)
        return result

    for number in range(times):
        who = f"web:p{number % 2 * number * 37 % PEOPLE}"
        [(accepted, _)] = await timed("accept", lambda number=number: archive.accept([job(number)], LIMITS))
        await timed("claim", lambda: archive.claim("bench", 60.0))
        await timed("history", lambda who=who: archive.history(who, None, 20))
        await timed("history by words", lambda who=who: archive.history(who, None, 20, "number 1"))
        await timed("picture by tail", lambda number=number: archive.picture(f"{number * 4001 % 10**6:06d}"))
        await timed("last picture", lambda who=who: archive.last_picture(who))
        await timed("line", archive.line)
        await timed("usage", lambda who=who: archive.usage(who))
        await timed("job", lambda accepted=accepted: archive.job(accepted.id))
        await timed("audits", archive.audits)
    return found


async def made(folder: Path, pictures: int) -> float:
    """Make the log in a folder, unless it is there; return the seconds it took."""
    began = time.perf_counter()
    if not (folder / "limner.db").exists():
        with ThreadPoolExecutor(4) as pool:
            await (await opened(folder, pool)).close()
        grow(folder / "limner.db", pictures, milliseconds())
    return time.perf_counter() - began


async def run(folder: Path, pictures: int, times: int) -> dict[str, Any]:
    """Make the log, open it and measure."""
    made_s = await made(folder, pictures)
    with ThreadPoolExecutor(4) as pool:
        began = time.perf_counter()
        archive = await opened(folder, pool)
        await archive.sweep()
        await archive.restart()
        start = time.perf_counter() - began
        found = await measure(archive, times)
        await archive.close()
        size = (folder / "limner.db").stat().st_size
    calls = {
        call: {"p50_ms": _at(took, 0.5), "p99_ms": _at(took, 0.99), "n": len(took)} for call, took in found.items()
    }
    return {"pictures": pictures, "made_s": made_s, "start_s": start, "megabytes": size / 1e6, "calls": calls}


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """Print the table and keep the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="keep the log there, and take the one that is there")
    parser.add_argument("--make", action="store_true", help="make the log in --folder and measure nothing")
    args = parser.parse_args()
    if args.make:
        print(f"made in {asyncio.run(made(args.folder, args.pictures)):.0f} s")
        return
    with TemporaryDirectory() as name:
        found = asyncio.run(run(args.folder or Path(name), args.pictures, args.times))
    print(f"{found['pictures']} pictures, {found['megabytes']:.0f} MB, made in {found['made_s']:.0f} s")
    print(f"start: {found['start_s']:.2f} s")
    for name, call in found["calls"].items():
        print(f"{name:<18} p50 {call['p50_ms']:8.2f} ms   p99 {call['p99_ms']:8.2f} ms")
    write("growth" if found["pictures"] <= 1_000_000 else f"growth-{found['pictures']}", found)


if __name__ == "__main__":
    main()
