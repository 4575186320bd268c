"""What is promised of a new Job with an equal Recipe, and that the Studio says it where it matters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.person import Person, Place
from core.picture import Fingerprint, Picture
from core.promise import Ground, note
from core.recipe import digest
from tests.support.archive import recipe
from tests.support.auditing import Hall, hall

ANN, BOB = Person("web:ann"), Person("web:bob")
NOOK = Place.of("web", {"feed": "web:bob"})
FACTS = {"torch": "2", "dtype": "float32"}


def earlier(trace: tuple[tuple[int, int], ...] = ((2, 3), (8, 1)), **facts: object) -> Picture:
    """Return a stored Picture made so."""
    made_by = Fingerprint(trace, {**FACTS, "threads": 1, "self_test": "equal", **facts})
    return Picture("01J0000000000000000ABC1234", "j", 0, recipe(), digest(recipe()), 1, "stored", fingerprint=made_by)


@pytest.mark.parametrize(
    ("ground", "then", "said"),
    [
        (Ground(FACTS, self_test="equal"), earlier(), None),
        (Ground(FACTS, self_test="equal"), earlier(self_test="untested"), "within 2/255"),
        (Ground(FACTS, self_test="differs"), earlier(self_test="differs"), "within 2/255"),
        (Ground(FACTS), earlier(), "within 2/255"),
        (Ground(FACTS, rows=8, self_test="differs"), earlier(((8, 4),)), None),
        (Ground(FACTS, rows=8, self_test="differs"), earlier(((8, 3), (4, 1))), "within 2/255"),
        (Ground({**FACTS, "dtype": "bfloat16"}, self_test="equal"), earlier(), "other dtype"),
        (Ground({"torch": "3", "dtype": "x"}, rows=8), earlier(((8, 4),)), "other dtype, torch"),
    ],
)
def test_what_is_said_of_an_earlier_picture_with_an_equal_recipe(
    ground: Ground, then: Picture, said: str | None
) -> None:
    told = note(then, ground)
    assert told is None if said is None else said in (told or "") and "BC1234" in (told or "")


def test_what_a_device_promises_from_now_on() -> None:
    assert Ground(self_test="equal").promise == Ground(rows=8).promise == "identical"
    assert (Ground(self_test="differs").promise, Ground().promise) == ("close", "untested")


async def notes(here: Hall, words: str, person: Person, place: Place) -> list[str]:
    return (await here.done(words, person, place))["notes"]


async def test_the_studio_says_it_of_pictures_the_person_may_see(tmp_path: Path) -> None:
    hall_ = Place.of("web", {"feed": "hall"})
    async with hall(tmp_path) as here:
        first = (await here.done("a cat --seed 5", ANN, hall_))["pictures"][0]
        assert await notes(here, "a cat --seed 6", ANN, hall_) == []
        assert await notes(here, "a cat --seed 5", BOB, NOOK) == []
        (own,) = await notes(here, "a cat --seed 5", ANN, Place.of("cli"))
        (same_place,) = await notes(here, "a cat --seed 4 --n 2", BOB, hall_)
        assert first["id"][-6:] in own and "within 2/255 a value" in own and "2/255" in same_place
        again = await here.done(f"/reproduce {first['id']}", ANN, hall_)
        assert again["notes"] == []


async def test_where_rows_do_not_matter_nothing_need_be_said(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        here.device.ground = Ground({"dtype": "float32"}, rows=2, self_test="differs")
        await here.done("a cat --seed 5", ANN)
        assert await notes(here, "a cat --seed 5", ANN, NOOK) == []
        here.device.ground = replace(here.device.ground, rows=8)
        (said,) = await notes(here, "a cat --seed 5", ANN, NOOK)
        assert "2/255" in said
        here.device.ground = Ground({"dtype": "bfloat16"}, rows=2)
        assert "other dtype" in (await notes(here, "a cat --seed 5", ANN, NOOK))[0]
        assert (await here.studio.health())["equal_recipe"] == "identical"
