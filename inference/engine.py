"""Engine: what begins, steps and finishes Runs on one device; all but `wrap` is called on that device's thread."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Protocol

from core.progress import Painted
from core.recipe import ModelRef
from inference.run import Batch, Run

Loading = Literal["none", "beside", "instead"]
"""What beginning a Run loads: nothing, a Model that has room beside those in use, or one that has not."""


class Engine(Protocol):
    """Own one device. Errors meant for a person are StudioErrors; any other error fails the Runs of that call.

    An error leaves every Run of the call either stepped or as it was, so that it can be stepped again; a device that is
    out of memory frees its caches before it raises.
    """

    sizes: tuple[int, ...]
    """Row counts a model call may have, ascending; the last is the most rows the device takes at once."""

    def warm(self) -> None:
        """Import what is heavy and load the default Model; called once, first."""
        ...

    def loading(self, run: Run, beside: Collection[str]) -> Loading:
        """Say what beginning a Run would load; beside: the digests of the Models that Runs in the making use."""
        ...

    def begin(self, run: Run) -> None:
        """Set the Run's key, calls, rows and state: embeddings, sampler, generator, first Latent (or the Sketch's)."""
        ...

    def step(self, batch: Batch) -> None:
        """Make one model call; advance every Run of it by one (`Run.stepped`), or set its error where it failed."""
        ...

    def preview(self, run: Run) -> bytes | None:
        """Return a small JPEG of the Run's present state, None where there is none yet."""
        ...

    def decode(self, run: Run) -> object:
        """Decode a Run that has made all its calls; what it returns holds all that `wrap` needs, on no device."""
        ...

    def wrap(self, run: Run, decoded: object) -> Painted:
        """Finish what was decoded: watermark, PNG, digests, no model call. Called on any thread, beside other calls."""
        ...

    def load(self, model: ModelRef) -> None:
        """Bring a Model into memory; raise a StudioError where it cannot be."""
        ...

    def unload(self, digest: str) -> None:
        """Take a Model out of memory; Runs in the making keep what they use."""
        ...

    def held(self) -> frozenset[str]:
        """Return the digests of the Models in memory. Called on any thread."""
        ...

    def close(self) -> None:
        """Give the device's memory back."""
        ...
