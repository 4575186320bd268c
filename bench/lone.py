"""A lone picture of the built-in model: Limner against bare StableDiffusionPipeline, in one process, interleaved.

usage: python -m bench.lone [repeats]
"""

from __future__ import annotations

import io
import sys
import time
from typing import Any

from bench.common import TimedEngine, ask, painted, peak_mb, run, running, spread, write
from build import HOME
from inference.device import choose
from inference.engine import Engine
from inference.models import Registry
from parts import Load

STEPS = 20
GUIDANCE = 5.0


def bare(dtype: str, threads: int) -> Any:
    """Return the stock pipeline over the built-in model, set as Limner sets it."""
    import torch
    from diffusers import StableDiffusionPipeline

    torch.set_num_threads(threads)
    pipe = StableDiffusionPipeline.from_pretrained(
        HOME / "models" / "builtin", dtype=getattr(torch, dtype), local_files_only=True
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def paint_bare(pipe: Any, seed: int) -> tuple[float, float]:
    """Return seconds to a picture, and of its PNG."""
    import torch

    began = time.perf_counter()
    image = pipe("a red heart", num_inference_steps=STEPS, guidance_scale=GUIDANCE,
                 generator=torch.Generator().manual_seed(seed)).images[0]  # fmt: skip
    done = time.perf_counter()
    image.save(io.BytesIO(), "PNG")
    return done - began, time.perf_counter() - done


async def main(repeats: int) -> None:
    """Interleave both arms; report added latency, the whole time and the device's idle time."""
    engines: list[TimedEngine] = []

    def timed(load: Load, registry: Registry) -> Engine:
        from inference.local import LocalEngine

        choice = choose("cpu", "auto", 0, 2)
        engines.append(TimedEngine(LocalEngine(registry, load, dtype=choice.dtype, threads=choice.threads)))
        return engines[0]

    choice = choose("cpu", "auto", 0, 2)
    async with running(timed) as program:
        pipe = bare(choice.dtype, choice.threads)
        paint_bare(pipe, 0)
        await painted(program, [(await ask(program, "a red heart --seed 0", 0))["id"]], 0)
        theirs, png, ours, idle = [], [], [], []
        for number in range(1, repeats + 1):
            taken, saved = paint_bare(pipe, number)
            theirs.append(taken)
            png.append(saved)
            after = (await program.studio.health())["last_move"]
            engines[0].busy.clear()
            began = time.perf_counter()
            words = f"a red heart --seed {number} --steps {STEPS} --guidance {GUIDANCE}"
            job = await ask(program, words, number)
            done = await painted(program, [job["id"]], after)
            ours.append(done[job["id"]] - began)
            busy = engines[0].busy
            idle.append(sum(b[1] - a[2] for a, b in zip(busy, busy[1:], strict=False)))
    added = [1000 * (mine - bare_s - saved) for mine, bare_s, saved in zip(ours, theirs, png, strict=True)]
    write("lone", {"steps": STEPS, "dtype": choice.dtype, "threads": choice.threads,
                   "bare_s": spread(theirs), "limner_s": spread(ours), "png_s": spread(png),
                   "ratio": spread([a / b for a, b in zip(ours, theirs, strict=True)]),
                   "added_ms": spread(added), "idle_ms_per_job": spread([1000 * each for each in idle]),
                   "idle_ms_per_call": spread([1000 * each / STEPS for each in idle]),
                   "peak_mb_with_both_models": peak_mb(), "raw": {"bare_s": theirs, "limner_s": ours}})  # fmt: skip


if __name__ == "__main__":
    run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
