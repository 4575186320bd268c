"""Measure the gallery over 100,000 pictures on SQLite and PostgreSQL, pages and searches: `python -m bench.page`."""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from bench.common import write
from core.gallery import Gallery
from core.person import Person
from core.records import milliseconds
from core.search import Search
from db.archive import SqlArchive
from tests.support.archive import open_archive
from tests.support.grown import KEY, grow
from tests.support.postgres import cluster

WHO = Person("web:p0")
CARRIED = ("jobs", "pictures", "gallery")
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


async def measure(pictures: int) -> dict[str, Any]:
    """Measure on both databases, which hold the same."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(4) as pool:
        home = Path(folder)
        await (await open_archive(home, payer_key=KEY, pool=pool)).close()
        grow(home / "limner.db", 2 * pictures, milliseconds())
        with closing(sqlite3.connect(home / "limner.db")) as base, base:
            base.execute("UPDATE gallery SET person = ? WHERE seed % 2 = 0", (WHO.id,))
        sqlite = await looked(await open_archive(home, payer_key=KEY, pool=pool, clock=milliseconds))
        with cluster() as postgres:
            url = postgres.migrated()
            with postgres.connect("migrated") as there:
                carry(home / "limner.db", there)
            other = await open_archive(home, url=url, payer_key=KEY, pool=pool, clock=milliseconds)
            return {"pictures": pictures, "sqlite": sqlite, "postgresql": await looked(other)}


def carry(path: Path, there: psycopg.Connection[Any]) -> None:
    """Write the rows of a grown SQLite log into PostgreSQL, and let it look at them once, as it does by itself."""
    with closing(sqlite3.connect(path)) as base:
        for table in CARRIED:
            rows = base.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in rows.description]
            kinds = dict(
                there.execute(
                    "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s", (table,)
                ).fetchall()
            )
            truths = [nth for nth, name in enumerate(names) if kinds[name] == "boolean"]
            with there.cursor().copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row([bool(value) if nth in truths else value for nth, value in enumerate(row)])
    there.execute("VACUUM ANALYZE")


async def looked(archive: SqlArchive) -> dict[str, dict[str, float]]:
    """Return the median and the slowest time of each search in ms; half of the pictures are the Person's."""
    told: dict[str, dict[str, float]] = {}
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
    """Measure, print and keep it."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--pictures", type=int, default=100_000)
    write("page", asyncio.run(measure(given.parse_args().pictures)))


if __name__ == "__main__":
    main()
