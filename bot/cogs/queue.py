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
from core.telling import job_line, queue_lines
from core.wording import NOTHING_WAITS

if TYPE_CHECKING:
    from bot.client import LimnerBot

MOST_LINES = 15
LINE_SIGNS = 120


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

    @app_commands.command(description="What waits and what is painted, yours and all others'.")
    @app_commands.describe(mine="Only your own jobs.")
    async def queue(self, interaction: discord.Interaction, mine: bool = False) -> None:
        """Tell the line; others' words only where one sees them."""
        async with answering(interaction):
            rows = await self._bot.studio.people.queue(asker(interaction), here(interaction))
            lines = queue_lines([row for row in rows if row["mine"] or not mine])
            more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
            told = [quiet(line, LINE_SIGNS) for line in [*lines[:MOST_LINES], *more]]
            await answer(interaction, ["\n".join(told) or NOTHING_WAITS])

    @app_commands.command(description="What you may ask for in a time, and how much of it is used.")
    async def limits(self, interaction: discord.Interaction) -> None:
        """Tell each Limit; where one is reached, when it opens again."""
        async with answering(interaction):
            found = await self._bot.studio.people.limits(asker(interaction), here(interaction))
            await answer(interaction, ["\n".join(quiet(each["sentence"]) + _opens(each["opens_at"]) for each in found)])

    async def _newest(self, interaction: discord.Interaction) -> str:
        for sheet in await self._bot.studio.history(asker(interaction)):
            if "cancel" in sheet["actions"]:
                return sheet["id"]
        raise NotFound("You have no job that waits or is being painted.", "See what you asked for with /history.")


def _opens(at: int | None) -> str:
    """Return when a Limit opens, as a time that counts by itself."""
    return "" if at is None else f" Free again <t:{at // 1000}:R>."
