"""A soak of the whole program under faults at random: what was promised is counted at the end.

usage: python -m bench.soak [--minutes 10] [--seed N] [--out FILE]; the same seed asks and strikes by the same choices.
--page runs nothing, and writes docs/soak.md from the result that is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import sqlite3
import sys
import tempfile
import textwrap
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.crash import chat, harness
from tests.crash.steady import Steady, small_disk, sound
from tests.support.loopback.server import loopback

HOME = Path(__file__).resolve().parents[1]
OUT = HOME / "bench" / "results" / "soak.json"
PAGE = HOME / "docs" / "soak.md"
BEGIN, END = "<!-- soak: written by python -m bench.soak --page -->", "<!-- soak end -->"
EVERY_S = (3.0, 9.0)
"""A fault strikes after so long."""

PROMISED = ("lost", "doubled", "charged_twice", "shown_before_logged")


async def soak(data: Path, minutes: float, seed: int, small: bool) -> dict[str, Any]:
    """Work and be struck for so long, let everything end, and return what the books say."""
    chance = random.Random(seed)
    async with loopback() as discord:
        here = Steady(discord, data, chance, small)
        await here.start()
        began = time.monotonic()
        work = [asyncio.create_task(each) for each in (here.page(), here.people(), here.watch())]
        while time.monotonic() - began < 60 * minutes:
            await asyncio.sleep(chance.uniform(*EVERY_S))
            for task in work:
                if task.done():
                    task.result()
            await here.strike()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        discord.rest.faults.clear()
        discord.rest.slow.set()
        await here.server.stop()
        await last_life(here)
        return {"seed": seed, "minutes": round((time.monotonic() - began) / 60, 1), "faults": here.struck,
                "refused on the page": here.refused, **books(here)}  # fmt: skip


async def last_life(here: Steady) -> None:
    """Start once more without faults, ask again what was never answered, wait until every Job has ended."""
    await here.start()
    await harness.Client(here.history).ask(here.server)
    async with asyncio.timeout(300):
        while ending(here.data):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert await here.server.stop() == 0


def ending(data: Path) -> int:
    """Return how many Jobs have not ended."""
    marks = ",".join("?" * len(harness.ENDED))
    with contextlib.closing(sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True)) as base:
        found = base.execute(f"SELECT count(*) FROM jobs WHERE state NOT IN ({marks})", harness.ENDED).fetchone()
    return int(found[0])


def books(here: Steady) -> dict[str, Any]:
    """Return the verdicts of both clients, and whatever is wrong in the log."""
    with contextlib.closing(sqlite3.connect(here.data / "limner.db")) as base:
        again = base.execute("SELECT count(*) FROM jobs WHERE attempt > 1").fetchone()[0]
        failed = base.execute("SELECT count(*) FROM jobs WHERE state = 'failed'").fetchone()[0]
    return {
        "page": asdict(harness.check(here.data, here.history)),
        "discord": asdict(chat.check(here.chat)),
        "attempted more than once": again,
        "failed": failed,
        "unsound": sound(here.data),
    }


def clean(found: dict[str, Any]) -> bool:
    """Say whether every promise held."""
    return not found["unsound"] and not any(found[face][name] for face in ("page", "discord") for name in PROMISED)


def write_page(found: dict[str, Any]) -> None:
    """Write the kept result into its page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    head = ["| | page | Discord |", "| --- | --- | --- |"]
    rows = [f"| {name.replace('_', ' ')} | {found['page'].get(name, '-')} | {found['discord'].get(name, '-')} |"
            for name in ("asked", "accepted", *PROMISED)]  # fmt: skip
    struck = ", ".join(f"{name} {count}" for name, count in sorted(found["faults"].items()))
    told = (
        f"{found['minutes']} minutes, seed {found['seed']}: {sum(found['faults'].values())} faults ({struck}). "
        f"{found['attempted more than once']} jobs were attempted more than once; failed after three attempts: "
        f"{found['failed']}; wrong in the log or its files: {len(found['unsound'])}."
    )
    table = "\n".join([BEGIN, *textwrap.wrap(told, 120, break_on_hyphens=False), "", *head, *rows, END])
    PAGE.write_text(before + table + rest.partition(END)[2], encoding="utf-8")


def main(args: list[str]) -> int:
    """Run it, print what was counted and keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args(args)
    if given.page:
        write_page(json.loads(given.out.read_text(encoding="utf-8")))
        return 0
    os.environ["LIMNER_TEST_MIN_FREE_MB"] = "2"
    with tempfile.TemporaryDirectory(prefix="limner-soak-") as folder, small_disk(Path(folder) / "data") as small:
        try:
            found = asyncio.run(soak(Path(folder) / "data", given.minutes, given.seed, small))
        finally:
            print((Path(folder) / "server.log").read_text()[-5000:], file=sys.stderr)
    found["clean"] = clean(found)
    print(json.dumps(found, indent=2))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0 if found["clean"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
