"""What goes out beside a card: a ping after a long wait, a copy by direct message, a word where no card can stand."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import cast

import discord
from discord import ui

from bot.guests import UNSENT
from bot.post import Body, Post, Spot, nonce, since
from core import wording
from core.person import Person
from core.records import Parcel

log = logging.getLogger(__name__)
LONG_MS = 300_000
"""Who waited longer looks elsewhere by now, and is called."""

ByDm = Callable[[Person], Awaitable[bool]]


class Beside:
    """Call a Person, best effort: a card that stands is delivered, whatever becomes of the rest."""

    def __init__(self, post: Post, by_dm: ByDm, clock: Callable[[], int]) -> None:
        self._post, self._by_dm, self._clock = post, by_dm, clock

    async def delivered(self, parcel: Parcel, spot: Spot, body: Body) -> None:
        """Ping who waited long, and send a copy to who wants one."""
        try:
            if self._clock() - parcel.job.created_at > LONG_MS:
                await self._ping(parcel, spot)
            # In direct messages the card is there already.
            elsewhere = parcel.job.place.unpack().get("guild") is not None
            if parcel.kind == "result" and elsewhere and await self._by_dm(parcel.job.person):
                await self._copy(parcel, spot, body)
        except UNSENT as error:
            log.info("job %s: its person could not be called: %s", parcel.job.id, error)

    async def undeliverable(self, parcel: Parcel) -> None:
        """Tell the Person in a direct message that the Place is gone; whether they take any is theirs to say."""
        words = wording.no_place(parcel.kind == "result")
        try:
            channel_id = await self._post.direct(_account(parcel))
            await self._post.say(channel_id, words, nonce(f"{parcel.nonce} gone"))
        except UNSENT as error:
            log.info("job %s: its person could not be told: %s", parcel.job.id, error)

    async def _ping(self, parcel: Parcel, spot: Spot) -> None:
        # A try before may have called already; the nonce is known for minutes only.
        if parcel.tries and await self._post.answered(spot):
            return
        words = f"<@{_account(parcel)}> {wording.long_wait(parcel.kind == 'result')}"
        who = discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(_account(parcel))])
        await self._post.say(spot.channel_id, words, nonce(f"{parcel.nonce} ping"), spot.message_id, who)

    async def _copy(self, parcel: Parcel, spot: Spot, body: Body) -> None:
        try:
            channel_id = await self._post.direct(_account(parcel))
            ids = {parcel.job.id, *(picture.id for picture in parcel.pictures)}
            if parcel.tries and await self._post.find(channel_id, ids, since(parcel.job)):
                return
            await self._post.send(channel_id, body, nonce(f"{parcel.nonce} copy"))
        except discord.Forbidden:
            await self._post.edit(spot, Body(lambda: _noted(body.view(), wording.NO_DM), body.files))


def _noted(view: ui.LayoutView, sentence: str) -> ui.LayoutView:
    """Return a card with one sentence more."""
    box = cast("ui.Container[ui.LayoutView]", view.children[0])
    box.add_item(ui.TextDisplay(f"-# {sentence}"))
    return view


def _account(parcel: Parcel) -> int:
    return int(parcel.job.person.id.partition(":")[2])
