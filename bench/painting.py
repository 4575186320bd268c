"""What the engine's benchmarks share: a Registry and LocalEngine over a folder, Recipes, and a measured cost table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from bench.drive import Ask, Costs
from bench.shapes import Shape, make_folder
from core.draft import ModelCard
from core.recipe import ModelRef, Paint
from inference.local import LocalEngine
from inference.models import Registry
from inference.quiet import hush
from inference.run import Batch, Run

NAME = "bench"


@contextmanager
def model(shape: Shape, device: str, dtype: str) -> Iterator[tuple[Path, Registry]]:
    """Make a Model's folder for as long as it is needed, and read it."""
    hush()
    with TemporaryDirectory(prefix="limner-bench-") as place:
        folder = make_folder(shape, Path(place) / shape.name, device, getattr(torch, dtype))
        registry = Registry({NAME: folder})
        registry.read({})
        yield folder, registry


def engine(registry: Registry, **settings: Any) -> LocalEngine:
    """Return a warm LocalEngine over the folder; it never loads a Sketch."""
    local = LocalEngine(registry, _nothing, **{"default": NAME, "threads": 1, **settings})
    local.warm()
    return local


def recipe(card: ModelCard, number: int, steps: int, *, guidance: float = 5.0, sampler: str = "euler") -> Paint:
    """Return Recipe number so-and-so of a Model, at its own size."""
    return Paint(
        prompt=f"a fox, number {number}",
        seed=1000 + number,
        width=card.width,
        height=card.height,
        steps=steps,
        guidance=guidance,
        sampler=sampler,
        sampler_config=dict(card.samplers[sampler]),
        model=ModelRef(card.family, card.digest),
    )


def runs_of(card: ModelCard, asks: Sequence[Ask]) -> list[Run]:
    """Return a Run for each Ask, its person as its share."""
    return [Run(f"j{n}", 0, ask.person, recipe(card, n, ask.steps)) for n, ask in enumerate(asks)]


def wait(until_s: float) -> None:
    """Sleep until perf_counter shows a moment."""
    time.sleep(max(0.0, until_s - time.perf_counter()))


def measure(local: LocalEngine, card: ModelCard, repeats: int, sync: Callable[[], None] = lambda: None) -> Costs:
    """Time begin, a call of every batch size (sizes taken in turn) and decode; medians."""
    begin, decode = [], []
    steps = len(local.sizes) * (repeats + 1)  # The first Run is in every call.
    runs = [Run("warm", n, "p", recipe(card, n, steps)) for n in range(max(local.sizes[-1] // 2, 1))]
    for run in runs:
        begin.append(_timed(partial(local.begin, run), sync))
    rows = runs[0].rows
    calls: dict[int, list[float]] = {size: [] for size in local.sizes if size >= rows}
    for size in calls:
        _step(local, runs[: size // rows], size)
    for _ in range(repeats):
        for size, taken in calls.items():
            taken.append(_timed(partial(_step, local, runs[: size // rows], size), sync))
    for run in runs[:1] * (repeats + 1):
        decode.append(_timed(partial(local.decode, run), sync))
    medians = {size: statistics.median(taken) for size, taken in calls.items()}
    return Costs(medians, statistics.median(begin), statistics.median(decode[1:]), rows)


def _step(local: LocalEngine, runs: Sequence[Run], size: int) -> None:
    key = runs[0].key
    assert key is not None
    local.step(Batch(key, tuple(runs), size))
    for run in runs:
        if run.error is not None:
            raise run.error


def _timed(act: Callable[[], object], sync: Callable[[], None]) -> float:
    sync()
    began = time.perf_counter()
    act()
    sync()
    return time.perf_counter() - began


def _nothing(digest: str, kind: str) -> bytes:
    raise FileNotFoundError(f"a benchmark keeps no {kind} {digest}")
