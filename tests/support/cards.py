"""Model cards for tests of core, with no model behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.draft import ModelCard
from core.recipe import SAMPLERS

CARD = ModelCard(
    name="builtin",
    digest="ab" * 32,
    family="sd1",
    width=128,
    height=128,
    multiple=8,
    steps=20,
    guidance=5.0,
    sampler="ddim",
    samplers={sampler: {"class": sampler, "num_train_timesteps": 1000} for sampler in SAMPLERS},
)


def card(**changes: Any) -> ModelCard:
    """Return the card with some fields changed."""
    return replace(CARD, **changes)
