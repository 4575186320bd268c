"""Shares of the device and priorities: weights divide what was served, and no priority starves anybody."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from core.job import Job
from core.limits import Limits
from core.records import NewJob
from db.archive import SqlArchive
from db.claims import STARVED_MS
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all

NONE = Limits()


def weighed(person: str, weight: int = 1, priority: int = 0) -> NewJob:
    return replace(new_job(person), weight=weight, priority=priority)


async def test_who_has_three_shares_is_served_three_times_as_often(archive: SqlArchive, spot: Place) -> None:
    order = ""
    for _ in range(16):
        # One waiting Job each, at all times.
        for person, weight in (("web:a", 3), ("web:b", 1)):
            if not any(job.state == "queued" for job in await archive.history(person, None, 1)):
                await archive.accept([weighed(person, weight)], NONE)
        claimed = await archive.claim("w", 15)
        assert claimed
        order += claimed[0].person.id[-1]
        await paint_all(archive, *claimed)
        spot.clock.tick(1)
    assert 11 <= order.count("a") <= 13


async def test_a_priority_goes_first_until_the_other_has_waited_long_enough(archive: SqlArchive, spot: Place) -> None:
    [(low, _)] = await archive.accept([weighed("web:a")], NONE)
    spot.clock.tick(1)
    [(high, _), (_, _)] = await archive.accept([weighed("web:b", 1, 5), weighed("web:b", 1, 5)], NONE)
    assert [each.job_id for each in await archive.line()][0] == high.id
    spot.clock.tick(STARVED_MS / 1000)
    # Now both stand alike, and the other holds more.
    claimed = await archive.claim("w", 15)
    assert claimed and claimed[0].id == low.id


@pytest.mark.parametrize("seed", range(3))
async def test_nobody_waits_longer_for_a_priority_than_is_promised(archive: SqlArchive, spot: Place, seed: int) -> None:
    """Whoever waited STARVED_MS is overtaken only by whom it would be if there were no priorities at all."""
    drawn, waits = random.Random(seed), dict[str, tuple[Job, int]]()
    starved_once = False
    for _ in range(40):
        person, priority, weight = drawn.choice("abcd"), drawn.choice((0, 0, 1, 5, 9)), drawn.randint(1, 3)
        [(job, _)] = await archive.accept([weighed(f"web:{person}", weight, priority)], NONE)
        waits[job.id] = (job, weight)
        spot.clock.tick(drawn.choice((0, 1, 20)))
        line = [each.job_id for each in await archive.line()]
        plain = in_fairness(waits)
        starved = [each for each in plain if waits[each][0].created_at <= spot.clock() - STARVED_MS]
        for late in starved:
            before, fair = set(line[: line.index(late)]), set(plain[: plain.index(late)])
            assert before <= fair
        starved_once |= bool(starved) and line != plain
        if drawn.random() < 0.4:
            claimed = await archive.claim("w", 15)
            assert claimed and claimed[0].id == line[0]
            await archive.settle(claimed[0], "cancelled", "x", "")
            del waits[line[0]]
    assert starved_once


def in_fairness(waits: dict[str, tuple[Job, int]]) -> list[str]:
    """Return the order of service without priorities: what a Person holds by its weight, then age."""
    held: dict[str, int] = {}
    for job, _ in waits.values():
        held[job.person.id] = held.get(job.person.id, 0) + job.cost
    return sorted(waits, key=lambda each: (held[waits[each][0].person.id] / waits[each][1], each))
