"""Replay: how many Pictures painted at random concurrency are identical when made again; fills the table in the docs.

usage: python -m bench.replay [--pictures 100] [--docs]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.common import write
from build import HOME
from inference.local import LocalEngine
from inference.quiet import hush
from tests.support.crowd import again, paint, recipes
from tests.support.painting import registry
from tests.support.sabotage import BatchingVaeEngine, TracelessEngine, sabotaged

ROWS: tuple[tuple[str, type[LocalEngine], str, str], ...] = (
    ("none", LocalEngine, "float32", "float32"),
    ("none", LocalEngine, "bfloat16", "bfloat16"),
    ("none", LocalEngine, "float32", "bfloat16"),
    ("the trace is dropped", TracelessEngine, "float32", "float32"),
    ("the VAE decodes several at once", BatchingVaeEngine, "bfloat16", "bfloat16"),
)
PAGE = HOME / "docs" / "reproduce.md"
BEGIN, END = "<!-- replay: python -m bench.replay --docs -->", "<!-- /replay -->"


async def count(kind: type[LocalEngine], dtype: str, reproducing: str, pictures: int, seed: int) -> dict[str, Any]:
    """Paint a crowd's Pictures with one Engine and make each again with a new one."""
    chance = random.Random(seed)
    began = time.perf_counter()
    wanted = recipes(registry().card("tiny"), 3 * pictures // 2, chance)
    made = (await paint(sabotaged(kind, dtype), wanted, chance))[:pictures]
    verdicts = await again(sabotaged(kind, reproducing), made)
    sizes = sorted({size for each in made for size, _ in each.painted.fingerprint.trace})
    return {"dtype": dtype, "reproducing": reproducing, "identical": sum(verdicts), "of": len(verdicts),
            "sizes": sizes, "seconds": time.perf_counter() - began}  # fmt: skip


def fill(page: str, rows: Sequence[dict[str, Any]]) -> str:
    """Return the page with a new table between the marks; raise ValueError where they are missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no marks {BEGIN} and {END}")
    lines = ["| painted in | made again by an engine of | mistake planted | identical |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {row['dtype']} | {row['reproducing']} | {row['mistake']} | {row['identical']} of {row['of']} |"
        for row in rows
    ]
    return f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}"


def main(argv: Sequence[str] | None = None, page: Path = PAGE) -> None:
    """Count every row, planted mistakes among them; write the JSON and, with --docs, the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=100, help="a row; planted mistakes get a fifth of it")
    parser.add_argument("--docs", action="store_true", help=f"write the table into {PAGE.name}")
    wanted = parser.parse_args(argv)
    hush()
    rows = []
    for seed, (mistake, kind, dtype, reproducing) in enumerate(ROWS, start=31):
        pictures = wanted.pictures if mistake == "none" else max(8, wanted.pictures // 5)
        counted = asyncio.run(count(kind, dtype, reproducing, pictures, seed))
        rows.append({"mistake": mistake, **counted})
    if wanted.docs:
        page.write_text(fill(page.read_text(encoding="utf-8"), rows), encoding="utf-8")
    write("replay", {"rows": rows})


if __name__ == "__main__":
    main()
