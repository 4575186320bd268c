"""What cannot fit into the device's memory is refused before it is accepted, with both figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadInput
from core.room import Room, shown
from inference import memory
from tests.support.program import done, running
from tests.test_exactness import tiny


async def test_too_large_is_refused_in_words_and_what_was_painted_once_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, environ=tiny("fast")) as program:
        painted = await done(program, "a fox --size 64x64 --steps 2 --seed 4")
        monkeypatch.setattr(memory, "own_bytes", lambda: 0)
        monkeypatch.setattr(memory, "free_ram", lambda: 40_000_000)
        with pytest.raises(BadInput) as refused:
            await done(program, "a fox --size 1024x512 --steps 2")
        said = refused.value.whole()
        assert said.startswith("1024x512 with the model tiny needs about ") and "this device can give 40.0 MB" in said
        assert "weights" in said and "by estimate" in said
        size = said.rpartition("--size ")[2].rstrip(".")
        assert (await done(program, f"a fox --size {size} --steps 2"))["state"] == "delivered"
        monkeypatch.setattr(memory, "free_ram", lambda: 1_000_000)
        with pytest.raises(BadInput) as refused:
            await done(program, "a fox --size 64x64 --steps 2")
        assert refused.value.hint == "Choose a smaller model."
        again = await done(program, "", kind="reproduce", parent=painted["pictures"][0]["id"])
        assert again["pictures"][0]["verdict"]["reproduce"]["word"] == "identical"


def test_bytes_are_shown_as_people_read_them() -> None:
    assert [shown(count) for count in (0, 5_300_000, 99_000_000, 2_345_000_000)] == [
        "0.0 MB",
        "5.3 MB",
        "99.0 MB",
        "2.3 GB",
    ]


def test_an_estimate_that_is_met_exactly_is_enough() -> None:
    assert Room(5, 5, 10).is_enough and not Room(5, 6, 10).is_enough
