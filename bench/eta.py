"""How true the promised time is: ten Jobs of different steps at once, the time shown then against the time waited.

usage: python -m bench.eta [rounds]
"""

from __future__ import annotations

import statistics
import sys
import time

from bench.common import ask, painted, run, running, write
from core.person import OWNER

STEPS = (10, 30, 20, 8, 40, 20, 12, 25, 20, 16)


async def main(rounds: int) -> None:
    """Warm the pace with four Jobs at once, then ask ten at once, look at the times shown, and compare."""
    errors: list[float] = []
    raw = []
    async with running() as program:
        warm = [(await ask(program, f"a blue fish --seed {number}", number))["id"] for number in range(4)]
        await painted(program, warm, 0)
        number = len(warm)
        for _ in range(rounds):
            after = (await program.studio.health())["last_move"]
            asked = []
            for steps in STEPS:
                asked.append((await ask(program, f"a blue fish --steps {steps} --seed {number}", number))["id"])
                number += 1
            # What each person sees now that the queue of ten stands; whoever comes later moves it for everybody.
            promised = {sheet["id"]: sheet["eta_s"] for sheet in await program.studio.history(OWNER, limit=len(STEPS))}
            began = time.perf_counter()
            seen = await painted(program, asked, after)
            for job_id in asked:
                eta_s, waited = promised[job_id], seen[job_id] - began
                raw.append({"promised_s": eta_s, "waited_s": waited})
                if eta_s is not None:
                    errors.append(abs(eta_s - waited) / waited)
    write("eta", {"median_error": statistics.median(errors), "promised": len(errors), "asked": len(raw), "raw": raw})


if __name__ == "__main__":
    run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2))
