"""/help, /models and /styles: what can be typed here, in one private answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.guests import answering
from bot.pages import answer
from bot.plain import quiet
from core.telling import help_parts, model_lines, style_lines

if TYPE_CHECKING:
    from bot.client import LimnerBot


class HelpCog(commands.Cog):
    """Offer /help, /models and /styles."""

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @app_commands.command(description="What you can type here.")
    async def help(self, interaction: discord.Interaction) -> None:
        """Tell the commands, the options and the Models."""
        async with answering(interaction):
            parts = help_parts(self._offered(), await self._bot.studio.models())
            await answer(interaction, ["\n".join(map(quiet, part.splitlines())) for part in parts])

    @app_commands.command(description="The models that paint here, what each can and its licence.")
    async def models(self, interaction: discord.Interaction) -> None:
        """Tell each Model's facts."""
        async with answering(interaction):
            told = [model_lines(model) for model in await self._bot.studio.models()]
            await answer(interaction, ["\n\n".join("\n".join(map(quiet, lines)) for lines in told)])

    @app_commands.command(description="Manners of painting that --style takes.")
    async def styles(self, interaction: discord.Interaction) -> None:
        """Tell the table of styles."""
        async with answering(interaction):
            await answer(interaction, ["\n".join(map(quiet, style_lines(await self._bot.studio.styles())))])

    def _offered(self) -> list[tuple[str, str]]:
        """Return every slash command with what it does; those for who runs the server are shown to them by Discord."""
        found = [each for each in self._bot.tree.get_commands() if not isinstance(each, app_commands.ContextMenu)]
        return [(each.name, each.description) for each in found if each.default_permissions is None]
