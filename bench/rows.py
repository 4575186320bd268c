"""How long a model call takes by its rows: any device, any UNet, arms interleaved."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bench.shapes import Shape

FORMATS = {"eager": torch.contiguous_format, "channels_last": torch.channels_last}


@dataclass(frozen=True, slots=True)
class Inputs:
    """Hold what one call of a UNet reads."""

    latents: torch.Tensor  # [rows, C, H/8, W/8]
    timesteps: torch.Tensor  # [rows]
    text: torch.Tensor  # [rows, 77, width]
    added: Mapping[str, torch.Tensor] | None

    def part(self, rows: Sequence[int]) -> Inputs:
        """Return these rows, in this order."""
        index = torch.tensor(list(rows), device=self.latents.device)
        added = None if self.added is None else {name: value[index] for name, value in self.added.items()}
        return Inputs(self.latents[index], self.timesteps[index], self.text[index], added)

    def call(self, unet: Any, memory_format: torch.memory_format = torch.contiguous_format) -> torch.Tensor:
        """Make the call."""
        with torch.inference_mode():
            out: torch.Tensor = unet(
                self.latents.contiguous(memory_format=memory_format),
                self.timesteps,
                encoder_hidden_states=self.text,
                added_cond_kwargs=self.added,
                return_dict=False,
            )[0]
        return out


def inputs(shape: Shape, rows: int, device: str, dtype: torch.dtype, seed: int = 0) -> Inputs:
    """Draw a call's inputs on the CPU, so that they are the same on every device; each row has its own timestep."""
    chance = torch.Generator().manual_seed(seed)
    latents = torch.randn(rows, 4, shape.latent, shape.latent, generator=chance)
    text = torch.randn(rows, 77, shape.text_width, generator=chance)
    timesteps = torch.randint(1, 999, (rows,), generator=chance).float()
    added = None
    if shape.is_sdxl:
        pooled = int(shape.unet["projection_class_embeddings_input_dim"]) - 6 * int(
            shape.unet["addition_time_embed_dim"]
        )
        sizes = torch.tensor([[shape.side, shape.side, 0, 0, shape.side, shape.side]]).repeat(rows, 1)
        added = {
            "text_embeds": torch.randn(rows, pooled, generator=chance).to(device, dtype),
            "time_ids": sizes.to(device, dtype),
        }
    return Inputs(latents.to(device, dtype), timesteps.to(device), text.to(device, dtype), added)


def tflop_a_row(unet: Any, shape: Shape, device: str, dtype: torch.dtype) -> float:
    """Count what one row costs, 2 FLOP a multiplication with addition; attention as its two matrix products."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        inputs(shape, 1, device, dtype).call(unet)
    return float(counter.get_total_flops()) / 1e12


def sweep(
    arms: Mapping[str, tuple[Any, torch.memory_format]],
    shape: Shape,
    rows: Sequence[int],
    repeats: int,
    sync: Callable[[], None],
    go_on: Callable[[], bool],
    tflop: float = 0.0,
) -> list[dict[str, Any]]:
    """Time every arm (UNet, memory format) at every row count; arms take turns within a repeat.

    sync waits for the device; go_on says whether there is still time; tflop: of one row, for TFLOP/s.
    """
    found: list[dict[str, Any]] = []
    for count in rows:
        if not go_on():
            found.append({"rows": count, "left_out": "no time left"})
            continue
        try:
            taken = _take_turns(arms, shape, count, repeats, sync)
        except torch.OutOfMemoryError:
            found.append({"rows": count, "left_out": "out of memory"})
            break
        found.append({"rows": count, **{name: _told(times, count, tflop) for name, times in taken.items()}})
    return found


def _take_turns(
    arms: Mapping[str, tuple[Any, torch.memory_format]],
    shape: Shape,
    rows: int,
    repeats: int,
    sync: Callable[[], None],
) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(repeats + 2):
        for name, (unet, memory_format) in arms.items():
            given = inputs(shape, rows, str(unet.device), unet.dtype)
            sync()
            began = time.perf_counter()
            given.call(unet, memory_format)
            sync()
            if number > 1:  # The first calls read weights and choose kernels.
                taken[name].append(time.perf_counter() - began)
    return taken


def _told(times: Sequence[float], rows: int, tflop: float) -> dict[str, float]:
    median = statistics.median(times)
    told = {"call_s": median, "row_s": median / rows, "least_s": min(times), "most_s": max(times)}
    return {**told, "tflop_s": tflop * rows / median} if tflop else told
