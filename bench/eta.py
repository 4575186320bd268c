"""How true the promised time is: a queue of ten Jobs of different steps, promised at accept against waited for.

usage: python -m bench.eta [rounds]
"""

from __future__ import annotations

import statistics
import sys
import time

from bench.common import ask, painted, run, running, write

STEPS = (10, 30, 20, 8, 40, 20, 12, 25, 20, 16)


async def main(rounds: int) -> None:
    """Warm the pace with one Job, then ask ten at once and compare."""
    errors: list[float] = []
    raw = []
    async with running() as program:
        await painted(program, [(await ask(program, "a blue fish --seed 0", 0))["id"]], 0)
        number = 1
        for _ in range(rounds):
            after = (await program.studio.health())["last_move"]
            asked = {}
            for steps in STEPS:
                began = time.perf_counter()
                job = await ask(program, f"a blue fish --steps {steps} --seed {number}", number)
                asked[job["id"]] = (began, job["eta_s"])
                number += 1
            seen = await painted(program, list(asked), after)
            for job_id, (began, eta_s) in asked.items():
                waited = seen[job_id] - began
                raw.append({"promised_s": eta_s, "waited_s": waited})
                if eta_s is not None:
                    errors.append(abs(eta_s - waited) / waited)
    write("eta", {"median_error": statistics.median(errors), "promised": len(errors), "asked": len(raw), "raw": raw})


if __name__ == "__main__":
    run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2))
