"""Shelf: the Models in memory, the least recently used one dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import torch

from core.errors import ModelUnavailable
from inference.adapters import table
from inference.cards import Source
from inference.families.table import family_of
from inference.profiles import settle
from inference.weights import Plan, Weights


class Shelf:
    """Keep the newest `keep` Models loaded; owned by the device's thread."""

    def __init__(self, source: Callable[[str], Source], device: torch.device, keep: int) -> None:
        """source: where a digest's Model lies, or ModelUnavailable."""
        self._source = source
        self._device = device
        self._keep = max(1, keep)
        self._loaded: OrderedDict[Plan, Weights] = OrderedDict()

    def get(self, plan: Plan) -> Weights:
        """Return a Model, loaded now where it is not yet; raise ModelUnavailable where it cannot be."""
        if plan not in self._loaded:
            source = self._source(plan.digest)
            # A Recipe may come from a file: under a false family its Run would spoil the calls it shares.
            if family_of(source.folder) != plan.family:
                raise ModelUnavailable(
                    f"The model in {source.name} is not of the family {plan.family}.", "Choose another model."
                )
            while len(self._loaded) >= self._keep:
                self._loaded.popitem(last=False)
            try:
                weights = table.load(source.folder, replace(plan, file=source.file), self._device)
                settle(weights, plan.profile, self._device)
                self._loaded[plan] = weights
            except (OSError, ValueError, KeyError) as error:
                raise ModelUnavailable(
                    f"The model in {source.name} does not load: {error}.", "Copy it again."
                ) from error
        self._loaded.move_to_end(plan)
        return self._loaded[plan]

    def clear(self) -> None:
        """Drop all of them."""
        self._loaded.clear()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
