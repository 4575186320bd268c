"""Estimates: what a Recipe needs of the device's memory at the least, before it is accepted; imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from core.errors import StudioError
from core.recipe import ModelRef, Paint, Recipe
from core.room import Room
from core.sizes import SIDE
from inference import memory
from inference.device import PROFILES, SPARING
from inference.families import whole
from inference.memory import Weight, held, net_weight, weight
from inference.quantised import How, spared
from inference.shapes import Shape, painting, shape

GRID = 8
"""What sides are a multiple of at the least."""
NOTHING = Weight(0, 0)


class Source(Protocol):
    """Where a Model lies: its settings' folder, and its one file where its weights are not beside them."""

    @property
    def folder(self) -> Path:
        """Return the folder of its settings."""
        ...

    @property
    def file(self) -> Path | None:
        """Return the file all its weights are in."""
        ...

    @property
    def how(self) -> How:
        """Return how it is loaded."""
        ...


class Estimates:
    """Estimate for a device what a Recipe needs at the least, which is under the profile that spares most.

    A ControlNet's weights count with its Model's.

    A Model that its own pipeline paints knows but the one that spares nothing.

    source, control: where a digest's Model or ControlNet lies, or ModelUnavailable. vram: bytes a GPU had free at the
    start; None where main memory is what counts: that is looked up each time, with what this process holds, for other
    Models may make way.
    """

    def __init__(
        self, source: Callable[[str], Source], control: Callable[[str], Source], dtype: str, vram: int | None
    ) -> None:
        self._source, self._control = source, control
        self._dtype = dtype
        self._vram = vram
        self._known: dict[str, tuple[Weight, Shape, str]] = {}
        self._nets: dict[str, Weight] = {}

    def __call__(self, recipe: Recipe) -> Room | None:
        """Return the estimate, None where no Model makes it, or its files or the device tell nothing."""
        if recipe.model is None:
            return None
        has = self._has()
        try:
            need, look, kind = self._read(recipe.model.digest)
            net = self._net(recipe)
        except (StudioError, OSError, ValueError):
            return None  # Whoever begins it is told why it cannot be read.
        if has is None:
            return None
        profile = _profile(recipe.model, kind)
        device = "cpu" if self._vram is None else "cuda"
        weights = held(need, profile, device) + held(net, profile, device)

        def needed(pixels: int) -> int:
            return painting(look, self._dtype, pixels, 2 if recipe.guided else 1, profile)

        def fits(width: int, height: int) -> bool:
            return weights + needed(width * height) <= has

        size = None
        if not fits(recipe.width, recipe.height):
            size = next((each for each in _smaller(recipe, max(look.side, GRID)) if fits(*each)), None)
        return Room(weights, needed(recipe.width * recipe.height), has, size)

    def _has(self) -> int | None:
        if self._vram is not None:
            return self._vram
        free = memory.free_ram()
        return None if free is None else free + memory.own_bytes()

    def _read(self, digest: str) -> tuple[Weight, Shape, str]:
        if digest not in self._known:
            source = self._source(digest)
            need = weight(source.file or source.folder, self._dtype, source.how)
            self._known[digest] = need, shape(source.folder), source.how.kind
        return self._known[digest]

    def _net(self, recipe: Recipe) -> Weight:
        if not isinstance(recipe, Paint) or recipe.control is None:
            return NOTHING
        digest = recipe.control.digest
        if digest not in self._nets:
            self._nets[digest] = net_weight(self._control(digest).folder, self._dtype)
        return self._nets[digest]


def _profile(model: ModelRef, kind: str) -> str:
    return PROFILES[0] if model.family == whole.FAMILY else spared(SPARING, kind)


def _smaller(recipe: Recipe, grid: int) -> Iterator[tuple[int, int]]:
    """Yield sizes of about the same shape, the largest first, that can be asked for."""
    for part in range(95, 0, -5):
        across, down = (side * part // 100 // grid * grid for side in (recipe.width, recipe.height))
        if min(across, down) >= SIDE[0]:
            yield across, down
