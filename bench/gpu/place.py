"""Where the benchmark runs and how long it may: device, dtype, what to wait for, and the time that is left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from bench.shapes import Shape


@dataclass(frozen=True, slots=True)
class Place:
    """Hold a device, how much is to be done on it, and when it must be over (perf_counter)."""

    device: str
    dtype: str
    shapes: tuple[Shape, ...]
    rows: tuple[int, ...]
    sizes: tuple[int, ...]
    repeats: int
    saturated: int
    load_s: float
    replays: int
    steps: int
    ends_s: float

    @property
    def torch_dtype(self) -> torch.dtype:
        """Return the dtype as torch names it."""
        found: torch.dtype = getattr(torch, self.dtype)
        return found

    def sync(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def left_s(self) -> float:
        """Return how much time is left."""
        return self.ends_s - time.perf_counter()

    def tidy(self) -> None:
        """Give memory back between parts."""
        if self.device == "cuda":
            torch.cuda.empty_cache()


def facts(place: Place) -> dict[str, Any]:
    """Return what the figures were measured on."""
    import diffusers

    found: dict[str, Any] = {
        "device": place.device,
        "dtype": place.dtype,
        "torch": str(torch.__version__),
        "diffusers": str(diffusers.__version__),
    }
    if place.device == "cuda":
        card = torch.cuda.get_device_properties(0)
        found |= {
            "name": card.name,
            "memory_gb": round(card.total_memory / 1e9, 1),
            "cuda": str(torch.version.cuda),
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        }
    return found
