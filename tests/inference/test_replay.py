"""Replay: what was painted among strangers at random concurrency is made again alone, identical in every pixel."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from inference.local import LocalEngine
from tests.support.crowd import Made, again, paint, recipes
from tests.support.painting import engine, registry
from tests.support.sabotage import BatchingVaeEngine, TracelessEngine, sabotaged


async def crowd(local: LocalEngine, count: int, seed: int) -> list[Made]:
    """Return `count` Pictures; more are asked for, since some Jobs are cancelled."""
    chance = random.Random(seed)
    made = await paint(local, recipes(registry().card("tiny"), 3 * count // 2, chance), chance)
    assert len(made) >= count
    return made[:count]


def sizes(made: list[Made]) -> Counter[int]:
    return Counter(size for each in made for size, _ in each.painted.fingerprint.trace)


@pytest.mark.parametrize(("dtype", "reproducing"), [("float32", "float32"), ("bfloat16", "float32")])
async def test_25_of_25_are_identical(dtype: str, reproducing: str) -> None:
    """Another engine makes them again, of the same dtype or of another that has to change its own."""
    made = await crowd(engine(registry(), dtype=dtype), 25, seed=11)
    assert len(sizes(made)) > 2, "there was no company"
    assert await again(engine(registry(), dtype=reproducing), made) == [True] * len(made)
    assert {each.painted.fingerprint.facts["dtype"] for each in made} == {dtype}


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("dtype", "reproducing", "seed"), [("float32", "bfloat16", 21), ("bfloat16", "bfloat16", 22)])
async def test_500_of_500_are_identical(dtype: str, reproducing: str, seed: int) -> None:
    made = await crowd(engine(registry(), dtype=dtype), 500, seed)
    assert await again(engine(registry(), dtype=reproducing), made) == [True] * len(made)


@pytest.mark.parametrize(("kind", "dtype"), [(TracelessEngine, "float32"), (BatchingVaeEngine, "bfloat16")])
async def test_a_planted_mistake_is_caught(kind: type[LocalEngine], dtype: str) -> None:
    """Were these identical too, the tests above would prove nothing."""
    made = await crowd(sabotaged(kind, dtype), 12, seed=12)
    verdicts = await again(sabotaged(kind, dtype), made)
    assert not all(verdicts)
