"""E8, replay of a load: Runs painted as E4's come, on the clock of the wall, then each alone; Latents and pixels.

usage: python -m bench.e8 [runs]
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import Any

import torch

from bench.common import TimedEngine, write
from bench.drive import Drive, poisson
from bench.painting import NAME, engine, measure, model, runs_of, wait
from bench.shapes import NARROW
from core.picture import Replay
from core.progress import Painted
from inference.device import choose
from inference.local import LocalEngine
from inference.run import Batch, Key, Run

LOAD = 0.8
PEOPLE = 20


class KeepingEngine(TimedEngine):
    """Keep every Run's last Latent."""

    def __init__(self, engine: LocalEngine) -> None:
        super().__init__(engine)
        self.latents: dict[Run, torch.Tensor] = {}

    def decode(self, run: Run) -> object:
        self.latents[run] = run.state.latent.clone()
        return super().decode(run)


def again(local: LocalEngine, first: Run, painted: Painted) -> tuple[torch.Tensor, str]:
    """Make a Run again, alone, by its Fingerprint; return its last Latent and the digest of its pixels."""
    run = Run("again", 0, "p", first.recipe, replay=Replay(painted.fingerprint, painted.pixels_digest))
    local.begin(run)
    while run.left:
        local.step(Batch(run.key or Key(""), (run,), run.forced_size() or local.sizes[-1]))
        if run.error is not None:
            raise run.error
    return run.state.latent, local.wrap(run, local.decode(run)).pixels_digest


def count(dtype: str, threads: int, runs: int) -> dict[str, Any]:
    """Paint a load with one Engine and make each Run again with a new one."""
    with model(NARROW, "cpu", dtype) as (_, registry):
        local, card = engine(registry, dtype=dtype, threads=threads), registry.card(NAME)
        costs = measure(local, card, repeats=5)
        asks = poisson(runs, LOAD / costs.mean_alone(), PEOPLE, seed=8)
        keeping, made = KeepingEngine(local), runs_of(card, asks)
        drive = Drive(keeping, time.perf_counter, wait)
        drive.go(list(zip([ask.at_s for ask in asks], made, strict=True)))
        latents, pixels = 0, 0
        replaying = engine(registry, dtype=dtype, threads=threads)
        for run in made:
            painted = local.wrap(run, drive.decoded[run])
            latent, digest = again(replaying, run, painted)
            latents += torch.equal(latent, keeping.latents[run])
            pixels += digest == painted.pixels_digest
        sizes = sorted({size for run in made for size, _ in run.trace})
        return {"dtype": dtype, "runs": runs, "equal_latents": latents, "equal_pixels": pixels, "sizes": sizes,
                "runs_of_several_sizes": sum(len(run.trace) > 1 for run in made), "costs": asdict(costs)}  # fmt: skip


def main(runs: int) -> None:
    """Count in this machine's own dtype."""
    choice = choose("cpu", "auto", 0, 2)
    write("e8", {"load": LOAD, "threads": choice.threads, **count(choice.dtype, choice.threads, runs)})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
