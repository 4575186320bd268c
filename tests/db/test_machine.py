"""The state machine on SQLite and PostgreSQL, and a list of planted mistakes that it must catch."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.exc import DatabaseError

from tests.db.machine import ArchiveMachine
from tests.db.mistakes import PLANTED
from tests.db.model import on_sqlite
from tests.support.postgres import EMPTIED, Cluster

# Making a failure small takes minutes; add Phase.shrink when there is one to be read.
FOUND = [Phase.explicit, Phase.reuse, Phase.generate]
EVERY_DAY = settings(
    max_examples=6, stateful_step_count=16, deadline=None, phases=FOUND, suppress_health_check=list(HealthCheck)
)
FEW = settings(EVERY_DAY, max_examples=4)
LONG = settings(EVERY_DAY, max_examples=300, stateful_step_count=50)
HUNT = settings(EVERY_DAY, max_examples=80, stateful_step_count=10, database=None, derandomize=True)


@pytest.fixture
def machine(pool: ThreadPoolExecutor, migrated: Path) -> Iterator[type[ArchiveMachine]]:
    """Give the machine with a pool to run on, and a log to begin with: to migrate one anew takes half of an example."""

    def made(home: Path) -> tuple[str, Any]:
        shutil.copyfile(migrated, home / "limner.db")
        return on_sqlite(home)

    class Here(ArchiveMachine):
        """The machine of one test."""

    Here.made = made
    Here.pool = pool
    yield Here


SLOW_TO_FIND = frozenset(
    {
        "reap_the_living",
        "store_without_fence",
        "never_undeliverable",
        "hold_on",
        "deliver_twice",
        "hand_out_leased",
        "deliver_without_fence",
        "finish_without_fence",
    }
)
"""Each takes the machine four to fifteen seconds: found in the soak, the other fifteen every day."""

SOONEST = frozenset({"hold_nothing", "no_refund", "charge_twice"})
"""On PostgreSQL too every day: they are found in the first examples."""

SOAK = [pytest.mark.soak, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("effort", [EVERY_DAY, pytest.param(LONG, marks=SOAK)], ids=["everyday", "long"])
def test_the_invariants_hold_on_sqlite(machine: type[ArchiveMachine], effort: settings) -> None:
    run_state_machine_as_test(machine, settings=effort)


@pytest.fixture
def on_postgres(machine: type[ArchiveMachine], postgres: Cluster) -> type[ArchiveMachine]:
    """Give the machine on PostgreSQL."""

    def made(_: Path) -> tuple[str, Any]:
        return postgres.migrated(), postgres.connect(EMPTIED)

    machine.made = made
    return machine


@pytest.mark.parametrize("effort", [FEW, pytest.param(LONG, marks=SOAK)], ids=["everyday", "long"])
def test_the_invariants_hold_on_postgres(on_postgres: type[ArchiveMachine], effort: settings) -> None:
    run_state_machine_as_test(on_postgres, settings=effort)


def planted(machine: type[ArchiveMachine], monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    """Run the machine over an Archive with a mistake in it, which it must catch."""
    module, name, wrong = PLANTED[mistake]
    monkeypatch.setattr(module, name, wrong)
    # What the machine finds, and what the Archive itself refuses; not TypeError, by which a mistake would show its age.
    with pytest.raises((AssertionError, ValueError, DatabaseError)):
        run_state_machine_as_test(machine, settings=HUNT)


@pytest.mark.parametrize(
    "mistake", [pytest.param(each, marks=[] if each in SOONEST else [pytest.mark.soak]) for each in PLANTED]
)
def test_a_planted_mistake_is_caught_on_postgres(
    on_postgres: type[ArchiveMachine], monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    planted(on_postgres, monkeypatch, mistake)


@pytest.mark.parametrize(
    "mistake", [pytest.param(each, marks=[pytest.mark.soak] if each in SLOW_TO_FIND else []) for each in PLANTED]
)
def test_a_planted_mistake_is_caught(
    machine: type[ArchiveMachine], monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    planted(machine, monkeypatch, mistake)
