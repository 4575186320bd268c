"""Shelf: the Models in memory, the least recently used one dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import replace
from weakref import WeakValueDictionary

import torch

from core.errors import ModelUnavailable, OutOfMemory
from core.room import shown
from inference import memory, pipes
from inference.adapters import table
from inference.cards import Source
from inference.engine import Loading
from inference.families import whole
from inference.families.table import check_family
from inference.pipes import Pipe
from inference.profiles import settle
from inference.weights import Plan, Weights

Held = Weights | Pipe


class Shelf:
    """Keep the newest `keep` Models loaded, and of those as many as `budget` bytes of weights allow.

    Owned by the device's thread. A Model that was dropped while Runs in the making use it stays as long as they do,
    and is taken back rather than loaded a second time.
    """

    def __init__(
        self, source: Callable[[str], Source], device: torch.device, keep: int, budget: int | None = None
    ) -> None:
        """source: where a digest's Model lies, or ModelUnavailable. budget: None where only the count bounds them."""
        self._source = source
        self._device = device
        self._keep = max(1, keep)
        self._budget = budget
        self._loaded: OrderedDict[Plan, Held] = OrderedDict()
        self._alive: WeakValueDictionary[Plan, Held] = WeakValueDictionary()
        self._needs: dict[Plan, int] = {}

    def get(self, plan: Plan) -> Weights:
        """Return a Model, loaded now where it is not yet; raise a StudioError where it cannot be."""
        found = self._held(plan)
        assert isinstance(found, Weights)
        return found

    def pipe(self, plan: Plan) -> Pipe:
        """Return the pipeline of a Model that it paints whole, as `get` does."""
        found = self._held(plan)
        assert isinstance(found, Pipe)
        return found

    def _held(self, plan: Plan) -> Held:
        if plan not in self._loaded:
            found = self._alive.get(plan)
            if found is None:
                found = self._load(plan)
            else:
                self._make_room(plan)
            self._loaded[plan] = self._alive[plan] = found
        self._loaded.move_to_end(plan)
        return self._loaded[plan]

    def loading(self, plan: Plan, beside: Collection[str]) -> Loading:
        """Say what `get` would load, and whether it has room beside the Models of these digests."""
        if plan in self._loaded or plan in self._alive:
            return "none"
        try:
            used = [self._need(other) for other in self._alive if other.digest in beside]
            fits = self._fits([*used, self._need(plan)])
        except (ModelUnavailable, OSError, ValueError):
            return "none"  # Whoever begins it is told why it cannot be.
        return "beside" if fits or not used else "instead"

    def clear(self, but: Plan | None = None) -> None:
        """Drop all of them, but one."""
        for plan in [plan for plan in self._loaded if plan != but]:
            del self._loaded[plan]
        self._give_back()

    def drop(self, digest: str) -> None:
        """Drop one, under every Plan."""
        for plan in [plan for plan in self._loaded if plan.digest == digest]:
            del self._loaded[plan]
        self._give_back()

    def held(self) -> frozenset[str]:
        """Return the digests of those that are loaded."""
        return frozenset(plan.digest for plan in tuple(self._loaded))

    def _load(self, plan: Plan) -> Held:
        source = self._source(plan.digest)
        # Under a false family its Run would spoil the calls it shares.
        check_family(source.folder, source.name, plan.family)
        self._make_room(plan)
        try:
            return self._read(source, plan)
        except (RuntimeError, MemoryError) as fault:
            if not memory.is_out_of_memory(fault):
                raise
        # Out here what the fault's frames held is free.
        self.clear()
        try:
            return self._read(source, plan)
        except (RuntimeError, MemoryError) as fault:
            if not memory.is_out_of_memory(fault):
                raise
        self._give_back()
        raise OutOfMemory(
            f"The model in {source.name} needs {shown(self._need(plan))} for its weights; "
            f"this device has {shown(self._free())} free.",
            "Choose a smaller model.",
        )

    def _read(self, source: Source, plan: Plan) -> Held:
        try:
            if plan.family == whole.FAMILY:
                return pipes.load(source.folder, plan, self._device)
            weights = table.load(source.folder, replace(plan, file=source.file), self._device)
            settle(weights, plan.profile, self._device)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelUnavailable(f"The model in {source.name} does not load: {error}.", "Copy it again.") from error
        return weights

    def _make_room(self, plan: Plan) -> None:
        """Drop the least recently used until there is room for one more."""
        before = len(self._loaded)
        while self._loaded and not self._fits([*map(self._need, self._loaded), self._need(plan)]):
            self._loaded.popitem(last=False)
        if len(self._loaded) < before:
            self._give_back()

    def _fits(self, needs: Collection[int]) -> bool:
        return len(needs) <= self._keep and (self._budget is None or sum(needs) <= self._budget)

    def _need(self, plan: Plan) -> int:
        """Return the bytes of a Plan's weights on the device."""
        if plan not in self._needs:
            source = self._source(plan.digest)
            weight = memory.weight(source.file or source.folder, plan.dtype)
            self._needs[plan] = memory.held(weight, plan.profile, self._device.type)
        return self._needs[plan]

    def _free(self) -> int:
        if self._device.type == "cuda":
            return int(torch.cuda.mem_get_info(self._device)[0])
        return memory.free_ram() or 0

    def _give_back(self) -> None:
        """Give what was dropped back to the system, where allocators would keep it."""
        memory.trim()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
