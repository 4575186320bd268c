"""H2: the engine against a stock pipeline that paints one Job after the other: saturated, and at 0.8 load."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from bench.drive import Ask, Costs, Drive, by_steps, poisson
from bench.gpu.place import Place
from bench.painting import measure, recipe, runs_of, wait
from core.draft import ModelCard
from core.recipe import Paint
from inference import samplers
from inference.local import LocalEngine

LOAD = 0.8
PEOPLE = 20
SATURATED_S = 25.0
"""About how long the equal Jobs would take one after the other; two full Batches at least."""


def compare(place: Place, local: LocalEngine, pipe: Any, card: ModelCard, until_left_s: float) -> dict[str, Any]:
    """Measure the cost table, Pictures a second with work for all, and latencies at 0.8 of what FIFO can do."""
    _fifo(pipe, card, [Ask(0.0, 2, "warm")])
    costs = measure(local, card, place.repeats, place.sync)
    found: dict[str, Any] = {"costs": asdict(costs), "saturated": _saturated(place, local, pipe, card, costs)}
    if place.left_s() - until_left_s < 2.5 * place.load_s:
        return {**found, "at_0.8": {"left_out": "no time left"}}
    mean_s = _mean_alone(place, pipe, card, costs)
    asks = poisson(max(6, int(place.load_s * LOAD / mean_s)), LOAD / mean_s, PEOPLE, seed=1)
    at_load = {"engine": _engine(local, card, asks), "fifo": _fifo(pipe, card, asks)}
    found["at_0.8"] = {name: by_steps(asks, latency_s, costs.alone) for name, latency_s in at_load.items()}
    return found


def _saturated(place: Place, local: LocalEngine, pipe: Any, card: ModelCard, costs: Costs) -> dict[str, Any]:
    """Give the engine many equal Jobs at once; the pipeline, which takes one at a time, a quarter of them."""
    enough = max(place.sizes[-1], int(SATURATED_S / costs.alone(place.steps)))
    asks = [Ask(0.0, place.steps, f"p{n % PEOPLE}") for n in range(min(place.saturated, enough))]
    few = asks[: max(2, len(asks) // 4)]
    theirs = len(few) / max(_fifo(pipe, card, few))
    ours = len(asks) / max(_engine(local, card, asks))
    return {"steps": place.steps, "pictures": len(asks), "engine_per_s": ours, "fifo_per_s": theirs,
            "ratio": ours / theirs}  # fmt: skip


def _mean_alone(place: Place, pipe: Any, card: ModelCard, costs: Costs) -> float:
    """Return seconds of a mean Job of the mix by the pipeline: its own pace, measured on the Job of `steps`."""
    asks = [Ask(0.0, place.steps, "p")]
    pace = max(_fifo(pipe, card, asks)) / costs.alone(place.steps)
    return pace * costs.mean_alone()


def _engine(local: LocalEngine, card: ModelCard, asks: Sequence[Ask]) -> list[float]:
    runs = runs_of(card, asks)
    done_s = Drive(local, time.perf_counter, wait).go([(ask.at_s, run) for ask, run in zip(asks, runs, strict=True)])
    return [done_s[run] - ask.at_s for ask, run in zip(asks, runs, strict=True)]


def _fifo(pipe: Any, card: ModelCard, asks: Sequence[Ask]) -> list[float]:
    began, found = time.perf_counter(), []
    for number, ask in enumerate(asks):
        wait(began + ask.at_s)
        _pipe(pipe, recipe(card, number, ask.steps))
        found.append(time.perf_counter() - began - ask.at_s)
    return found


def _pipe(pipe: Any, wanted: Paint) -> None:
    pipe.scheduler = samplers.build(wanted.sampler_config)
    pipe(
        wanted.prompt,
        num_inference_steps=wanted.steps,
        guidance_scale=wanted.guidance,
        generator=torch.Generator().manual_seed(wanted.seed),
        width=wanted.width,
        height=wanted.height,
    )
