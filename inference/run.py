"""Run: one Recipe in the making; Batch: the Runs stepped together in one model call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.errors import StudioError
from core.picture import Replay
from core.recipe import Paint, Recipe


@dataclass(frozen=True, slots=True)
class Key:
    """Name what the Runs of one model call must share.

    model and control are digests, latent is (H/8, W/8), text is the number of tokens a Prompt is padded to. dtype,
    threads, memory_format, attention, profile and quantised come from the device and the settings, or in a Reproduce
    from the logged Fingerprint; where those differ from the device's own, the Key is exclusive: its Runs wait until
    nothing else is in the making. The Runs of one that is not shared step alone.
    """

    model: str
    loras: tuple[tuple[str, float], ...] = ()
    control: str = ""
    latent: tuple[int, int] = (0, 0)
    text: int = 77
    dtype: str = "float32"
    threads: int = 1
    memory_format: str = "contiguous"
    attention: str = "sdpa"
    profile: str = "high"
    quantised: str = ""
    exclusive: bool = False
    shared: bool = True


class Unwanted(Exception):
    """Raised where a Run is wrapped that was cancelled."""


@dataclass(slots=True, eq=False)
class Run:
    """Hold one Recipe in the making; the only mutable noun.

    Its owner is the InferenceQueue, in a call the device's thread. `calls` model calls make it, `done` of them are
    made; it takes `rows` rows of each (2 under Guidance). `trace` is the run-length list of [batch size, calls] so far.
    `state` is the Engine's own (Latent, sampler, generator, embeddings). A failed Run has an error and is stepped no
    more.

    solo: it is worked on while nothing else is in the making. sparing: memory ended for it, so it is made under the
    least profile. tiled: memory ended at its decoding, so that is done in tiles. The Fingerprint says both. tell: hears
    how many parts of a long wrapping are done, and of how many.
    """

    job_id: str
    picture: int
    share: str
    recipe: Recipe
    replay: Replay | None = None
    solo: bool = False
    key: Key | None = None
    calls: int = 0
    done: int = 0
    rows: int = 1
    trace: list[list[int]] = field(default_factory=list)
    state: Any = None
    cancelled: bool = False
    error: StudioError | None = None
    sparing: bool = False
    tiled: bool = False
    tell: Callable[[int, int], None] | None = None

    @property
    def model(self) -> str:
        """Return the digest of the Model it needs, empty where it needs none."""
        return "" if self.recipe.model is None else self.recipe.model.digest

    @property
    def loads(self) -> str:
        """Name all that is loaded for it: its Model by digest, and its ControlNet behind that."""
        control = self.recipe.control if isinstance(self.recipe, Paint) else None
        return f"{self.model}/{control.digest}" if control else self.model

    @property
    def left(self) -> int:
        """Return how many model calls are still to be made."""
        return self.calls - self.done

    @property
    def cost_per_call(self) -> int:
        """Return what one of its calls costs: W x H x rows, in coins of core/cost."""
        return self.recipe.width * self.recipe.height * self.rows

    def forced_size(self) -> int | None:
        """Return the batch size the logged trace demands for the next call, None where this is no Reproduce."""
        if self.replay is None:
            return None
        passed = 0
        for size, calls in self.replay.fingerprint.trace:
            passed += calls
            if self.done < passed:
                return size
        return None

    @property
    def slow(self) -> bool:
        """Say whether its wrapping takes seconds to minutes."""
        return self.recipe.slow

    def pause(self, done: int, of: int) -> None:
        """Tell how far a long wrapping is; raise Unwanted where nobody waits for it any more."""
        if self.cancelled:
            raise Unwanted
        if self.tell is not None:
            self.tell(done, of)

    def again(self, *, sparing: bool) -> None:
        """Go back to the start, to be begun alone."""
        self.solo, self.sparing = True, sparing
        self.key, self.state = None, None
        self.calls = self.done = 0
        self.trace = []

    def stepped(self, size: int) -> None:
        """Count one model call at a batch size."""
        self.done += 1
        if self.trace and self.trace[-1][0] == size:
            self.trace[-1][1] += 1
        else:
            self.trace.append([size, 1])


@dataclass(frozen=True, slots=True)
class Batch:
    """Hold the Runs of one Key that share the next model call, padded to `size` rows."""

    key: Key
    runs: tuple[Run, ...]
    size: int

    @property
    def rows(self) -> int:
        """Return the rows that are not padding."""
        return sum(run.rows for run in self.runs)
