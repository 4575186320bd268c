"""Buttons that never die: all they need stands in their custom_id, all else in the log."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Self, cast

import discord
from discord import ui

from bot.cards import VERSION
from bot.guests import NOBODY, UNSENT, answering, asker, here
from core.job import KINDS, Kind

if TYPE_CHECKING:
    from bot.client import LimnerBot

log = logging.getLogger(__name__)
ACTIONS = (*(kind for kind in KINDS if kind != "imagine"), "cancel")
TEMPLATE = rf"{VERSION}:(?P<action>{'|'.join(ACTIONS)}):(?P<id>[0-9A-Z]{{26}})"


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
        bot = cast("LimnerBot", interaction.client)
        async with answering(interaction):
            if self._action == "cancel":
                await _cancel(bot, interaction, self._target)
            else:
                await bot.reception.by_interaction(interaction, kind=cast(Kind, self._action), parent=self._target)


async def _cancel(bot: LimnerBot, interaction: discord.Interaction, job_id: str) -> None:
    """Cancel a Job; its card says so at once where it waited, else when the step is over: that is delivered."""
    person = asker(interaction)
    sheet = await bot.studio.cancel(person, here(interaction), job_id)
    try:
        if sheet["state"] != "cancelled":
            await interaction.response.defer()
            return
        view = bot.reception.body(sheet, person).view()
        await interaction.response.edit_message(view=view, attachments=[], allowed_mentions=NOBODY)
    except UNSENT as error:
        log.warning("job %s was cancelled, but its card could not say so: %s", sheet["id"], error)
