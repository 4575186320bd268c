"""LateEngine: an Engine that is made on the device's thread when it warms up, so that no face waits for torch."""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.progress import Painted
from core.recipe import ModelRef
from inference.engine import Engine, Loading
from inference.run import Batch, Run


class LateEngine:
    """Stand for an Engine until `warm` makes it; `make` imports what is heavy."""

    def __init__(self, sizes: tuple[int, ...], make: Callable[[], Engine]) -> None:
        self.sizes = sizes
        self._make = make
        self._engine: Engine | None = None

    def warm(self) -> None:
        """Make the Engine and warm it."""
        self._engine = self._make()
        self._engine.warm()

    def loading(self, run: Run, beside: Collection[str]) -> Loading:
        """Pass on."""
        return self._made.loading(run, beside)

    def begin(self, run: Run) -> None:
        """Pass on."""
        self._made.begin(run)

    def step(self, batch: Batch) -> None:
        """Pass on."""
        self._made.step(batch)

    def preview(self, run: Run) -> bytes | None:
        """Pass on."""
        return self._made.preview(run)

    def decode(self, run: Run) -> object:
        """Pass on."""
        return self._made.decode(run)

    def wrap(self, run: Run, decoded: object) -> Painted:
        """Pass on."""
        return self._made.wrap(run, decoded)

    def load(self, model: ModelRef) -> None:
        """Pass on."""
        self._made.load(model)

    def unload(self, digest: str) -> None:
        """Pass on."""
        self._made.unload(digest)

    def held(self) -> frozenset[str]:
        """Pass on, where there is anything to hold."""
        return frozenset() if self._engine is None else self._engine.held()

    def close(self) -> None:
        """Pass on, where there is anything to close."""
        if self._engine is not None:
            self._engine.close()

    @property
    def _made(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the engine is not warm yet")
        return self._engine
