"""Promises: answers Discord was promised before their Job is written; a crash in between is told at the next start."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol

import discord

from bot.guests import UNSENT
from bot.post import Post, answered
from core.errors import StudioError, Unavailable
from core.job import Job
from core.records import Reply
from core.wording import BROKEN_PROMISE

log = logging.getLogger(__name__)
LOOK_S = 20.0
"""How often it is looked for programs that are gone."""

TOKEN_MS = 870_000
"""How long an interaction's token is used: 14.5 of its 15 minutes."""


class Book(Protocol):
    """Be where is written down what stands in the chat: cards, and promises that no Job stands behind yet."""

    @property
    def alone(self) -> bool:
        """Say whether no other program writes there."""

    async def cards_stand(self, message_ids: Mapping[str, str]) -> None:
        """Write down the message ids of cards, by Job."""

    async def open_jobs(self, server: str) -> list[Job]:
        """Return the open Jobs of one server."""

    async def promise(self, reply: Reply) -> None:
        """Write down that an answer is promised; accepting with this Reply, `promised`, makes it the Job's."""

    async def promises(self) -> list[Reply]:
        """Return the promises behind which no Job stands, of programs that are gone."""

    async def promise_over(self, token: str) -> None:
        """Strike one out."""


class NoBook:
    """Be the Book of a bot without a log."""

    alone = True

    async def cards_stand(self, message_ids: Mapping[str, str]) -> None:
        """Write nothing."""

    async def open_jobs(self, server: str) -> list[Job]:
        """Return none."""
        return []

    async def promise(self, reply: Reply) -> None:
        """Write nothing."""

    async def promises(self) -> list[Reply]:
        """Return none."""
        return []

    async def promise_over(self, token: str) -> None:
        """Write nothing."""


class Promises:
    """Promise answers, and say so where one cannot be kept."""

    def __init__(self, book: Book, post: Post, clock: Callable[[], int]) -> None:
        self._book, self._post, self._clock = book, post, clock
        self._open: dict[int, Reply] = {}

    def reply(self, interaction: discord.Interaction) -> Reply:
        """Return what an interaction is answered by, and whether that is promised."""
        return Reply(
            application_id=str(interaction.application_id),
            token=interaction.token,
            channel_id=str(interaction.channel_id),
            expires_at=self._clock() + TOKEN_MS,
            promised=interaction.id in self._open,
        )

    async def make(self, interaction: discord.Interaction) -> None:
        """Write a promise down, then give it: what comes next takes longer than Discord waits."""
        await self._write(interaction)
        await self._give(interaction)

    async def make_at_once(self, interaction: discord.Interaction) -> None:
        """Give a promise, then write it down: so many ask at once that writing comes too late."""
        await self._give(interaction)
        await self._write(interaction)

    async def kept(self, interaction: discord.Interaction, *, by_a_job: bool = False) -> None:
        """Strike out what was promised, where it was; the Archive did it for a Job."""
        reply = self._open.pop(interaction.id, None)
        if reply is None or by_a_job:
            return
        try:
            await self._book.promise_over(reply.token)
        except StudioError as error:
            log.warning("a promise that was kept stands in the log: %s", error)

    async def watch(self, ready: Callable[[], bool], pause: Callable[[float], Awaitable[None]]) -> None:
        """Tell, now and then, who was promised an answer by a program beside this one that is gone.

        Where there can be none, the look at the start was enough: an idle program asks its database nothing.
        """
        while not self._book.alone:
            await pause(LOOK_S)
            try:
                if ready():
                    await self.break_all()
            except StudioError as error:
                log.warning("whose promises broke could not be seen: %s", error)

    async def break_all(self) -> None:
        """Tell who was promised an answer by a process that is gone that there will be none."""
        for reply in await self._book.promises():
            try:
                if self._post.fresh(reply):
                    await self._post.tell(reply, BROKEN_PROMISE)
            except UNSENT as error:
                log.info("a broken promise could not be told: %s", error)
            await self._book.promise_over(reply.token)

    async def _write(self, interaction: discord.Interaction) -> None:
        reply = self.reply(interaction)
        await self._book.promise(reply)
        self._open[interaction.id] = replace(reply, promised=True)

    async def _give(self, interaction: discord.Interaction) -> None:
        try:
            await interaction.response.defer(thinking=True)
        except UNSENT as error:
            # Answered by a try of ours that was told as an error, or by another copy: the card's own turn tells.
            if not answered(error):
                raise Unavailable("Discord takes no answer to this any more.", "Ask again.") from error
