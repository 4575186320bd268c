"""Buttons that never die: all they need stands in their custom_id, all else in the log."""

from __future__ import annotations

import logging
import re
from typing import Any, Self, cast

import discord
from discord import ui

from bot.cards import VERSION, CardFile, chosen
from bot.guests import NOBODY, UNSENT, answering, asker, bot_of, here
from bot.info import tell_info
from bot.modals import open_remix, open_sketch, paint_again
from core.errors import BadInput
from core.job import Wish
from core.person import Person
from core.wording import ACTIONS

log = logging.getLogger(__name__)
ID = "(?P<id>[0-9A-Z]{26})"
TEMPLATE = rf"{VERSION}:(?P<action>{'|'.join(ACTIONS)}):{ID}"
WHICH = rf"{VERSION}:which:{ID}"
OPENS_REMIX = ("reroll", "vary", "strong")
"""Actions that open the Remix modal for who set it so."""


class ActionButton(ui.DynamicItem[ui.Button[Any]], template=TEMPLATE):
    """Do to a Job or Picture what its label says, on the presser's own Limits."""

    def __init__(self, item: ui.Button[Any], action: str, target: str) -> None:
        super().__init__(item)
        self._action = action
        self._target = target

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Build it from a press, on a message of whatever age."""
        return cls(cast("ui.Button[Any]", item), match["action"], match["id"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Answer a press."""
        async with answering(interaction):
            await pressed(interaction, self._action, self._target)


class WhichSelect(ui.DynamicItem[ui.Select[Any]], template=WHICH):
    """Show the presser the Picture chosen among many, with what can be done with it."""

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Build it from a choice, on a message of whatever age."""
        return cls(cast("ui.Select[Any]", item))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Answer a choice to who made it alone."""
        async with answering(interaction):
            await _show_chosen(interaction, self.item.values[0])


async def pressed(interaction: discord.Interaction, action: str, target: str) -> None:
    """Do what a button says to a Job or Picture; who may is asked of the log at every press."""
    if action == "cancel":
        await _cancel(interaction, target)
    elif action == "delete":
        await _delete(interaction, target)
    elif action == "info":
        await tell_info(interaction, target)
    elif action == "sketch":
        await open_sketch(interaction, target)
    elif action == "remix" or (action in OPENS_REMIX and await _remixes(interaction)):
        await open_remix(interaction, target, action)
    elif action in OPENS_REMIX:
        await paint_again(interaction, target, action)
    else:
        await bot_of(interaction).reception.by_interaction(interaction, kind=cast(Wish, action), parent=target)


async def _remixes(interaction: discord.Interaction) -> bool:
    """Say whether the presser wants the Remix modal before each reroll and vary."""
    return (await bot_of(interaction).studio.people.defaults(asker(interaction))).remix


async def _cancel(interaction: discord.Interaction, job_id: str) -> None:
    """Cancel a Job; its card says so at once where it waited, else when the step is over: that is delivered."""
    bot, person, place = bot_of(interaction), asker(interaction), here(interaction)
    sheet = await bot.studio.cancel(person, place, job_id)
    # The card is everybody's: it names who asked and offers what that Person may, whoever pressed.
    author = Person(sheet["person"])
    body = await bot.bodies.waiting(await bot.studio.job(author, place, sheet["id"]), author, place)
    try:
        if sheet["state"] != "cancelled":
            await interaction.response.defer()
            return
        view = body.view()
        await interaction.response.edit_message(view=view, attachments=[], allowed_mentions=NOBODY)
    except UNSENT as error:
        log.warning("job %s was cancelled, but its card could not say so: %s", sheet["id"], error)


async def _delete(interaction: discord.Interaction, job_id: str) -> None:
    """Take a card down; what it showed stays in the log."""
    await bot_of(interaction).studio.delete(asker(interaction), here(interaction), job_id)
    await interaction.response.defer()
    try:
        await interaction.delete_original_response()
    except discord.NotFound:
        log.info("job %s: its card was taken down already", job_id)


async def _show_chosen(interaction: discord.Interaction, picture_id: str) -> None:
    bot, person, place = bot_of(interaction), asker(interaction), here(interaction)
    picture = await bot.studio.picture(person, place, picture_id)
    if picture["flagged"]:
        raise BadInput("This picture is withheld by the safety filter.", "Choose another one.")
    job = await bot.studio.job(person, place, picture["job"])
    data, _ = await bot.studio.picture_file(person, place, picture_id, "webp", False)
    veiled = await bot.bodies.veiled(place)
    file = CardFile(f"limner-{picture['id']}.webp", data, picture["alt"], veiled)
    await interaction.response.send_message(
        view=chosen(picture, len(job["pictures"]), file),
        file=file.as_file(),
        ephemeral=True,
        allowed_mentions=NOBODY,
    )
