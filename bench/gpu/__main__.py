"""Run H1, H2 and H3 on a CUDA device inside ten minutes, or the same code on a CPU with small shapes.

usage: python -m bench.gpu [--minutes 9] [--out FILE] [--cpu-small]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from inference.quiet import hush, set_environment

RESULTS = Path(__file__).resolve().parents[1] / "results"
SHARES = {"speed": 0.30, "calls": 0.12}
"""How much of the time H1 of both shapes and the calls' bits may take; the engine has the rest."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what there is time for, printing each part as it is done; 1 where a part failed, 2 without a CUDA device."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cpu-small", action="store_true", help="tiny shapes on the CPU, under a minute")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--out", type=Path)
    wanted = parser.parse_args(argv)
    began = time.perf_counter()
    set_environment(os.environ)
    hush()
    import torch

    if not wanted.cpu_small and not torch.cuda.is_available():
        print("There is no CUDA device here. --cpu-small runs the same code with tiny shapes.", file=sys.stderr)
        return 2
    place = small_cpu(began) if wanted.cpu_small else cuda(began, 60 * wanted.minutes)
    name = "gpu-small" if wanted.cpu_small else "gpu"
    out = wanted.out or RESULTS / f"{name}.json"
    whole = {"bench": name, **measure(place, began)}
    whole["seconds"] = time.perf_counter() - began
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    text = json.dumps(whole)
    print(text)
    return 1 if '"failed"' in text else 0


def cuda(began: float, limit_s: float) -> Any:
    """Return the full measurement, on the first CUDA device."""
    from bench.gpu.place import Place
    from bench.shapes import SD15, SDXL

    return Place("cuda", "bfloat16", (SD15, SDXL), (1, 2, 4, 8, 16, 32, 64), (1, 2, 4, 8, 16, 32), repeats=7,
                 saturated=96, load_s=35.0, replays=50, steps=20, ends_s=began + limit_s)  # fmt: skip


def small_cpu(began: float) -> Any:
    """Return the same with so little to do that a CPU is through in a minute."""
    import torch

    from bench.gpu.place import Place
    from bench.shapes import SMALL_SD15, SMALL_SDXL

    torch.set_num_threads(1)
    return Place("cpu", "float32", (SMALL_SD15, SMALL_SDXL), (1, 2, 4), (1, 2, 4, 8), repeats=2,
                 saturated=6, load_s=2.0, replays=6, steps=4, ends_s=began + 300)  # fmt: skip


def measure(place: Any, began: float) -> dict[str, Any]:
    """Measure every part; one that fails is told in the result and the others go on."""
    from bench.gpu import bits, speed
    from bench.gpu.place import facts

    whole: dict[str, Any] = {"facts": facts(place), "speed": {}, "calls": {}, "load": {}, "replay": {}}
    total_s = place.ends_s - began
    for number, shape in enumerate(place.shapes, start=1):
        reserve_s = total_s * (1 - SHARES["speed"] * number / len(place.shapes))
        whole["speed"][_short(shape.name)] = told("speed", shape, partial(speed.measure, place, shape, reserve_s))
        place.tidy()
    for shape in place.shapes[:1]:
        whole["calls"][_short(shape.name)] = told("calls", shape, partial(bits.of_calls, place, shape))
        place.tidy()
    for number, shape in enumerate(place.shapes, start=1):
        reserve_s = 0.5 * place.left_s() if number < len(place.shapes) else 5.0
        part = told("engine", shape, partial(of_engine, place, shape, reserve_s))
        whole["load"][_short(shape.name)] = part.get("load", part)
        whole["replay"][_short(shape.name)] = part.get("replay", part)
        place.tidy()
    return whole


def of_engine(place: Any, shape: Any, until_left_s: float) -> dict[str, Any]:
    """Measure what needs the whole engine: bits of replayed Runs first, then speed against FIFO."""
    from bench.gpu import bits, load
    from bench.painting import NAME, engine, model
    from bench.shapes import stock

    if place.left_s() < 30:
        return {"left_out": "no time left"}
    with model(shape, place.device, place.dtype) as (folder, registry):
        card = registry.card(NAME)
        if card.state != "ready":
            return {"left_out": f"the engine cannot paint it: {card.why}"}
        local = engine(registry, device=place.device, dtype=place.dtype, sizes=place.sizes)
        found: dict[str, Any] = {}
        if shape is place.shapes[0]:
            found["replay"] = told("replay", shape, partial(bits.replays, place, local, card))
        else:
            found["replay"] = {"left_out": "measured on the smaller shape"}
        pipe = stock(folder, shape, place.device, place.torch_dtype)
        found["load"] = told("load", shape, partial(load.compare, place, local, pipe, card, until_left_s))
        local.close()
        return found


def told(part: str, shape: Any, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run one part and print what came of it; its error is a result too, for a device is lent once."""
    began = time.perf_counter()
    try:
        found = act()
    except Exception as fault:  # The other parts must still be measured.
        found = {"failed": f"{type(fault).__name__}: {fault}"}
    shown = json.dumps(found) if part != "engine" or "failed" in found or "left_out" in found else "done"
    print(f"[{time.perf_counter() - began:6.1f} s] {part} {shape.name}: {shown}", flush=True)
    return found


def _short(name: str) -> str:
    return name.removeprefix("small-")


if __name__ == "__main__":
    sys.exit(main())
