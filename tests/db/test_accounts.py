"""Accounts in the log: links work once, what ends a session ends it for good, share links open one Picture."""

from __future__ import annotations

import asyncio

from core.account import Account
from core.limits import DAY_MS, NO_LIMITS
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all

ANN, HASH = Account("ann"), "ab" * 32


async def read(archive: SqlArchive, name: str = "ann") -> Account:
    found = await archive.account(name)
    assert found is not None
    return found


async def test_an_account_is_made_once_and_removed_with_all_it_opened(archive: SqlArchive, spot: Place) -> None:
    assert await archive.add_account(ANN) and not await archive.add_account(ANN)
    assert await archive.add_account(Account("boss", owner=True))
    assert [each.name for each in await archive.accounts()] == ["ann", "boss"]
    until = await archive.keep_link(HASH, "ann", DAY_MS)
    assert until == spot.clock() + DAY_MS and (await read(archive)).link_until == until
    [(job, _)] = await archive.accept([new_job("web:ann")], NO_LIMITS)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    picture = claimed[1][0].id
    await archive.keep_share_link("cd" * 32, picture, "web:ann", True, None)
    assert await archive.open_session("01" * 32, "web:ann", 2**52, await read(archive))
    assert await archive.open_session("02" * 32, "web:owner", 2**52, await read(archive, "boss"))
    assert await archive.open_session("03" * 32, "web:owner", 2**52)
    assert await archive.drop_account("ann") == [] and await archive.drop_account("ann") is None
    assert [await archive.session(f"0{each}" * 32) for each in (1, 2, 3)] == [
        None, ("web:owner", "boss"), ("web:owner", None),
    ]  # fmt: skip
    assert await archive.linked(HASH) is None and await archive.share_link("cd" * 32) is None
    assert await archive.drop_account("boss") == []
    assert [await archive.session(f"0{each}" * 32) for each in (2, 3)] == [None, ("web:owner", None)]
    assert await archive.job(job.id) is not None, "the log keeps what was asked for"


async def test_a_link_works_once_within_its_time_and_a_new_one_ends_it(archive: SqlArchive, spot: Place) -> None:
    assert await archive.keep_link(HASH, "nobody", 1000) is None
    await archive.add_account(ANN)
    await archive.keep_link("01" * 32, "ann", 1000)
    await archive.keep_link("02" * 32, "ann", 1000)
    assert await archive.linked("01" * 32) is None
    ann = await archive.linked("02" * 32)
    assert ann is not None and ann.name == "ann" and ann.password is None
    twice = await asyncio.gather(*(archive.set_password(ann, f"kept {each}", "02" * 32) for each in range(2)))
    assert [each is None for each in twice].count(True) == 1
    assert await archive.linked("02" * 32) is None
    await archive.keep_link("03" * 32, "ann", 1000)
    spot.clock.tick(1)
    assert await archive.linked("03" * 32) is None
    assert await archive.set_password(await read(archive), "late", "03" * 32) is None
    assert (await read(archive)).link_until is None


async def test_a_new_password_ends_every_session_and_none_opens_by_the_old_one(archive: SqlArchive) -> None:
    await archive.add_account(ANN)
    before = await read(archive)
    first = await archive.set_password(before, "one", None)
    assert first is not None and first.password == "one"
    assert await archive.open_session("01" * 32, "web:ann", 2**52, first)
    second = await archive.set_password(first, "two", None)
    assert second is not None and await archive.session("01" * 32) is None
    # Whoever was being let in while it changed stays outside.
    assert not await archive.open_session("02" * 32, "web:ann", 2**52, first)
    assert await archive.set_password(first, "three", None) is None
    await archive.open_session("03" * 32, "web:ann", 2**52, second)
    await archive.end_session("03" * 32)
    assert await archive.session("03" * 32) is None
    await archive.drop_account("ann")
    assert not await archive.open_session("04" * 32, "web:ann", 2**52, second)


async def test_what_a_removed_account_waits_for_is_cancelled_and_given_back(archive: SqlArchive, spot: Place) -> None:
    await archive.add_account(ANN)
    await archive.add_account(Account("boss", owner=True))
    asked: list[str] = []
    for who in ("web:ann", "web:ann", "web:bob", "web:owner"):
        [(job, _)] = await archive.accept([new_job(who)], NO_LIMITS)
        asked.append(job.id)
        if len(asked) == 1:
            assert await archive.claim("w", 15)
    assert await archive.drop_account("ann") == asked[:2]
    assert await archive.drop_account("boss") == []
    states = [job.state for each in asked if (job := await archive.job(each))]
    assert states == ["running", "cancelled", "queued", "queued"]
    assert spot.rows("SELECT id FROM jobs WHERE cancel_requested") == [(asked[0],)]
    held, *rest = spot.rows("SELECT kind, amount FROM ledger WHERE kind = 'hold' ORDER BY job_id")
    assert spot.rows("SELECT job_id, kind, amount FROM ledger WHERE kind != 'hold' ORDER BY kind") == [
        (asked[1], "charge", 0), (asked[1], "release", held[1]),
    ]  # fmt: skip
    assert held[1] > 0 and len(rest) == 3


async def test_an_account_made_anew_under_a_name_is_another(archive: SqlArchive, spot: Place) -> None:
    await archive.add_account(ANN)
    old = await read(archive)
    await archive.drop_account("ann")
    spot.clock.tick(1)
    await archive.add_account(ANN)
    assert not await archive.open_session("01" * 32, "web:ann", 2**52, old)


async def test_share_links_end_by_time_by_hand_and_with_their_picture(archive: SqlArchive, spot: Place) -> None:
    await archive.accept([new_job("web:ann")], NO_LIMITS)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    picture = claimed[1][0].id
    await archive.keep_share_link("01" * 32, picture, "web:ann", False, 1)
    await archive.keep_share_link("02" * 32, picture, "web:ann", True, None)
    assert [each.words for each in await archive.share_links(picture)] == [False, True]
    spot.clock.tick(24 * 3600)
    assert await archive.share_link("01" * 32) is None and len(await archive.share_links(picture)) == 1
    assert await archive.drop_share_links(picture) == 2 and await archive.share_link("02" * 32) is None
    await archive.keep_share_link("03" * 32, picture, "web:ann", True, None)
    await archive.erase("web:ann")
    assert await archive.share_link("03" * 32) is None
