"""E5, against plain diffusers: the same N Recipes by the engine and by one batched `pipe()`, in turns.

usage: python -m bench.e5 [repeats]

At a Model's usual number of steps, and at few, where the decode, which exactness keeps at one picture, weighs most.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch

from bench.common import spread, write
from bench.drive import Drive
from bench.painting import NAME, engine, model, recipe, wait
from bench.shapes import NARROW, stock
from core.draft import ModelCard
from inference import samplers
from inference.device import choose
from inference.local import LocalEngine
from inference.run import Run

PICTURES = 4
STEPS = (20, 8)
GUIDANCE = 5.0
MOST_S = 80.0
"""After this no new turn begins, for each number of steps."""


def by_engine(local: LocalEngine, card: ModelCard, steps: int, first: int) -> float:
    """Paint Recipes `first`.. together; return the seconds until all are decoded."""
    began = time.perf_counter()
    drive = Drive(local, time.perf_counter, wait)
    runs = [Run(f"j{n}", 0, "p", recipe(card, first + n, steps, guidance=GUIDANCE)) for n in range(PICTURES)]
    drive.go([(0.0, run) for run in runs])
    return time.perf_counter() - began


def by_pipe(pipe: Any, card: ModelCard, steps: int, first: int) -> float:
    """Paint the same by one call of the stock pipeline; return its seconds."""
    recipes = [recipe(card, first + n, steps, guidance=GUIDANCE) for n in range(PICTURES)]
    pipe.scheduler = samplers.build(recipes[0].sampler_config)
    began = time.perf_counter()
    pipe(
        prompt=[each.prompt for each in recipes],
        generator=[torch.Generator().manual_seed(each.seed) for each in recipes],
        num_inference_steps=steps,
        guidance_scale=GUIDANCE,
        width=card.width,
        height=card.height,
    )
    return time.perf_counter() - began


def timed(owner: Any, name: str) -> list[float]:
    """Let a method of this object note its seconds from now on; return where."""
    found: list[float] = []
    act = getattr(owner, name)

    def noting(*given: Any, **named: Any) -> Any:
        began = time.perf_counter()
        made = act(*given, **named)
        found.append(time.perf_counter() - began)
        return made

    setattr(owner, name, noting)
    return found


def compare(local: LocalEngine, pipe: Any, card: ModelCard, steps: int, repeats: int) -> dict[str, Any]:
    """Take turns; neither has seen the other's words before, so both encode them."""
    by_engine(local, card, steps, 10_000 * steps)
    by_pipe(pipe, card, steps, 10_000 * steps)
    ours: list[float] = []
    theirs: list[float] = []
    ours_decoding, theirs_decoding = timed(local, "decode"), timed(pipe.vae, "decode")
    began = time.perf_counter()
    for number in range(1, repeats + 1):
        if ours and time.perf_counter() - began > MOST_S:
            break
        first = 10_000 * steps + 100 * number
        theirs.append(by_pipe(pipe, card, steps, first))
        ours.append(by_engine(local, card, steps, first))
    del local.decode, pipe.vae.decode
    # One picture at a time by us, which exactness wants, all at once by the pipeline.
    each = [sum(ours_decoding[n : n + PICTURES]) for n in range(0, len(ours_decoding), PICTURES)]
    undecoded = [(a - b) / (c - d) for a, b, c, d in zip(theirs, theirs_decoding, ours, each, strict=True)]
    return {"steps": steps, "engine_s": spread(ours), "pipe_s": spread(theirs),
            "ratio": spread([a / b for a, b in zip(theirs, ours, strict=True)]),
            "engine_decode_s": spread(each), "pipe_decode_s": spread(theirs_decoding),
            "ratio_without_decoding": spread(undecoded),
            "raw": {"engine_s": ours, "pipe_s": theirs}}  # fmt: skip


def main(repeats: int) -> None:
    """Compare at each number of steps, on one device, one after the other."""
    choice = choose("cpu", "auto", 0, 2)
    with model(NARROW, "cpu", choice.dtype) as (folder, registry):
        local, card = engine(registry, dtype=choice.dtype, threads=choice.threads), registry.card(NAME)
        pipe = stock(folder, NARROW, "cpu", getattr(torch, choice.dtype))
        found = [compare(local, pipe, card, steps, repeats) for steps in STEPS]
    write("e5", {"pictures": PICTURES, "dtype": choice.dtype, "threads": choice.threads, "at": found})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
