"""Reception: hands what was asked to Studio and answers at once with its queued card."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import discord

from bot.bodies import Bodies
from bot.cards import View
from bot.delivery import DiscordFace
from bot.guests import NOBODY, UNSENT, asker, for_adults, here, where, writer
from bot.post import Body, Post, Spot, nonce
from bot.questions import question
from core.errors import BadInput, Unsure
from core.grammar import parse
from core.job import ENDED, Wish
from core.person import Person, Place
from core.records import Reply
from core.sheet import JobSheet
from core.studio import Ask, Studio

log = logging.getLogger(__name__)
ANSWERED = 40060
"""Already acknowledged: by a try of ours that was told as an error, or by another copy of the bot."""

TOKEN_MS = 870_000
"""How long an interaction's token is used: 14.5 of its 15 minutes."""


class Reception:
    """Accept first, answer second: the first answer is the queued card of a Job that is already written down."""

    def __init__(self, studio: Studio, face: DiscordFace, post: Post, bodies: Bodies, clock: Callable[[], int]) -> None:
        self._studio, self._face, self._post, self._bodies, self._clock = studio, face, post, bodies, clock

    async def by_interaction(
        self,
        interaction: discord.Interaction,
        words: str | None = "",
        *,
        kind: Wish,
        parent: str | None = None,
        sketch: str | None = None,
        mask: str | None = None,
        options: Mapping[str, Any] | None = None,
        meant_by: int | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        """Accept what a command or button asked for; raise a StudioError where nothing was accepted.

        meant_by: the question whose answer it is; pressed twice, it is asked for once.
        """
        if kind in ("imagine", "remix") and words and not interaction.app_permissions.send_messages:
            await self._check_one_card(words)
        reply = Reply(
            application_id=str(interaction.application_id),
            token=interaction.token,
            channel_id=str(interaction.channel_id),
            expires_at=self._clock() + TOKEN_MS,
        )
        person = asker(interaction)
        ask = Ask(
            person=person,
            place=here(interaction),
            source=f"discord:{meant_by or interaction.id}",
            words=words,
            kind=kind,
            parent=parent,
            sketch=sketch,
            mask=mask,
            options=dict(options or {}),
            reply=reply,
            age_restricted=for_adults(interaction.channel),
            sure=meant_by is not None,
            notes=tuple(notes),
        )
        async with self._face.asking(reply):
            try:
                first, *rest = await self._studio.ask(ask)
            except Unsure as unsure:
                await _put_question(interaction, question(ask, unsure))
                return
            if not await self._answer(interaction, first, person, reply):
                return
            await self._further(int(reply.channel_id), rest, person, ask.place, None, interaction.filesize_limit)

    async def _check_one_card(self, words: str) -> None:
        """Refuse words that make several Jobs where the bot may only answer: further cards are messages of its own."""
        names = [str(model["name"]) for model in await self._studio.models()]
        if len(parse(words, names)) > 1:
            wrong = "I may not post in this channel, so I can show one card only."
            raise BadInput(wrong, "Leave out {sets}, | and --repeat, or ask elsewhere.")

    async def by_message(
        self, message: discord.Message, words: str, sketch: Mapping[str, Any], parent: str | None = None
    ) -> None:
        """Accept what a message asked for and answer under it; parent: the Picture that Sketch, as taken, was."""
        reply = Reply(channel_id=str(message.channel.id), message_id=str(message.id))
        person = writer(message, self._post.application)
        ask = Ask(
            person=person,
            place=where(message),
            source=f"discord:{message.id}",
            words=words,
            kind="imagine",
            parent=parent,
            sketch=sketch["digest"],
            reply=reply,
            age_restricted=for_adults(message.channel),
            notes=tuple(sketch["notes"]),
        )
        limit = 0 if message.guild is None else message.guild.filesize_limit
        async with self._face.asking(reply):
            try:
                sheets = await self._studio.ask(ask)
            except Unsure as unsure:
                view = question(ask, unsure)
                await self._post.send(message.channel.id, Body(lambda: view), nonce(f"{ask.source} card"), message.id)
                return
            await self._further(message.channel.id, sheets, person, ask.place, message.id, limit)

    async def _answer(self, interaction: discord.Interaction, sheet: JobSheet, person: Person, reply: Reply) -> bool:
        """Answer with the queued card; False where another copy of the bot has answered, and paints it."""
        body = await self._bodies.waiting(sheet, person, here(interaction))
        view, files = body.view(), body.attached()
        message_id: int | None
        try:
            if interaction.response.is_done():
                edited = await interaction.edit_original_response(view=view, attachments=files, allowed_mentions=NOBODY)
                message_id = edited.id
            else:
                sent = await interaction.response.send_message(view=view, files=files, allowed_mentions=NOBODY)
                message_id = sent.message_id
        except UNSENT as error:
            # The Job is written down: its result comes by the delivery rule, whatever became of this answer.
            log.warning("job %s was accepted, but its answer did not arrive: %s", sheet["id"], error)
            if not _answered(error) or not await self._face.answered_elsewhere(sheet, reply):
                return True
            log.error("another copy of Limner answers under this token; stop one of them")
            await self._studio.cancel(person, here(interaction), sheet["id"])
            return False
        if message_id is not None:
            spot = Spot(int(reply.channel_id), message_id, reply)
            self._face.stands(sheet, spot, person, here(interaction), interaction.filesize_limit)
        return True

    async def _further(
        self, channel_id: int, sheets: list[JobSheet], person: Person, place: Place, answers: int | None, limit: int
    ) -> None:
        """Send cards that are messages of their own: answers to a message, cards 2..n of a permutation."""
        for sheet in sheets:
            if sheet["state"] in ENDED or self._face.known(sheet["id"]):
                # The same message came twice: what it asked for has its card.
                continue
            body = await self._bodies.waiting(sheet, person, place)
            try:
                sent = await self._post.send(channel_id, body, nonce(f"{sheet['id']} card"), answers)
            except UNSENT as error:
                log.warning("job %s was accepted, but its card could not be sent: %s", sheet["id"], error)
                continue
            self._face.stands(sheet, Spot(channel_id, sent), person, place, limit)


async def _put_question(interaction: discord.Interaction, view: View) -> None:
    """Ask in the place where the first card will stand."""
    if interaction.response.is_done():
        await interaction.edit_original_response(view=view, attachments=[], allowed_mentions=NOBODY)
    else:
        await interaction.response.send_message(view=view, allowed_mentions=NOBODY)


def _answered(error: BaseException) -> bool:
    return isinstance(error, discord.HTTPException) and error.code == ANSWERED
