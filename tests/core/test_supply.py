"""What is proposed for a device."""

from __future__ import annotations

import pytest

from core.supply import GIB, propose


@pytest.mark.parametrize(
    ("gib", "command", "profile"),
    [
        (None, "", "auto"),
        (2.0, "", "auto"),
        (3.9, "./limner models get Lykon/dreamshaper-8 --half", "low"),
        (7.6, "./limner models get stabilityai/stable-diffusion-xl-base-1.0 --half", "balanced"),
        (11.8, "./limner models get stabilityai/stable-diffusion-xl-base-1.0 --half", "high"),
        (79.0, "./limner models get stabilityai/stable-diffusion-xl-base-1.0 --half", "high"),
    ],
)
def test_by_memory(gib: float | None, command: str, profile: str) -> None:
    """A card sold as 8 GB tells a little less."""
    proposal = propose(None if gib is None else int(gib * GIB))
    assert (proposal.command, proposal.profile) == (command, profile)
