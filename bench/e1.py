"""E1, overhead: what the program adds to a Picture and how long the device waits for it, around calls that only sleep.

usage: python -m bench.e1 [repeats]
"""

from __future__ import annotations

import sys
import time

from bench.common import TimedEngine, ask, painted, run, running, spread, write
from core.draft import Draft, ModelCard, fill
from inference.device import choose
from inference.engine import Engine
from inference.models import Registry
from inference.run import Batch, Key, Run
from parts import Load

ARMS = ((0.0, 20), (0.05, 20), (0.5, 4))
"""Seconds of a call, and steps of a Picture."""
WORDS = "a red heart"


class SleepingEngine(TimedEngine):
    """An Engine whose calls take as long as they are told and compute nothing; all else of a Picture is real."""

    call_s = 0.0

    def step(self, batch: Batch) -> None:
        with self._noted("step"):
            time.sleep(self.call_s)
        for each in batch.runs:
            each.stepped(batch.size)


def by_hand(engine: SleepingEngine, card: ModelCard, seed: int, steps: int) -> float:
    """Return the seconds a Picture takes by the Engine alone, PNG included."""
    (recipe,), _ = fill(Draft(prompt=WORDS, seed=seed, steps=steps), card, lambda: seed)
    each = Run(f"j{seed}", 0, "p", recipe)
    began = time.perf_counter()
    engine.begin(each)
    while each.left:
        engine.step(Batch(each.key or Key(""), (each,), engine.sizes[-1]))
    engine.wrap(each, engine.decode(each))
    return time.perf_counter() - began


async def main(repeats: int) -> None:
    """Take turns between both ways, at each length of a call."""
    engines: list[SleepingEngine] = []
    cards: list[ModelCard] = []

    def sleeping(load: Load, registry: Registry) -> Engine:
        from inference.local import LocalEngine

        choice = choose("cpu", "auto", 0, 2)
        engines.append(SleepingEngine(LocalEngine(registry, load, dtype=choice.dtype, threads=choice.threads)))
        cards.append(registry.card("builtin"))
        return engines[0]

    found = {}
    async with running(sleeping) as program:
        await painted(program, [(await ask(program, f"{WORDS} --seed 0 --steps 2", 0))["id"]], 0)
        card = next(card for card in program.registry.cards() if card.name == cards[0].name)
        number = 0
        for engines[0].call_s, steps in ARMS:
            alone, whole, idle = [], [], []
            for _ in range(repeats):
                number += 1
                alone.append(by_hand(engines[0], card, number, steps))
                after = (await program.studio.health())["last_move"]
                engines[0].busy.clear()
                began = time.perf_counter()
                job = await ask(program, f"{WORDS} --seed {number} --steps {steps}", number)
                done = await painted(program, [job["id"]], after)
                whole.append(done[job["id"]] - began)
                idle.append(sum(b[1] - a[2] for a, b in zip(engines[0].busy, engines[0].busy[1:], strict=False)))
            added = [1000 * (mine - bare) for mine, bare in zip(whole, alone, strict=True)]
            found[f"{1000 * engines[0].call_s:g} ms"] = {
                "steps": steps,
                "alone_s": spread(alone),
                "limner_s": spread(whole),
                "added_ms": spread(added),
                "idle_ms_per_job": spread([1000 * each for each in idle]),
                "idle_ms_per_call": spread([1000 * each / steps for each in idle]),
            }
    write("e1", {"calls_of": found})


if __name__ == "__main__":
    run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
