"""H1: TFLOP/s of a UNet call against its rows, eager and channels_last."""

from __future__ import annotations

import copy
from typing import Any

from bench.gpu.place import Place
from bench.rows import FORMATS, sweep, tflop_a_row
from bench.shapes import Shape, make_unet

PEAK_TFLOP_S = 790.0
"""What an H100 attains in bf16 at most; other devices are printed against the same number."""


def measure(place: Place, shape: Shape, until_left_s: float) -> dict[str, Any]:
    """Sweep the rows until only `until_left_s` are left for the parts after this one."""
    unet = make_unet(shape, place.device, place.torch_dtype)
    tflop = tflop_a_row(unet, shape, place.device, place.torch_dtype)
    arms = {
        name: (copy.deepcopy(unet).to(memory_format=memory_format), memory_format)
        for name, memory_format in FORMATS.items()
    }
    table = sweep(
        arms, shape, place.rows, place.repeats, place.sync, lambda: place.left_s() > until_left_s, tflop=tflop
    )
    for row in table:
        for name in arms:
            if name in row:
                row[name]["percent_of_790"] = 100 * row[name]["tflop_s"] / PEAK_TFLOP_S
    return {"tflop_a_row": tflop, "table": table}
