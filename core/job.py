"""Job, its states and the only legal moves between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.person import Person, Place

State = Literal["queued", "running", "rendered", "delivered", "failed", "cancelled", "undeliverable"]
Kind = Literal["imagine", "reroll", "vary", "reproduce", "upscale", "remix"]

STATES: tuple[State, ...] = ("queued", "running", "rendered", "delivered", "failed", "cancelled", "undeliverable")
KINDS: tuple[Kind, ...] = ("imagine", "reroll", "vary", "reproduce", "upscale", "remix")
ENDED: frozenset[State] = frozenset({"delivered", "failed", "cancelled", "undeliverable"})
Wish = Kind | Literal["again", "smaller"]
"""What can be asked for: a Job of a kind, or again what a Job did not paint, whatever its kind, perhaps smaller."""

WISHES: tuple[Wish, ...] = (*KINDS, "again", "smaller")
MAX_ATTEMPTS = 3

MOVES: frozenset[tuple[State, State]] = frozenset(
    {
        ("queued", "running"),  # claim
        ("running", "running"),  # beat, store
        ("running", "rendered"),  # finish; settle early with a Picture stored
        ("running", "queued"),  # requeue, give back
        ("running", "failed"),
        ("running", "cancelled"),
        ("queued", "rendered"),  # settle early after a requeue, with a Picture stored
        ("queued", "failed"),
        ("queued", "cancelled"),
        ("rendered", "delivered"),
        ("rendered", "undeliverable"),
    }
)


@dataclass(frozen=True, slots=True)
class Job:
    """Hold one accepted Draft as its row says; times are ms UTC, cost is in coins of core/cost.

    source: the id of what it came by, such as `discord:` and Discord's id of the interaction.
    """

    id: str
    person: Person
    place: Place
    kind: Kind
    typed: str
    state: State
    cost: int
    created_at: int
    attempt: int = 0
    fence: int = 0
    cancel_requested: bool = False
    solo: bool = False
    model: str = ""
    notes: tuple[str, ...] = ()
    source: str = ""
    error_code: str | None = None
    error_text: str | None = None
    started_at: int | None = None
    rendered_at: int | None = None
    ended_at: int | None = None

    @property
    def ended(self) -> bool:
        """Say whether nothing will happen to this Job any more."""
        return self.state in ENDED
