"""/reroll: a logged Picture's Recipe again, under another Seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.guests import answering
from core.recipe import SEEDS

if TYPE_CHECKING:
    from bot.client import LimnerBot


class RerollCog(commands.Cog):
    """Offer /reroll."""

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @app_commands.command(description="Paint a picture again with another seed.")
    @app_commands.describe(
        id="The id under a picture; without it, your last one.", seed="The seed; without it, a fresh one."
    )
    async def reroll(
        self,
        interaction: discord.Interaction,
        id: str | None = None,
        seed: app_commands.Range[int, 0, SEEDS - 1] | None = None,
    ) -> None:
        """Accept it on the presser's own Limits."""
        options = {} if seed is None else {"seed": seed}
        async with answering(interaction):
            await self._bot.reception.by_interaction(
                interaction, kind="reroll", parent=id and id.strip().upper(), options=options
            )
