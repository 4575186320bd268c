"""H3: what moves bits: a row's place, the rows of a call, cuDNN; and whether a trace gives the Picture again."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from bench.drive import Drive
from bench.gpu.place import Place
from bench.painting import recipe, wait
from bench.rows import Inputs, inputs
from bench.shapes import Shape, make_unet
from core.draft import ModelCard
from core.picture import Replay
from core.progress import Painted
from inference.local import LocalEngine
from inference.run import Run

SAMPLERS = ("euler", "ddim", "dpmpp-2m", "euler-a")
RERUNS = 8


def of_calls(place: Place, shape: Shape) -> dict[str, Any]:
    """Compare a row's output bits over places, batch sizes and cuDNN's switches."""
    unet = make_unet(shape, place.device, place.torch_dtype)
    most = min(8, max(place.sizes))
    given = inputs(shape, most, place.device, place.torch_dtype)
    with cudnn(deterministic=True, benchmark=False):
        together = given.call(unet)
        found = {
            "position": _positions(unet, given, together, most),
            "rows": {
                str(rows): _compared([(together[i], _first(unet, given, i, rows)) for i in range(most)])
                for rows in place.sizes
                if rows < most
            },
        }
    return {**found, "cudnn": _switches(place, unet, given)}


def replays(place: Place, local: LocalEngine, card: ModelCard) -> dict[str, Any]:
    """Paint Runs in random company, then each alone by its trace; count the identical ones, and those without it."""
    chance = random.Random(5)
    busy = [Run(f"b{n}", n, f"p{chance.randrange(8)}", _recipe(place, card, n, chance)) for n in range(place.replays)]
    drive = Drive(local, time.perf_counter, wait)
    spread_s = [chance.random() * 0.02 * place.replays for _ in busy]
    drive.go(list(zip(spread_s, busy, strict=True)))
    painted = {run: local.wrap(run, drive.decoded[run]) for run in busy}
    same = traceless = tried = 0
    for run, first in painted.items():
        if place.left_s() < 5:
            break
        tried += 1
        same += _again(local, run, first).pixels_digest == first.pixels_digest
        bare = replace(first, fingerprint=replace(first.fingerprint, trace=()))
        traceless += _again(local, run, bare).pixels_digest == first.pixels_digest
    sizes = sorted({size for run in busy for size, _ in run.trace})
    return {"runs": tried, "identical": same, "identical_without_trace": traceless, "sizes_seen": sizes}


@contextmanager
def cudnn(*, deterministic: bool, benchmark: bool) -> Iterator[None]:
    """Set cuDNN's switches for a while."""
    flags = torch.backends.cudnn
    before = flags.deterministic, flags.benchmark
    flags.deterministic, flags.benchmark = deterministic, benchmark
    try:
        yield
    finally:
        flags.deterministic, flags.benchmark = before


def _recipe(place: Place, card: ModelCard, number: int, chance: random.Random) -> Any:
    steps = chance.randint(max(2, place.steps // 3), place.steps)
    return recipe(card, number, steps, guidance=chance.choice((1.0, 4.0, 7.5)), sampler=chance.choice(SAMPLERS))


def _again(local: LocalEngine, run: Run, first: Painted) -> Painted:
    again = Run("again", run.picture, "p", run.recipe, Replay(first.fingerprint, first.pixels_digest))
    drive = Drive(local, time.perf_counter, wait)
    drive.go([(0.0, again)])
    return local.wrap(again, drive.decoded[again])


def _positions(unet: Any, given: Inputs, together: torch.Tensor, most: int) -> dict[str, Any]:
    """Turn the rows round by every distance: each row in every place, its neighbours with it or reversed."""
    pairs = []
    for shift in range(1, most):
        order = [(place + shift) % most for place in range(most)]
        for rows in (order, order[::-1]):
            out = given.part(rows).call(unet)
            pairs += [(together[row], out[place]) for place, row in enumerate(rows)]
    return _compared(pairs)


def _first(unet: Any, given: Inputs, row: int, rows: int) -> torch.Tensor:
    most = len(given.timesteps)
    return given.part([(row + k) % most for k in range(rows)]).call(unet)[0]


def _switches(place: Place, unet: Any, given: Inputs) -> dict[str, Any]:
    """Make the same call again and again under each setting; its cost against cuDNN's own choice, in per cent."""
    settings = {
        "own choice": {"deterministic": False, "benchmark": False},
        "benchmark": {"deterministic": False, "benchmark": True},
        "deterministic": {"deterministic": True, "benchmark": False},
    }
    outs: dict[str, list[torch.Tensor]] = {name: [] for name in settings}
    taken: dict[str, list[float]] = {name: [] for name in settings}
    for number in range(RERUNS + 1):
        for name, flags in settings.items():
            with cudnn(**flags):
                seconds, out = _timed(place, lambda: given.call(unet))
            outs[name].append(out)
            if number:
                taken[name].append(seconds)
    base = statistics.median(taken["own choice"])
    return {
        name: {
            **_compared([(outs[name][0], out) for out in outs[name][1:]]),
            "call_s": statistics.median(taken[name]),
            "cost_percent": 100 * (statistics.median(taken[name]) / base - 1),
        }
        for name in settings
    }


def _timed(place: Place, act: Callable[[], torch.Tensor]) -> tuple[float, torch.Tensor]:
    place.sync()
    began = time.perf_counter()
    out = act()
    place.sync()
    return time.perf_counter() - began, out


def _compared(pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, Any]:
    """Return how many pairs are equal in every bit, of how many, and the largest difference."""
    equal = sum(torch.equal(first, second) for first, second in pairs)
    most = max((float((first.float() - second.float()).abs().max()) for first, second in pairs), default=0.0)
    return {"equal": equal, "of": len(pairs), "maxdiff": most}
