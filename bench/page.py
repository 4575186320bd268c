"""Measure the gallery over 100,000 pictures on SQLite, pages and searches: `python -m bench.page --out FILE`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from core.gallery import Gallery
from core.person import Person
from core.records import milliseconds
from core.search import Search
from tests.support.archive import open_archive
from tests.support.grown import KEY, grow

WHO = Person("web:p0")
TRIES = 15
SEARCHES = {
    "first page": Search(),
    "a word all have": Search(("painting",)),
    "a word nobody has": Search(("nowhere",)),
    "two words one has": Search(("painting", "number 24998")),
    "a seed": Search(seed=12_344),
    "a model nobody used": Search(model="none"),
    "a day": Search(since=milliseconds() - 30 * 86_400_000, until=milliseconds() - 29 * 86_400_000),
    "favourites": Search(favourite=True),
}


async def measure(pictures: int) -> dict[str, dict[str, float]]:
    """Return the median and the slowest time of each search in ms; half of the pictures are the Person's."""
    told: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(4) as pool:
        home = Path(folder)
        await (await open_archive(home, payer_key=KEY, pool=pool)).close()
        grow(home / "limner.db", 2 * pictures, milliseconds())
        with closing(sqlite3.connect(home / "limner.db")) as base, base:
            base.execute("UPDATE gallery SET person = ? WHERE seed % 2 = 0", (WHO.id,))
        archive = await open_archive(home, payer_key=KEY, pool=pool, clock=milliseconds)
        gallery = Gallery(archive)
        for name, search in SEARCHES.items():
            took = []
            for _ in range(TRIES):
                start = time.perf_counter()
                await gallery.page(WHO, search, None, 120)
                took.append(1000 * (time.perf_counter() - start))
            told[name] = {"median_ms": round(sorted(took)[TRIES // 2], 2), "most_ms": round(max(took), 2)}
        page = await gallery.page(WHO, Search(), None, 120)
        took = []
        while page["next"] and len(took) < 200:
            start = time.perf_counter()
            page = await gallery.page(WHO, Search(), page["next"], 120)
            took.append(1000 * (time.perf_counter() - start))
        told["following pages"] = {"median_ms": round(sorted(took)[len(took) // 2], 2), "most_ms": round(max(took), 2)}
        await archive.close()
    return told


def main() -> None:
    """Print the times, and write them where asked."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--pictures", type=int, default=100_000)
    given.add_argument("--out", type=Path)
    chosen = given.parse_args()
    told = asyncio.run(measure(chosen.pictures))
    words = json.dumps({"pictures": chosen.pictures, "gallery": told}, indent=1)
    sys.stdout.write(words + "\n")
    if chosen.out:
        chosen.out.write_text(words + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
