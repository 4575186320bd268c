"""Desk: what every verb works with, handed over by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.console import Console
from core.person import Person, Place
from core.studio import Studio


@dataclass(frozen=True, slots=True)
class Desk:
    """Hold who asks, from where, and whom. clock: ms UTC; new_source: a fresh unique id for each thing asked for."""

    studio: Studio
    person: Person
    place: Place
    console: Console
    clock: Callable[[], int]
    new_source: Callable[[], str]
