"""Real HTTP and gateway bytes between the bot and a Discord of our own, and the faults Discord makes there."""

from __future__ import annotations

from pathlib import Path

from tests.support.loopback.faults import Fault
from tests.support.loopback.program import wired
from tests.support.loopback.store import texts


async def test_a_picture_goes_over_the_wire(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        asked = await here.discord.slash("imagine", prompt="a heart --n 2")
        await here.state("delivered")
        (card,) = here.cards()
        assert asked.answer_id == int(card["id"]) and "Done" in texts(card)
        files = here.discord.store.files[asked.answer_id]
        assert len(files) == 2 and all(data.startswith(b"\x89PNG") for data in files.values())


async def test_a_success_told_as_an_error_is_not_done_twice(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        here.discord.rest.faults += [Fault("after", "PATCH", "@original"), Fault("after", "POST", "/callback")]
        await here.discord.slash("imagine", prompt="a heart")
        await here.state("delivered")
        (card,) = here.cards()
        assert len(card["attachments"]) == 1


async def test_a_login_that_fails_is_tried_again(tmp_path: Path) -> None:
    async with wired(tmp_path, connect=False) as here:
        here.discord.rest.faults.append(Fault("refuse", "GET", "/users/@me", status=503, times=2))
        await here.connect()
        assert len(here.sent("GET", "/users/@me")) == 3
