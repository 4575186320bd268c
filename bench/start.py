"""A start as its owner sees it: seconds to the page's first answer, to ready, to a first picture; memory by stage.

usage: python -m bench.start [repeats]; the first start makes the data folder and is not counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common import PLACE, run, spread, write
from build import HOME
from core.person import OWNER
from core.studio import Ask
from web.client import RemoteStudio

WORDS = "a red heart --steps 20 --seed 42"


def peak_mb(pid: int) -> float:
    """Return the most memory a process held, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


async def one(data: Path) -> dict[str, float]:
    """Start the program, wait for each stage, stop it."""
    environ = {**os.environ, "LIMNER_DATA": str(data), "LIMNER__PAGE__PORT": "0", "PYTHONWARNINGS": "ignore"}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HOME / "main.py"), env=environ, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    note = json.loads((data / "run.json").read_text())
    found: dict[str, float] = {}
    async with RemoteStudio(note["url"], note["bearer"]) as studio:
        await studio.health()
        found["page_s"] = time.perf_counter() - began
        found["page_mb"] = peak_mb(process.pid)
        while (await studio.health())["state"] != "ready":  # noqa: ASYNC110 - another process, which tells nobody
            await asyncio.sleep(0.05)
        found["ready_s"] = time.perf_counter() - began
        found["ready_mb"] = peak_mb(process.pid)
        for name in ("first_picture_s", "second_picture_s"):
            asked = time.perf_counter()
            after = (await studio.health())["last_move"]
            [job] = await studio.ask(Ask(OWNER, PLACE, f"start-{name}-{asked}", WORDS))
            async for event in studio.watch(OWNER, PLACE, after):
                if event["type"] == "move" and event["job"]["id"] == job["id"] and event["job"]["state"] == "delivered":
                    break
            found[name] = time.perf_counter() - asked
        found["painted_mb"] = peak_mb(process.pid)
    process.terminate()
    await process.wait()
    return found


async def main(repeats: int) -> None:
    """Start several times over one data folder."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        await one(data)
        rows = [await one(data) for _ in range(repeats)]
    write("start", {**{key: spread([row[key] for row in rows]) for key in rows[0]}, "raw": rows})


if __name__ == "__main__":
    run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
