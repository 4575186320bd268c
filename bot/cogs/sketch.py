"""A picture by mention: sent with the words, or replied to, it is the sketch to paint over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot.attachments import Upload, images
from bot.guests import for_adults, refusal, where, writer
from bot.modals import card_id
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
            await self._bot.studio.admit(
                writer(message, self._bot.application), where(message), for_adults(message.channel)
            )
            taken, parent = await self._sketch(message)
            await self._bot.reception.by_message(message, self._words(message), taken, parent)
        except StudioError as error:
            await self._bot.reception.refuse(message, refusal(error))
        except Exception:
            log.exception("message %s: an error that is ours", message.id)
            await self._bot.reception.refuse(message, NEUTRAL)

    def _words(self, message: discord.Message) -> str:
        """Return the message's words without the mention that called."""
        me = self._bot.user
        words = message.content
        if me is not None:
            words = words.replace(f"<@{me.id}>", " ").replace(f"<@!{me.id}>", " ")
        return words.strip()

    async def _sketch(self, message: discord.Message) -> tuple[dict[str, Any], str | None]:
        """Return the picture meant, taken in, and, where it was painted here, its Picture's id.

        Meant is the message's own picture, else the one replied to.
        """
        own = images(message)
        if own:
            return await self._take(message, own[0]), None
        if message.reference is None or message.reference.message_id is None:
            raise BadSketch("There is no picture in that message.", "Send one along, or use /imagine for words alone.")
        meant = await self._replied_to(message, message.reference.message_id)
        if (known := card_id(self._bot, meant)) is not None:
            person, place = writer(message, self._bot.application), where(message)
            # A Job's id stands for its first Picture.
            picture = await self._bot.studio.picture(person, place, known)
            taken = await self._bot.studio.picture_as_sketch(person, place, picture["id"])
            return taken, picture["id"]
        theirs = images(meant)
        if not theirs:
            raise BadSketch(
                "I cannot see a picture in the message you reply to.",
                "Discord shows me other people's pictures only when I am mentioned: send it in your own message, "
                "or use that message's menu.",
            )
        return await self._take(message, theirs[0]), None

    async def _take(self, message: discord.Message, upload: Upload) -> dict[str, Any]:
        person, raw = writer(message, self._bot.application), await self._bot.attachments.read(upload)
        return await self._bot.studio.take_sketch(person, where(message), raw)

    async def _replied_to(self, message: discord.Message, message_id: int) -> discord.Message:
        found = message.reference.resolved if message.reference is not None else None
        if isinstance(found, discord.Message):
            return found
        try:
            return await message.channel.fetch_message(message_id)
        except discord.HTTPException as error:
            raise BadSketch("I cannot see the message you reply to.", "Send the picture yourself.") from error
