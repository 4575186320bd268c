"""Modals that are sent: known by their custom_id alone, in whatever process they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.modals import submitted

if TYPE_CHECKING:
    from bot.client import LimnerBot


class ModalsCog(commands.Cog):
    """Listen for modals."""

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Do what a modal of ours asks for."""
        if interaction.type is discord.InteractionType.modal_submit:
            await submitted(interaction)
