"""Shelf: the Models in memory, the least recently used one dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import replace
from weakref import WeakValueDictionary

import torch

from core.errors import ModelUnavailable, OutOfMemory
from core.room import shown
from inference import guiding, memory, pipes
from inference.adapters import table
from inference.cards import Source
from inference.engine import Loading
from inference.families import whole
from inference.families.table import check_family
from inference.guiding import CONTROL
from inference.pipes import Pipe
from inference.profiles import settle
from inference.quantised import How, check_device
from inference.weights import Plan, Weights

Held = Weights | Pipe | torch.nn.Module


class Shelf:
    """Keep the newest `keep` Models and `keep` ControlNets loaded, of those as many as `budget` bytes of weights allow.

    Owned by the device's thread. A Model that was dropped while Runs in the making use it stays as long as they do,
    and is taken back rather than loaded a second time.
    """

    def __init__(
        self,
        source: Callable[[str], Source],
        control: Callable[[str], Source],
        device: torch.device,
        keep: int,
        budget: int | None = None,
    ) -> None:
        """source, control: where a digest's Model or ControlNet lies, or ModelUnavailable.

        budget: None where only the count bounds them.
        """
        self._models, self._controls = source, control
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

    def net(self, plan: Plan) -> torch.nn.Module:
        """Return a ControlNet, as `get` does a Model."""
        found = self._held(plan)
        assert isinstance(found, torch.nn.Module)
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

    def loading(self, plans: Collection[Plan], beside: Collection[str]) -> Loading:
        """Say whether one of these is still to be loaded, and has room beside the Models of these digests."""
        missing = [plan for plan in plans if plan not in self._loaded and plan not in self._alive]
        if not missing:
            return "none"
        try:
            used = [other for other in self._alive if other.digest in beside]
            fits = self._fits({*used, *plans})
        except (ModelUnavailable, OSError, ValueError):
            return "none"  # Whoever begins it is told why it cannot be.
        return "beside" if fits or not used else "instead"

    def clear(self, but: Collection[Plan] = ()) -> None:
        """Drop all of them, but these."""
        for plan in [plan for plan in self._loaded if plan not in but]:
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

    def _source(self, plan: Plan) -> Source:
        return self._controls(plan.digest) if plan.family == CONTROL else self._models(plan.digest)

    def _load(self, plan: Plan) -> Held:
        source = self._source(plan)
        if plan.family != CONTROL:
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
            if plan.family == CONTROL:
                return guiding.load(source, plan, self._device)
            check_device(plan.quantised, source.name, self._device.type)
            plan = replace(plan, file=source.file, gguf=source.how.file)
            if plan.family == whole.FAMILY:
                return pipes.load(source.folder, plan, self._device)
            weights = table.load(source.folder, plan, self._device)
            settle(weights, plan.profile, self._device)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelUnavailable(f"The model in {source.name} does not load: {error}.", "Copy it again.") from error
        return weights

    def _make_room(self, plan: Plan) -> None:
        """Drop the least recently used until there is room for one more."""
        before = len(self._loaded)
        while self._loaded and not self._fits([*self._loaded, plan]):
            crowd = [other for other in self._loaded if (other.family == CONTROL) == (plan.family == CONTROL)]
            del self._loaded[crowd[0] if len(crowd) >= self._keep else next(iter(self._loaded))]
        if len(self._loaded) < before:
            self._give_back()

    def _fits(self, plans: Collection[Plan]) -> bool:
        nets = sum(plan.family == CONTROL for plan in plans)
        few, needs = nets <= self._keep and len(plans) - nets <= self._keep, sum(map(self._need, plans))
        return few and (self._budget is None or needs <= self._budget)

    def _need(self, plan: Plan) -> int:
        """Return the bytes of a Plan's weights on the device."""
        if plan not in self._needs:
            source = self._source(plan)
            weight = self._weight(source, plan)
            self._needs[plan] = memory.held(weight, plan.profile, self._device.type)
        return self._needs[plan]

    def _weight(self, source: Source, plan: Plan) -> memory.Weight:
        if plan.family == CONTROL:
            return memory.net_weight(source.folder, plan.dtype)
        return memory.weight(source.file or source.folder, plan.dtype, How(plan.quantised, source.how.file))

    def _free(self) -> int:
        if self._device.type == "cuda":
            return int(torch.cuda.mem_get_info(self._device)[0])
        return memory.free_ram() or 0

    def _give_back(self) -> None:
        """Give what was dropped back to the system, where allocators would keep it."""
        memory.trim()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
