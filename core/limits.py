"""Per-Person Limits: Jobs waiting, Jobs a minute, cost a day; sliding windows, the clock is the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import LimitReached

MINUTE_MS = 60_000
DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Usage:
    """What a Person has used; `*_opens` is when (ms UTC) enough of a window will have passed for one Job more."""

    waiting: int = 0
    minute: int = 0
    minute_opens: int | None = None
    day_cost: int = 0
    day_opens: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one Person may do; 0 means no limit. day_cost: coins of core/cost; day_files: Sketches and masks sent."""

    waiting: int = 0
    per_minute: int = 0
    day_cost: int = 0
    day_files: int = 0

    def exceeded(self, used: Usage, jobs: int, cost: int) -> bool:
        """Say whether `jobs` more Jobs of together `cost` are too many."""
        return bool(
            self.waiting
            and used.waiting + jobs > self.waiting
            or self.per_minute
            and used.minute + jobs > self.per_minute
            or self.day_cost
            and used.day_cost + cost > self.day_cost
        )

    def check(self, used: Usage, jobs: int, cost: int) -> None:
        """Raise LimitReached where `jobs` more Jobs of together `cost` are too many."""
        if self.waiting and used.waiting + jobs > self.waiting:
            raise LimitReached(
                f"You have {used.waiting} of {self.waiting} jobs waiting; this would be {used.waiting + jobs}.",
                "Wait until one is done, or cancel one.",
            )
        if self.per_minute and used.minute + jobs > self.per_minute:
            raise LimitReached(
                f"You asked {used.minute} times in the last minute; {self.per_minute} is the limit.",
                "Wait a moment.",
                used.minute_opens,
            )
        if self.day_cost and used.day_cost + cost > self.day_cost:
            raise LimitReached(
                f"This costs {share(cost, self.day_cost)} of a day's budget; "
                f"{share(self.day_cost - used.day_cost, self.day_cost)} is left.",
                "Ask for fewer steps, a smaller size or fewer pictures.",
                used.day_opens,
            )

    def check_sent(self, sent: int, opens: int | None) -> None:
        """Raise LimitReached where so many Sketches and masks were sent within 24 hours that one more is too many."""
        if self.day_files and sent >= self.day_files:
            raise LimitReached(
                f"You sent {sent} sketches and masks within a day; {self.day_files} is the limit.",
                "Use one you sent: the same picture again counts once.",
                opens,
            )


NO_LIMITS = Limits()


def leaves(spent: Sequence[tuple[int, int]], too_much: int) -> int | None:
    """Return the time of the entry with whose leaving enough has left, None where nothing or all is not enough.

    spent: (ms UTC, amount) in the window, oldest first.
    """
    if too_much <= 0:
        return None
    for at, amount in spent:
        too_much -= amount
        if too_much <= 0:
            return at
    return None


def share(cost: int, whole: int) -> str:
    """Return a cost as percent of a day's budget, never rounded to a false 0 %."""
    percent = 100 * max(cost, 0) / whole
    return f"{percent:.0f} %" if percent >= 1 or cost <= 0 else f"{percent:.1g} %"
