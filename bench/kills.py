"""Kill -9 at random moments, by the hundred: on the page and behind a Discord of our own; what was promised is counted.

usage: python -m bench.kills [--page 500] [--discord 500] [--seed N]; --write runs nothing, and writes the table of the
kept result into docs/reliability.md. Each face's count is kept as it is done.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.common import machine
from tests.crash.chat import ChatVerdict
from tests.crash.cradle import Cradle, cradle
from tests.crash.harness import Verdict
from tests.crash.random_kills import in_discord, on_the_page
from tests.crash.steady import sound

HOME = Path(__file__).resolve().parents[1]
OUT = HOME / "bench" / "results" / "kills.json"
PAGE = HOME / "docs" / "reliability.md"
BEGIN, END = "<!-- kills: written by python -m bench.kills --write -->", "<!-- kills end -->"
ROWS = ("kills", "accepted", "lost", "doubled", "charged_twice", "shown_before_logged", "failed", "unsound", "minutes")
TOLD = {"failed": "failed after 3 attempts", "unsound": "wrong in the log or its files"}

Play = Callable[[Path, int, random.Random, Cradle], Awaitable[Verdict | ChatVerdict]]
PLAYS: dict[str, Play] = {"page": on_the_page, "discord": in_discord}


def played(face: str, kills: int, seed: int) -> dict[str, Any]:
    """Kill so often, let all end, and return the books."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="limner-kills-") as folder, cradle() as warm:
        verdict = asyncio.run(PLAYS[face](Path(folder), kills, random.Random(seed), warm))
        wrong = len(sound(Path(folder) / "data"))
    minutes = round((time.monotonic() - began) / 60, 1)
    return {"kills": kills, "seed": seed, "minutes": minutes, "unsound": wrong, **asdict(verdict)}


def table(found: dict[str, Any]) -> str:
    """Return the table between its marks."""
    faces = [face for face in PLAYS if face in found]
    head = [f"| | {' | '.join(faces)} |", "| --- |" + " --- |" * len(faces)]
    rows = [
        f"| {TOLD.get(row, row.replace('_', ' '))} | {' | '.join(str(found[face][row]) for face in faces)} |"
        for row in ROWS
    ]
    return "\n".join([BEGIN, *head, *rows, END])


def main(args: list[str]) -> int:
    """Play, keep what was counted, or write it into its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    for face in PLAYS:
        parser.add_argument(f"--{face}", type=int, default=0, help="how often to kill it there")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    given = vars(parser.parse_args(args))
    found: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    if given["write"]:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(before + table(found) + rest.partition(END)[2], encoding="utf-8")
        return 0
    bad = 0
    for face in PLAYS:
        if given[face]:
            found[face] = played(face, given[face], given["seed"])
            found["machine"] = machine()
            OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(json.dumps({face: found[face]}))
            bad += sum(found[face][row] for row in ROWS[2:6]) + found[face]["unsound"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
