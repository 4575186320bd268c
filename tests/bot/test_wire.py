"""Real HTTP and gateway bytes between the bot and a Discord of our own, and the faults Discord makes there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.person import Person
from core.progress import Waiting
from tests.support.discord_double import PATIENCE_S
from tests.support.loopback.faults import Fault
from tests.support.loopback.program import Wired, wired
from tests.support.loopback.store import BOT_ID, CHANNEL_ID, button, texts, walk

ANN, LONG_S = 100, 600
DM = 1_000_000 + ANN


async def painting(here: Wired) -> None:
    """Ask for one picture and wait until the device has it."""
    await here.discord.slash("imagine", prompt="a heart")
    await here.state("running")
    await here.until(here.cards)


async def test_a_picture_goes_over_the_wire(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        asked = await here.discord.slash("imagine", prompt="a heart --n 2")
        await here.state("delivered")
        (card,) = here.cards()
        assert asked.answer_id == int(card["id"]) and "Done" in texts(card)
        files = here.discord.store.files[asked.answer_id]
        assert len(files) == 2 and all(data.startswith(b"\x89PNG") for data in files.values())


@pytest.mark.fault("F10", "a line that is lost is resumed; what comes twice is one job")
async def test_a_lost_line_is_resumed_and_what_comes_twice_is_done_once(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        await here.discord.slash("imagine", prompt="a heart")
        await here.state("delivered")
        await here.discord.gateway.cut()
        await here.discord.slash("imagine", prompt="a boat, asked while the line was down")
        await here.state("delivered", 2)
        await here.discord.gateway.replay(4)
        await here.discord.slash("imagine", prompt="a hut")
        await here.state("delivered", 3)
        assert here.discord.gateway.resumed >= 1 and here.discord.gateway.identifies == 1
        assert here.rows("SELECT count(*) FROM jobs") == [(3,)] and len(here.cards()) == 3


@pytest.mark.fault("F11", "a session that is over is opened anew; results wait in the log meanwhile")
async def test_a_session_that_is_over_is_opened_anew(tmp_path: Path) -> None:
    async with wired(tmp_path, gated=True) as here:
        await painting(here)
        here.discord.gateway.up = False
        await here.discord.gateway.cut()
        here.discord.gateway.forget()
        here.gate.open()
        await here.state("delivered")
        here.discord.gateway.up = True
        await asyncio.wait_for(here.discord.gateway.identified.wait(), PATIENCE_S)
        await here.discord.slash("imagine", prompt="a boat")
        await here.state("delivered", 2)
        assert here.discord.gateway.identifies == 2 and len(here.cards()) == 2


async def test_a_gateway_whose_heart_is_dead_is_left(tmp_path: Path) -> None:
    async with wired(tmp_path, connect=False) as here:
        here.discord.gateway.alive, here.discord.gateway.beat_ms = False, 50
        await here.connect(heartbeat_s=0.3)
        await here.until(lambda: here.discord.gateway.resumed or here.discord.gateway.identifies > 1)
        here.discord.gateway.alive = True
        await here.discord.slash("imagine", prompt="a heart")
        await here.state("delivered")


@pytest.mark.fault("F12", "waits as long as Discord says; a result comes although edits are refused")
async def test_a_storm_of_rate_limits_delays_and_loses_nothing(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        here.discord.rest.faults += [
            Fault("rate", "PATCH", "@original", times=3),
            Fault("rate", "POST", "/callback", times=2),
            Fault("rate", "PATCH", "@original", retry_after_s=60.0, times=1),
        ]
        for number in range(3):
            await here.discord.slash("imagine", prompt=f"a heart {number}")
        await here.state("delivered", 3)
        assert len(here.cards()) == 3 and all("Done" in texts(card) for card in here.cards())


@pytest.mark.fault("F13", "an edit or a nonce is repeated, so one message stands")
async def test_a_success_told_as_an_error_is_not_done_twice(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        here.discord.rest.faults += [Fault("after", "PATCH", "@original"), Fault("after", "POST", "/callback")]
        await here.discord.slash("imagine", prompt="a heart")
        await here.state("delivered")
        (card,) = here.cards()
        assert len(card["attachments"]) == 1
        here.discord.rest.faults += [
            Fault("refuse", "POST", "/callback", status=404, code=10062),
            Fault("refuse", "GET", "@original", status=404, code=10015, times=None),
            Fault("after", "POST", "/messages"),
        ]
        await here.discord.slash("imagine", prompt="a boat")
        await here.state("delivered", 2)
        assert len(here.sent("POST", "/messages")) == 2 and len(here.cards()) == 2


@pytest.mark.fault("F14", "the card is edited by its message id, and who waited long is called once")
async def test_after_a_long_wait_the_card_is_edited_by_id_and_its_person_alone_is_called(tmp_path: Path) -> None:
    async with wired(tmp_path, gated=True) as here:
        await painting(here)
        here.theirs.tick(1000)
        here.clock.tick(LONG_S)
        here.gate.open()
        await here.state("delivered")
        card, ping = here.cards()
        assert "Done" in texts(card) and len(card["attachments"]) == 1
        assert f"<@{ANN}>" in ping["content"] and str(ping["message_reference"]["message_id"]) == card["id"]
        (call,) = here.sent("POST", "/messages")
        assert call.body["allowed_mentions"]["users"] == [ANN] and call.body["allowed_mentions"]["parse"] == []
        assert call.body["enforce_nonce"] is True


@pytest.mark.parametrize("code", [10003, 50001, 50013])
@pytest.mark.fault("F17", "undeliverable, one direct message if the person takes any, kept for /history")
async def test_a_place_that_is_gone_is_told_in_one_direct_message(tmp_path: Path, code: int) -> None:
    async with wired(tmp_path, gated=True) as here:
        await painting(here)
        here.discord.rest.faults.append(Fault("refuse", "PATCH", "", status=403, code=code, times=None))
        here.gate.open()
        await here.state("undeliverable")
        (told,) = here.cards(DM)
        assert "/history" in told["content"]
        assert here.rows("SELECT count(*) FROM pictures WHERE state = 'stored'") == [(1,)]
        here.discord.store.closed_dms.add(ANN)
        await here.discord.slash("imagine", prompt="a boat")
        await here.state("undeliverable", 2)
        assert len(here.cards(DM)) == 1


@pytest.mark.fault("F18", "not posted again; cancelled where it was not painted yet")
async def test_a_card_that_a_moderator_deletes_cancels_its_job(tmp_path: Path) -> None:
    async with wired(tmp_path, gated=True) as here:
        await here.discord.slash("imagine", prompt="a heart --steps 90")
        await here.state("running")
        await here.until(lambda: here.cards() and here.rows("SELECT 1 FROM replies WHERE message_id != ''"))
        await here.discord.take_down(int(here.cards()[0]["id"]))
        await here.until(lambda: here.rows("SELECT 1 FROM jobs WHERE cancel_requested"))
        here.gate.open()
        await here.state("cancelled")
        await here.until(lambda: here.rows("SELECT 1 FROM outbox WHERE state = 'dead'"))
        assert not here.cards() and not here.cards(DM)


@pytest.mark.parametrize("what", ["bot removed", "channel deleted"])
@pytest.mark.fault("F19", "the bot taken from a server, a channel deleted: what is open there is cancelled")
async def test_what_is_open_in_a_place_that_is_gone_is_cancelled(tmp_path: Path, what: str) -> None:
    async with wired(tmp_path, gated=True) as here:
        for number in range(3):
            await here.discord.slash("imagine", prompt=f"a heart {number} --steps 90")
        await here.until(lambda: len(here.rows("SELECT 1 FROM replies WHERE message_id != ''")) == 3)
        await (here.discord.remove_bot() if what == "bot removed" else here.discord.remove_channel())
        await here.until(
            lambda: len(here.rows("SELECT 1 FROM jobs WHERE cancel_requested OR state = 'cancelled'")) == 3
        )
        here.gate.open()
        await here.state("cancelled", 3)
        assert here.rows("SELECT sum(amount) FROM ledger WHERE kind = 'charge'") == [(0,)]


@pytest.mark.fault("F19", "who left the server while their job waits: it is cancelled, released")
async def test_who_left_while_their_job_waits_is_painted_nothing(tmp_path: Path) -> None:
    async with wired(tmp_path, gated=True) as here:
        await painting(here)
        for person in (101, 102):
            await here.discord.slash("imagine", person_id=person, prompt="a boat --steps 90")
        await here.until(lambda: len(here.rows("SELECT 1 FROM replies WHERE message_id != ''")) == 3)
        here.discord.store.left.add(101)
        here.clock.tick(90)
        for number, (job_id,) in enumerate(here.rows("SELECT id FROM jobs ORDER BY id")):
            job = await here.program.archive.job(job_id)
            assert job is not None
            await here.bot.face.show(job, Waiting(9 + number))
        await here.until(lambda: len(here.sent("GET", "/members/")) == 3)
        gone = "SELECT person FROM jobs WHERE cancel_requested OR state = 'cancelled'"
        await here.until(lambda: here.rows(gone) == [("discord:101",)])
        here.gate.open()
        await here.state("delivered", 2)
        assert here.rows(gone) == [("discord:101",)]


@pytest.mark.fault("F20", "pressed twice it cancels once")
async def test_cancel_pressed_twice_cancels_once(tmp_path: Path) -> None:
    async with wired(tmp_path, gated=True) as here:
        await painting(here)
        card = await here.until(lambda: next(iter(here.cards()), None))
        for _ in range(2):
            await here.discord.press(card, button(card, "cancel"))
        await here.until(lambda: here.rows("SELECT 1 FROM jobs WHERE cancel_requested"))
        here.gate.open()
        await here.state("cancelled")
        assert here.rows("SELECT count(*) FROM ledger WHERE kind = 'charge' AND amount = 0") == [(1,)]


async def test_a_copy_comes_by_direct_message_to_who_wants_it(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        await here.program.studio.people.set_defaults(Person(f"discord:{ANN}"), by_dm=True)
        await here.discord.slash("imagine", prompt="a heart")
        await here.discord.slash("imagine", person_id=101, prompt="a boat")
        await here.state("delivered", 2)
        (copy,) = here.cards(DM)
        assert "a heart" in texts(copy) and len(copy["attachments"]) == 1 and not here.cards(DM + 1)


@pytest.mark.fault("too large", "PNG, lossless WebP, JPEG, else words and the page; the card says which")
async def test_the_upload_limit_is_read_from_the_interaction(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        sizes = {}
        for limit in (10_000_000, 100):
            here.discord.size_limit = limit
            asked = await here.discord.slash("imagine", prompt=f"a heart {limit}")
            await here.state("delivered", len(sizes) + 1)
            sizes[limit] = here.discord.store.messages[asked.answer_id or 0]
        assert len(sizes[10_000_000]["attachments"]) == 1
        assert not sizes[100]["attachments"] and "too large" in texts(sizes[100])
        assert not [call for call in here.discord.store.calls if call.status == 413]


async def test_what_is_too_large_in_any_form_has_a_button_to_its_place_on_the_page(tmp_path: Path) -> None:
    async with wired(tmp_path, page="https://limner.example/studio/") as here:
        here.discord.size_limit = 100
        await here.discord.slash("imagine", prompt="a heart")
        await here.state("delivered")
        ((picture,),) = here.rows("SELECT id FROM pictures")
        (link,) = [part for part in walk(here.cards()[0]["components"]) if part.get("url")]
        assert not here.cards()[0]["attachments"] and link["label"] == "Page"
        assert link["url"] == f"https://limner.example/studio/#/picture/{picture}"


async def test_a_slow_upload_holds_up_nobody_else_and_arrives_once(tmp_path: Path) -> None:
    async with wired(tmp_path, gated=True) as here:
        await painting(here)
        here.discord.rest.faults.append(Fault("slow", "PATCH", f"token-{first_ask(here)}/messages/@original"))
        here.gate.open()
        await here.until(lambda: not here.discord.rest.faults or here.discord.rest.faults[0].times == 0)
        for number in range(2):
            await here.discord.slash("imagine", prompt=f"a boat {number}")
        await here.state("delivered", 2)
        assert here.rows("SELECT state FROM jobs ORDER BY id LIMIT 1") == [("rendered",)]
        here.discord.rest.slow.set()
        await here.state("delivered", 3)
        assert len(here.cards()) == 3 and all("Done" in texts(card) for card in here.cards())


async def test_what_stops_showing_waits_for_the_edit_under_way(tmp_path: Path) -> None:
    async with wired(tmp_path, gated=True) as here:
        await painting(here)
        fault = Fault("slow", "PATCH", f"token-{first_ask(here)}/messages/@original")
        here.discord.rest.faults.append(fault)
        await here.discord.slash("imagine", prompt="what waits behind it, so that places are told")
        here.gate.open()
        await here.until(lambda: fault.times == 0)
        closing = asyncio.create_task(here.bot.face.close())
        await asyncio.wait([closing], timeout=0.1)
        assert not closing.done(), "a request was cut off: discord.py keeps its route shut for half a minute"
        here.discord.rest.slow.set()
        await closing


def first_ask(here: Wired) -> int:
    return min(asked.id for asked in here.discord.store.asked.values())


async def test_waiting_cards_tell_their_place_when_it_changes(tmp_path: Path) -> None:
    async with wired(tmp_path, gated=True) as here:
        for number in range(12):
            await here.discord.slash("imagine", prompt=f"a heart {number} --steps 4")
        await here.until(lambda: len(here.rows("SELECT 1 FROM replies WHERE message_id != ''")) == 12)
        here.gate.open()
        await here.state("delivered", 12)
        assert len(here.cards()) == 12 and all("Done" in texts(card) for card in here.cards())


async def test_a_login_that_fails_is_tried_again(tmp_path: Path) -> None:
    async with wired(tmp_path, connect=False) as here:
        here.discord.rest.faults.append(Fault("refuse", "GET", "/users/@me", status=503, times=2))
        await here.connect()
        assert len(here.sent("GET", "/users/@me")) == 3


async def test_what_is_sent_pings_nobody_but_who_waited(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        message = await here.discord.say(f"<@{BOT_ID}> @everyone a hut", ANN)
        await here.until(lambda: here.cards())
        (call,) = here.sent("POST", f"/channels/{CHANNEL_ID}/messages")
        assert call.body["allowed_mentions"]["parse"] == [] and "users" not in call.body["allowed_mentions"]
        assert call.body["message_reference"]["message_id"] in (int(message["id"]), message["id"])


@pytest.mark.fault("closed messages", "the card says that no copy could be sent")
async def test_a_copy_that_is_refused_is_told_on_the_card(tmp_path: Path) -> None:
    async with wired(tmp_path) as here:
        await here.program.studio.people.set_defaults(Person(f"discord:{ANN}"), by_dm=True)
        here.discord.rest.faults.append(Fault("refuse", "POST", f"/channels/{DM}/messages", status=403, code=50007))
        await here.discord.slash("imagine", prompt="a heart")
        await here.until(lambda: here.cards() and "lets me send you none" in texts(here.cards()[0]))
        await here.state("delivered")
        assert not here.cards(DM) and len(here.cards()[0]["attachments"]) == 1
