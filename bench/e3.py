"""E3, speed by rows: seconds a row of a narrow UNet, bf16 and fp32, contiguous, channels_last and fused, in turns.

usage: python -m bench.e3 [repeats]
"""

from __future__ import annotations

import sys
import time

import torch

from bench.common import write
from bench.rows import FORMATS, sweep
from bench.shapes import NARROW, make_unet
from inference.device import choose
from inference.quiet import hush

ROWS = (1, 2, 4, 8)
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
MOST_S = 150.0


def main(repeats: int) -> None:
    """Measure every arm; write seconds a row and what eight rows gain against one."""
    hush()
    threads = choose("cpu", "auto", 0, 2).threads
    torch.set_num_threads(threads)
    began = time.perf_counter()
    arms = {
        f"{name} {memory}": (make_unet(NARROW, "cpu", dtype).to(memory_format=memory_format), memory_format)
        for name, dtype in DTYPES.items()
        for memory, memory_format in FORMATS.items()
    }
    for name, dtype in DTYPES.items():
        unet = make_unet(NARROW, "cpu", dtype)
        unet.fuse_qkv_projections()
        arms[f"{name} fused-qkv"] = (unet, torch.contiguous_format)
    table = sweep(arms, NARROW, ROWS, repeats, lambda: None, lambda: time.perf_counter() - began < MOST_S)
    whole = [row for row in table if "left_out" not in row]
    gain = {arm: whole[0][arm]["row_s"] / whole[-1][arm]["row_s"] for arm in arms} if whole else {}
    write("e3", {"shape": NARROW.name, "latent": NARROW.latent, "threads": threads, "repeats": repeats,
                 "gain_of_most_rows": gain, "table": table})  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
