"""/reroll and the buttons, on messages of whatever age, each on the presser's own Limits."""

from __future__ import annotations

from pathlib import Path

from core.limits import Limits
from tests.support.discord_double import buttons, texts, world


async def test_reroll_by_id_and_seed(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1")
        await here.delivered()
        picture_id = here.rows("SELECT id FROM pictures")[0][0]
        await ann.slash(here.channel, "reroll", id=picture_id[-8:].lower(), seed=9)
        await here.delivered(2)
        assert here.rows("SELECT seed, parent_id FROM pictures ORDER BY id") == [(1, None), (9, picture_id)]
        old, new = here.cards()
        assert "seed 9" in texts(new) and f"from `{picture_id[-8:]}`" in texts(new)
        assert here.files(old)[0] != here.files(new)[0]
        await ann.slash(here.channel, "reroll")
        await here.delivered(3)
        assert here.rows("SELECT seed FROM pictures ORDER BY id DESC LIMIT 1") == [(77,)]


async def test_reroll_of_what_is_not_here_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        result = await here.person("ann").slash(here.channel, "reroll", id="7F3K2A9Q")
        assert result.ephemeral and result.response is not None and "no picture" in result.response.content


async def test_a_button_from_before_a_restart_works_for_somebody_else_in_a_new_process(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1")
        await here.delivered()
        await here.restart()
        old = here.channel.history()[-1]
        result = await bob.click(old, label="Reroll")
        assert not result.ephemeral and result.response is not None and result.response.id != old.id
        await here.delivered(2)
        people = here.rows("SELECT person, kind FROM jobs ORDER BY id")
        assert people == [(f"discord:{ann.id}", "imagine"), (f"discord:{bob.id}", "reroll")]
        assert here.rows("SELECT seed FROM pictures ORDER BY id") == [(1,), (77,)]
        assert f"<@{bob.id}>" in texts(here.cards()[-1]) and "Done, seed 77" in texts(here.cards()[-1])
        assert "seed 1" in texts(here.cards()[0]), "the old card stays as it is"


async def test_a_press_counts_on_the_pressers_limits(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(per_minute=1)) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        card = here.channel.history()[-1]
        assert (await ann.click(card, label="Reroll")).ephemeral
        assert not (await bob.click(card, label="Reroll")).ephemeral
        assert (await bob.click(card, label="Vary")).ephemeral
        await here.delivered(2)


async def test_vary_upscale_and_reproduce(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1")
        await here.delivered()
        card = here.channel.history()[-1]
        for count, label in enumerate(("Vary", "Upscale x2", "Reproduce"), 2):
            await ann.click(card, label=label)
            await here.delivered(count)
        shown = [texts(each) for each in here.cards()]
        assert "varied by 0.15" in shown[1] and "Enlarged to 128 x 128" in shown[2] and "identical" in shown[3]


async def test_several_pictures_have_a_button_each(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart --seed 1 --n 4")
        await here.delivered()
        assert list(buttons(here.cards()[0])) == ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4", "Reroll", "Reproduce"]
        await ann.click(here.channel.history()[-1], label="U3")
        await here.delivered(2)
        third = here.rows("SELECT id FROM pictures WHERE idx = 2")[0][0]
        assert here.rows("SELECT parent_id FROM pictures ORDER BY id DESC LIMIT 1") == [(third,)]


async def test_only_who_asked_may_cancel(tmp_path: Path) -> None:
    async with world(tmp_path, gated=True) as here:
        ann, bob = here.person("ann"), here.person("bob")
        await ann.slash(here.channel, "imagine", prompt="first")
        await here.until(lambda: here.rows("SELECT 1 FROM jobs WHERE state = 'running'"))
        # More rows than the device takes in hand: what comes after them waits.
        await ann.slash(here.channel, "imagine", prompt="large --n 16")
        await ann.slash(here.channel, "imagine", prompt="last")
        assert here.rows("SELECT state FROM jobs WHERE typed = 'last'") == [("queued",)]
        last = here.channel.history()[-1]
        refused = await bob.click(last, label="Cancel")
        assert refused.ephemeral and refused.response is not None and "Only who asked" in refused.response.content
        await ann.click(last, label="Cancel")
        assert "Cancelled. Nothing was charged." in texts(here.cards()[-1]) and not buttons(here.cards()[-1])
        await ann.click(here.channel.history()[0], label="Cancel")
        here.parts.gate.open()
        await here.delivered(1)
        await here.until(lambda: here.rows("SELECT count(*) FROM outbox WHERE state = 'done'") == [(3,)])
        assert "Cancelled" in texts(here.cards()[0]) and "Cancelled" in texts(here.cards()[-1])
        assert len(here.cards()) == 3
