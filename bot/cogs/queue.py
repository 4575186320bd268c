"""/queue, /cancel, /limits: what waits, what shall not be painted after all, what may be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot import choices
from bot.cogs.reroll import named
from bot.guests import answering, asker, here
from bot.pages import answer
from bot.plain import quiet
from core.errors import NotFound
from core.telling import job_line

if TYPE_CHECKING:
    from bot.client import LimnerBot


class QueueCog(commands.Cog):
    """Offer what the line of waiting Jobs is asked about."""

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @app_commands.command(description="Stop a job that waits or is being painted.")
    @app_commands.describe(id="The job; without it, your newest one that is open.")
    @app_commands.autocomplete(id=choices.open_jobs)
    async def cancel(self, interaction: discord.Interaction, id: str | None = None) -> None:
        """Cancel one Job; its card says so by the delivery rule."""
        async with answering(interaction):
            person = asker(interaction)
            sheet = await self._bot.studio.cancel(
                person, here(interaction), named(id) or await self._newest(interaction)
            )
            await answer(interaction, [quiet(job_line(sheet))])

    async def _newest(self, interaction: discord.Interaction) -> str:
        for sheet in await self._bot.studio.history(asker(interaction)):
            if "cancel" in sheet["actions"]:
                return sheet["id"]
        raise NotFound("You have no job that waits or is being painted.", "See what you asked for with /history.")
