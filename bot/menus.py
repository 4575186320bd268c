"""What a message's Apps menu offers: it is done with the Picture or Job the message shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.attachments import images
from bot.cards import VERSION
from bot.guests import answering, asker, bot_of, here
from bot.info import tell_info
from bot.modals import open_sketch_modal
from bot.offers import tell_offer
from bot.pages import answer
from bot.plain import quiet
from bot.post import values
from core.errors import NotFound
from core.telling import job_line

if TYPE_CHECKING:
    from bot.client import LimnerBot

PRESSED = re.compile(rf"{VERSION}:(?P<action>[a-z]+):(?P<id>[0-9A-Z]{{26}})")
OF_THE_JOB = frozenset({"cancel", "delete", "share"})
"""Actions whose custom_id holds the Job's id; the others hold a Picture's."""

WRITTEN = re.compile(r"\bid `(?P<id>[0-9A-Z]{6,26})`")


def add_menus(bot: LimnerBot) -> None:
    """Register what is offered on every message; Discord takes five."""
    offered = (
        ("Use as sketch", use_as_sketch), ("Show recipe", show_recipe), ("Reroll", reroll), ("Cancel", cancel),
    )  # fmt: skip
    for name, callback in offered:
        bot.tree.add_command(app_commands.ContextMenu(name=name, callback=callback))


async def use_as_sketch(interaction: discord.Interaction, message: discord.Message) -> None:
    """Ask for words, then paint them over a picture of the message, whoever wrote it."""
    async with answering(interaction):
        await open_sketch_modal(interaction, message)


async def show_recipe(interaction: discord.Interaction, message: discord.Message) -> None:
    """Tell one Person all that decided the Picture, or what a picture of another tool says of itself."""
    async with answering(interaction):
        try:
            known = meant(bot_of(interaction), message)
        except NotFound:
            if not (uploads := images(message)):
                raise
            await tell_offer(interaction, uploads)
            return
        await tell_info(interaction, known)


async def reroll(interaction: discord.Interaction, message: discord.Message) -> None:
    """Paint what the message shows again under a fresh Seed."""
    async with answering(interaction):
        bot = bot_of(interaction)
        await bot.reception.by_interaction(interaction, kind="reroll", parent=meant(bot, message))


async def cancel(interaction: discord.Interaction, message: discord.Message) -> None:
    """Stop the Job whose card the message is."""
    async with answering(interaction):
        bot, person, place = bot_of(interaction), asker(interaction), here(interaction)
        shown = await bot.studio.picture(person, place, meant(bot, message))
        await answer(interaction, [quiet(job_line(await bot.studio.cancel(person, place, shown["job"])))])


def meant(bot: LimnerBot, message: discord.Message) -> str:
    """Return the id of the Picture a card of ours shows first, else its Job's; raise NotFound where it is no card."""
    if bot.user is not None and message.author.id == bot.user.id:
        components = [component.to_dict() for component in message.components]
        pressed = [found for each in values(components, "custom_id") if (found := PRESSED.match(each))]
        for found in sorted(pressed, key=lambda found: found["action"] in OF_THE_JOB):
            return found["id"]
        for text in values(components, "content"):
            if (written := WRITTEN.search(text)) is not None:
                return written["id"]
    raise NotFound("That message shows no picture of mine.", "Use this on one of my cards.")
