"""The measured cost table: every size the Engine may pad to, and a fault that is told rather than timed."""

from __future__ import annotations

import pytest
import torch

from bench.drive import Ask, Drive
from bench.painting import NAME, engine, measure, model, runs_of, wait
from bench.shapes import SMALL_SD15
from core.errors import EmptyPicture
from inference.making import Making


def test_a_cost_table_has_every_size_a_guided_run_can_have() -> None:
    with model(SMALL_SD15, "cpu", "float32") as (_, registry):
        local, card = engine(registry), registry.card(NAME)
        costs = measure(local, card, repeats=2)
        assert costs.sizes == (2, 4, 8)
        assert costs.rows == 2
        assert min(*costs.call_s.values(), costs.begin_s, costs.decode_s) > 0


def test_a_run_that_fails_stops_the_benchmark() -> None:
    with model(SMALL_SD15, "cpu", "float32") as (_, registry):
        local, card = engine(registry), registry.card(NAME)
        run = runs_of(card, [Ask(0.0, 3, "p")])[0]
        begin = local.begin

        def spoilt(run: object) -> None:
            begin(run)  # type: ignore[arg-type]
            state = run.state  # type: ignore[attr-defined]
            assert isinstance(state, Making)
            state.latent = torch.full_like(state.latent, float("nan"))

        local.begin = spoilt  # type: ignore[method-assign]
        with pytest.raises(EmptyPicture):
            Drive(local, lambda: 0.0, wait).go([(0.0, run)])
