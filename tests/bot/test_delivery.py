"""The delivery rule: where a result goes when tokens end, programs stop, cards vanish and Discord refuses."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from bot.client import LimnerBot
from bot.post import Spot
from core.errors import Unavailable
from core.progress import Done, Stepping, Waiting
from core.records import Reply
from tests.support.discord_checks import checked
from tests.support.discord_double import World, buttons, texts

EXPIRED_S = 900


def state(here: World) -> str:
    return str(here.rows("SELECT state FROM jobs ORDER BY id")[0][0])


async def painting(here: World) -> None:
    """Wait until the first Job is on the device."""
    await here.until(lambda: state(here) == "running")


async def test_after_the_token_the_card_is_edited_by_its_message_id(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart")
        await painting(here)
        here.ticks.tick(EXPIRED_S)
        before = len(here.sent("PATCH", "/@original"))
        here.parts.gate.open()
        await here.delivered()
        card, ping = here.cards()
        assert "Done" in texts(card) and len(card.attachments) == 1 and "<@" in ping.content
        assert len(here.sent("PATCH", "/@original")) == before
        assert here.sent("PATCH", f"/channels/{here.channel.id}/messages/{card.id}")
        assert here.rows("SELECT message_id FROM outbox") == [(str(card.id),)]


@pytest.mark.parametrize("later_s", [0, EXPIRED_S], ids=["token lives", "token over"])
async def test_a_program_that_starts_again_finds_the_card(tmp_path: Path, later_s: int) -> None:
    async with checked(tmp_path, gated=True) as here:
        ann = here.person("ann")
        result = await ann.slash(here.channel, "imagine", prompt="a heart")
        await ann.send(here.channel, "somebody talks")
        await painting(here)
        await here.restart(killed=True)
        here.ticks.tick(later_s or 10)
        here.parts.dispatcher.wake()
        here.parts.gate.open()
        await here.delivered()
        card, *pings = here.cards()
        assert len(pings) == bool(later_s)
        assert result.response is not None and card.id == result.response.id
        assert "Done" in texts(card) and len(card.attachments) == 1
        assert here.rows("SELECT count(*) FROM pictures WHERE state = 'stored'") == [(1,)]


async def test_cards_of_one_interaction_are_told_apart_after_a_restart(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a {red, blue} heart")
        await painting(here)
        await here.restart(killed=True)
        here.ticks.tick(10)
        here.parts.dispatcher.wake()
        here.parts.gate.open()
        await here.delivered(2)
        first, second = here.cards()
        assert "a red heart" in texts(first) and "a blue heart" in texts(second)
        assert "Done" in texts(first) and "Done" in texts(second)


async def test_a_card_delivered_but_not_noted_is_found_again(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        heard = here.heard("INTERACTION_CREATE")
        await here.person("ann").slash(here.channel, "imagine", prompt="a {red, blue} heart")
        await here.delivered(2)
        asked = heard[0][1]
        token = Reply(asked["application_id"], asked["token"], str(here.channel.id), expires_at=here.ticks() + 1)
        for reply in (None, token):
            for nth in (0, 1):
                receipt = await here.parts.bot.face.deliver(await here.parcel(reply, nth=nth))
                assert receipt.message_id == str(here.cards()[nth].id)
        first, second = here.cards()
        assert "a red heart" in texts(first) and "a blue heart" in texts(second)


async def test_an_apology_is_found_again_too(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="nan heart")
        await here.until(lambda: here.rows("SELECT 1 FROM outbox WHERE state = 'done'"))
        await here.parts.bot.face.deliver(await here.parcel(kind="apology"))
        assert len(here.cards()) == 1 and "Ask again" in buttons(here.cards()[0])


@pytest.mark.fault("F15", "a job that was written comes as a message of its own, though its answer was too late")
async def test_an_answer_that_did_not_arrive_becomes_one_message_with_a_nonce(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        here.env.inject_error("POST", "/interactions/*/callback", status=404, code=10062)
        here.env.inject_error("GET", "/webhooks/*", status=404, code=10015, times=None)
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        (card,) = here.cards()
        assert "Done" in texts(card)
        (body,) = here.sent("POST", f"/channels/{here.channel.id}/messages")
        nonce = here.rows("SELECT nonce FROM outbox")[0][0]
        assert body["nonce"] == nonce and len(nonce) == 25 and body["enforce_nonce"] is True
        assert body["allowed_mentions"]["parse"] == []


async def test_a_card_taken_down_is_not_posted_again(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        ann = here.person("ann")
        await ann.slash(here.channel, "imagine", prompt="a heart")
        await painting(here)
        here.env.backend.delete_message(here.channel.id, here.cards()[0].id)
        here.parts.gate.open()
        await here.until(lambda: here.rows("SELECT 1 FROM outbox WHERE state = 'dead'"))
        assert not here.cards() and state(here) in ("undeliverable", "cancelled")


@pytest.mark.parametrize("code", [10003, 50001, 50013])
async def test_what_discord_will_never_take_is_dead(tmp_path: Path, code: int) -> None:
    async with checked(tmp_path) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        here.env.inject_error("PATCH", "/channels/*", status=403, code=code)
        receipt = await here.parts.bot.face.deliver(await here.parcel())
        assert receipt.dead and str(code) in receipt.why


async def test_what_discord_cannot_take_now_is_brought_again_later(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        here.env.inject_error("PATCH", "/webhooks/*", status=503, times=None)
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart")
        await here.until(lambda: here.rows("SELECT 1 FROM outbox WHERE tries > 0 AND lease_owner IS NULL"))
        here.env.backend.faults.clear()
        here.ticks.tick(60)
        here.parts.courier.wake()
        await here.delivered()
        assert len(here.cards()) == 1 and "Done" in texts(here.cards()[0])


async def test_a_file_too_large_as_png_is_shown_in_another_form(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        here.env.inject_error("PATCH", "/channels/*", status=413, code=40005, times=2)
        await here.parts.bot.face.deliver(await here.parcel())
        (card,) = here.cards()
        assert card.attachments[0]["filename"].endswith(".jpeg") and "Shown as JPEG" in texts(card)
        assert here.files(card)[0].startswith(b"\xff\xd8")


@pytest.mark.fault(
    "F2", "the painter is a part of the program: its end is F1 or F5, and the card says which attempt it shows"
)
async def test_a_card_says_which_attempt_of_how_many_it_shows(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart --steps 4")
        await painting(here)
        assert "Again" not in texts(here.cards()[0])
        await here.restart(killed=True)
        await here.parts.bot.face.show((await here.parcel()).job, Waiting(7))
        await here.soon(lambda: "Again, 2 of 3" in (said := texts(here.cards()[0])) and "Queued" in said)
        here.ticks.tick(5)
        here.parts.dispatcher.wake()
        await here.soon(lambda: here.rows("SELECT state, attempt FROM jobs") == [("running", 2)])
        await here.parts.bot.face.show((await here.parcel()).job, Stepping(0, 1, 4))
        await here.soon(lambda: "Again, 2 of 3" in (said := texts(here.cards()[0])) and "Painting" in said)
        here.parts.gate.open()
        await here.delivered()
        (card,) = here.cards()
        assert "Done" in texts(card) and "Again" not in texts(card)


async def test_progress_is_edited_once_in_a_while_and_the_newest_wins(tmp_path: Path) -> None:
    turn = asyncio.Semaphore(0)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await turn.acquire()

    async with checked(tmp_path, gated=True, pause=pause) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart --steps 90")
        await painting(here)
        job = (await here.parcel()).job
        await here.parts.bot.face.show(job, Waiting(9))
        await here.soon(lambda: pauses)
        for step in range(1, 41):
            await here.parts.bot.face.show(job, Stepping(0, step, 90))
            await asyncio.sleep(0)
        assert pauses == [1.5]
        turn.release()
        await here.soon(lambda: len(pauses) == 2)
        shown = [text for body in here.sent("PATCH", "/") if "Painting" in (text := str(body))]
        assert len(shown) == 1 and "40/90" in shown[0]
        here.parts.gate.open()
        for _ in range(200):
            turn.release()
        await here.delivered()


async def test_a_result_waits_until_its_queued_card_stands_and_progress_waits_for_results(tmp_path: Path) -> None:
    async with checked(tmp_path, gated=True) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart")
        await painting(here)
        await here.parts.bot.face.show((await here.parcel()).job, Waiting(7))
        await here.soon(lambda: "place 7" in texts(here.cards()[0]))
        reply = Reply(channel_id=str(here.channel.id), message_id="1")
        before = len(here.env.http_requests)
        async with here.parts.bot.face.asking(reply):
            bringing = asyncio.create_task(here.parts.bot.face.deliver(await here.parcel(reply)))
            await here.parts.bot.face.show((await here.parcel()).job, Stepping(0, 1, 4))
            for _ in range(100):
                await asyncio.sleep(0.001)
            assert len(here.env.http_requests) == before
        assert not (await bringing).dead


async def test_progress_never_disturbs_who_tells_it_nor_a_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with checked(tmp_path, gated=True) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart --steps 9")
        await painting(here)
        here.env.inject_error("PATCH", "/webhooks/*", status=500, times=1)
        await here.parts.bot.face.show((await here.parcel()).job, Stepping(0, 1, 9))
        await here.soon(lambda: not here.env.backend.faults)
        here.parts.gate.open()
        await here.delivered()
        assert "its card could not be edited" in caplog.text
        job = (await here.parcel()).job
        before = len(here.sent("PATCH", ""))
        sheet = await here.parts.bot.studio.job(job.person, job.place, job.id)
        here.parts.bot.face.stands(sheet, Spot(here.channel.id, here.cards()[0].id), job.person, job.place)
        for progress in (Stepping(0, 1, 9), Done()):
            await here.parts.bot.face.show(job, progress)
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == f"show {job.id}"))
        assert len(here.sent("PATCH", "")) == before and "Done" in texts(here.cards()[0])


async def test_before_it_is_logged_in_nothing_is_delivered_or_shown(tmp_path: Path) -> None:
    async with checked(tmp_path) as here:
        await here.person("ann").slash(here.channel, "imagine", prompt="a heart")
        await here.delivered()
        face = LimnerBot(here.parts.bot.studio, guilds=(), clock=here.ticks).face
        parcel = await here.parcel()
        await face.show(parcel.job, Stepping(0, 1, 2))
        with pytest.raises(Unavailable, match="not connected"):
            await face.deliver(parcel)
