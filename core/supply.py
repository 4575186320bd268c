"""Supply: which Model is wanted from the hub, what is offered, and what to propose for a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """Say which Model is wanted: its id at the hub, the name it gets here, which revision and weights.

    half: weights of 16 bits where there are some. file: the one .safetensors file that is wanted of a repository.
    """

    id: str
    name: str = ""
    revision: str = "main"
    half: bool = False
    file: str = ""

    @property
    def here(self) -> str:
        """Return the name it gets here."""
        return self.name or self.id.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Offer:
    """Hold what the hub has of it: the commit, the files that would come with their bytes, and their digests."""

    wanted: Wanted
    commit: str
    files: Mapping[str, int]
    digests: Mapping[str, str]
    licence: str
    gated: bool

    @property
    def whole(self) -> int:
        """Return how many bytes would come."""
        return sum(self.files.values())


@dataclass(frozen=True, slots=True)
class Proposal:
    """Propose a Model for a device; an empty id is the built-in one. profile: of memory, as engine.profile takes it."""

    id: str
    why: str
    half: bool = False
    profile: str = "auto"

    @property
    def command(self) -> str:
        """Return what fetches it, empty where nothing need be fetched."""
        return f"./limner models get {self.id}{' --half' if self.half else ''}" if self.id else ""


PROPOSALS = (
    (0, Proposal("", "The built-in model paints on any processor, small and without a download.")),
    (4, Proposal("Lykon/dreamshaper-8", "Stable Diffusion 1.5 fits 4 GB in 16 bits.", True, "low")),
    (8, Proposal("stabilityai/stable-diffusion-xl-base-1.0", "SDXL fits 8 GB in 16 bits.", True, "balanced")),
    (12, Proposal("stabilityai/stable-diffusion-xl-base-1.0", "SDXL fits 12 GB whole in 16 bits.", True, "high")),
)
"""By GiB of the GPU's memory, what to propose; of what Limner can step today."""


def propose(memory: int | None) -> Proposal:
    """Return what to propose for a GPU of so many bytes, None without one; a card tells a little less than is sold."""
    have = 0.0 if memory is None else memory / GIB + 0.5
    return [proposal for least, proposal in PROPOSALS if have >= least][-1]
