"""Reception: hands what was asked to Studio and answers at once with its queued card."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import discord

from bot.bodies import Bodies
from bot.cards import View
from bot.crowd import Crowd
from bot.delivery import DiscordFace, sheet_ids
from bot.guests import NOBODY, UNSENT, asker, channel_of, for_adults, here, where, writer
from bot.post import Body, Post, Spot, answered, nonce, shows
from bot.promises import Promises
from bot.questions import question
from core.errors import BadInput, Unsure
from core.grammar import parse
from core.job import ENDED, Wish
from core.person import Person
from core.records import Reply
from core.sheet import JobSheet
from core.studio import Ask, Studio

log = logging.getLogger(__name__)


class Reception:
    """Accept first, answer second: the first answer is the queued card of a Job that is already written down."""

    def __init__(self, studio: Studio, face: DiscordFace, post: Post, bodies: Bodies, promises: Promises) -> None:
        self._studio, self._face, self._post, self._bodies, self.promises = studio, face, post, bodies, promises
        self._crowd = Crowd()

    async def promise(self, interaction: discord.Interaction) -> None:
        """Promise an answer, for a picture is fetched or made first; who may not ask is refused before."""
        await self._studio.admit(asker(interaction), here(interaction), for_adults(interaction.channel))
        await self.promises.make(interaction)

    async def refuse(self, message: discord.Message, sentence: str) -> None:
        """Answer a message that asked for nothing, named as its first card: of two copies of the bot one answers."""
        try:
            await self._post.say(message.channel.id, sentence, nonce(f"discord:{message.id}/0 card"), message.id)
        except UNSENT as error:
            log.warning("message %s could not be answered: %s", message.id, error)

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
        if self._face.crowded and not interaction.response.is_done():
            await self.promises.make_at_once(interaction)
        reply = self.promises.reply(interaction)
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
                async with self._crowd.in_hand():
                    sheets = await self._studio.ask(ask)
            except Unsure as unsure:
                await _put_question(interaction, question(ask, unsure))
                return
            await self._crowd.turn()
            await self.promises.kept(interaction, by_a_job=True)
            if await self._answer(interaction, sheets[0], person, reply):
                await self._further(ask, sheets, person, None, interaction.filesize_limit)
            else:
                await self._leave_to_others(ask, sheets)

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
                async with self._crowd.in_hand():
                    sheets = await self._studio.ask(ask)
            except Unsure as unsure:
                view = question(ask, unsure)
                await self._post.send(message.channel.id, Body(lambda: view), nonce(f"{ask.source} card"), message.id)
                return
            await self._further(ask, sheets, person, message.id, limit)

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
            return not (answered(error) and await self._face.answered_elsewhere(sheet, reply))
        if message_id is not None:
            spot = Spot(int(reply.channel_id), message_id, reply)
            self._face.stands(sheet, spot, person, here(interaction), interaction.filesize_limit)
        return True

    async def _further(self, ask: Ask, sheets: list[JobSheet], person: Person, answers: int | None, limit: int) -> None:
        """Send cards that are messages of their own: answers to a message, cards 2..n of a permutation."""
        channel_id = channel_of(ask.place)
        for number, sheet in enumerate(sheets):
            if (number == 0 and answers is None) or sheet["state"] in ENDED or self._face.known(sheet["id"]):
                # It is the interaction's answer, or the same message came twice: what it asked for has its card.
                continue
            body = await self._bodies.waiting(sheet, person, ask.place)
            try:
                # Named by what it answers: of two copies of the bot the second is given the first one's card.
                sent = await self._post.send(channel_id, body, nonce(f"{ask.source}/{number} card"), answers)
            except UNSENT as error:
                log.warning("job %s was accepted, but its card could not be sent: %s", sheet["id"], error)
                continue
            if not shows(sent, sheet_ids(sheet)):
                await self._leave_to_others(ask, sheets)
                return
            self._face.stands(sheet, Spot(channel_id, sent.id), person, ask.place, limit)

    async def _leave_to_others(self, ask: Ask, sheets: list[JobSheet]) -> None:
        """Cancel what another copy of the bot has accepted too, and shows."""
        log.error("another copy of Limner answers under this token; stop one of them")
        self._face.elsewhere(sheets)
        for sheet in sheets:
            await self._studio.cancel(ask.person, ask.place, sheet["id"])


async def _put_question(interaction: discord.Interaction, view: View) -> None:
    """Ask in the place where the first card will stand."""
    if interaction.response.is_done():
        await interaction.edit_original_response(view=view, attachments=[], allowed_mentions=NOBODY)
    else:
        await interaction.response.send_message(view=view, allowed_mentions=NOBODY)
