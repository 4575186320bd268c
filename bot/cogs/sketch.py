"""A picture by mention: sent with the words, or replied to, it is the sketch to paint over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.attachments import images
from bot.guests import NOBODY, UNSENT, person_of, place_of, refusal
from bot.post import values
from core.errors import BadSketch, StudioError
from core.wording import NEUTRAL

if TYPE_CHECKING:
    from bot.client import LimnerBot

log = logging.getLogger(__name__)


class SketchCog(commands.Cog):
    """Listen for messages that mention the bot."""

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Paint over the picture a message brings or replies to."""
        if message.author.bot or self._bot.user not in message.mentions:
            return
        try:
            await self._bot.reception.by_message(message, self._words(message), await self._sketch(message))
        except StudioError as error:
            await self._say(message, refusal(error))
        except Exception:
            log.exception("message %s: an error that is ours", message.id)
            await self._say(message, NEUTRAL)

    def _words(self, message: discord.Message) -> str:
        """Return the message's words without the mention that called."""
        me = self._bot.user
        words = message.content
        if me is not None:
            words = words.replace(f"<@{me.id}>", " ").replace(f"<@!{me.id}>", " ")
        return words.strip()

    async def _sketch(self, message: discord.Message) -> str:
        """Return the digest of the picture meant: the message's own, else the one replied to."""
        own = images(message)
        if own:
            return await self._take(own[0])
        if message.reference is None or message.reference.message_id is None:
            raise BadSketch("There is no picture in that message.", "Send one along, or use /imagine for words alone.")
        meant = await self._replied_to(message, message.reference.message_id)
        if (picture_id := self._painted_here(meant)) is not None:
            person = person_of(message.author, self._bot.application)
            place = place_of(None if message.guild is None else message.guild.id, message.channel.id)
            taken = await self._bot.studio.picture_as_sketch(person, place, picture_id)
            return str(taken["digest"])
        theirs = images(meant)
        if not theirs:
            raise BadSketch(
                "I cannot see a picture in the message you reply to.",
                "Discord shows me other people's pictures only when I am mentioned: send it in your own message.",
            )
        return await self._take(theirs[0])

    async def _take(self, attachment: discord.Attachment) -> str:
        raw = await self._bot.attachments.read(attachment)
        return str((await self._bot.studio.take_sketch(raw))["digest"])

    async def _replied_to(self, message: discord.Message, message_id: int) -> discord.Message:
        found = message.reference.resolved if message.reference is not None else None
        if isinstance(found, discord.Message):
            return found
        try:
            return await message.channel.fetch_message(message_id)
        except discord.HTTPException as error:
            raise BadSketch("I cannot see the message you reply to.", "Send the picture yourself.") from error

    def _painted_here(self, message: discord.Message) -> str | None:
        """Return the first Picture's id of a card of ours: its buttons name it."""
        if message.author != self._bot.user:
            return None
        for custom_id in values([component.to_dict() for component in message.components], "custom_id"):
            _, action, id_ = custom_id.split(":", 2)
            if action != "cancel":
                return id_
        return None

    async def _say(self, message: discord.Message, sentence: str) -> None:
        try:
            await message.reply(sentence, allowed_mentions=NOBODY, mention_author=False)
        except UNSENT as error:
            log.warning("message %s could not be answered: %s", message.id, error)
