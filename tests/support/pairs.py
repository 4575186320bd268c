"""Cases that hold every pair of two factors' values at least once: far fewer than the full product."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import combinations, product

Case = tuple[Hashable, ...]
Pair = tuple[int, Hashable, int, Hashable]


def pairwise(factors: Sequence[Sequence[Hashable]]) -> list[Case]:
    """Return cases, always the same, in which every two values of two factors meet."""
    cases = list(product(*factors))
    missing = {pair for case in cases for pair in pairs(case)}
    found: list[Case] = []
    while missing:
        # The first of those that hold most pairs still missing.
        best = max(cases, key=lambda case: sum(pair in missing for pair in pairs(case)))
        found.append(best)
        missing -= set(pairs(best))
    return found


def pairs(case: Case) -> Iterator[Pair]:
    """Yield every pair of a case's values with their places."""
    for (one, a), (other, b) in combinations(enumerate(case), 2):
        yield one, a, other, b
