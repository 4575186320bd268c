"""House: what the Studio is told of the rest of the program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.addons import NO_ADDONS, AddOns
from core.draft import ModelCard
from core.limits import Limits
from core.machine import Machine
from core.meters import Meters
from core.pace import Pace
from core.passwords import Means
from core.promise import Ground, unknown
from core.recipe import LANCZOS, Method, Paint
from core.room import Look, anything


@dataclass(frozen=True, slots=True)
class House:
    """What the Studio is told of the rest: Models, the default one, Limits, the device's state and its pace."""

    models: Callable[[], tuple[ModelCard, ...]]
    default_model: str
    limits: Limits
    state: Callable[[], str]
    pace: Pace
    fresh_seed: Callable[[], int]
    cut: Callable[[Paint], Awaitable[str | None]]
    """Says which words of a Recipe's Prompt its Model does not read, None where it reads all."""
    ground: Callable[[str], Ground] = unknown
    """Says what a Picture of a Model (by digest) would be painted under now."""
    addons: Callable[[], AddOns] = lambda: NO_ADDONS
    """Tells which LoRAs, embeddings and ControlNets lie beside the Models."""
    methods: tuple[Method, ...] = (LANCZOS,)
    """What Pictures can be enlarged by."""
    look: Look = anything
    """Estimates what a Picture needs of the device's memory."""
    meters: Meters = field(default_factory=Meters)
    machine: Machine = field(default_factory=Machine)
    backups_days: int = 0
    """How long backups are kept; 0 = for ever."""
    page: str = ""
    """The address people reach the page by, without a slash at its end; empty where it is not known yet."""
    means: Means = field(default_factory=Means)
