"""/defaults and /privacy: what a Person wants where nothing is typed, and all that is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.cards import VERSION, CardFile
from bot.guests import answering, asker
from bot.pages import answer
from bot.plain import quiet
from bot.post import values
from core.defaults import LONGEST_SUFFIX
from core.errors import BadInput
from core.telling import defaults_lines
from core.wording import ALL_KEPT, ERASE_LABEL, ERASE_TITLE, export_too_large

if TYPE_CHECKING:
    from bot.client import LimnerBot

ERASE_ID = f"{VERSION}:modal.erase"
WORD_SIGNS = 20
NONE = "none"
"""Typed to clear a text."""


class OwnCog(commands.Cog):
    """Offer what is one Person's own."""

    privacy = app_commands.Group(name="privacy", description="All that is kept of you, to take along or to erase.")

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @app_commands.command(description="What holds for you where you type nothing; without options, it is shown.")
    @app_commands.describe(
        options="As typed behind words: --steps 30 --ar 3:2; none clears them.",
        suffix="Words added behind each prompt of yours; none clears them.",
        recipe="Whether pictures that go out tell their recipe.",
        by_dm="Whether results also come to you as a direct message.",
        remix="Whether Vary and Reroll ask for words first.",
    )
    async def defaults(
        self,
        interaction: discord.Interaction,
        options: app_commands.Range[str, 1, 2000] | None = None,
        suffix: app_commands.Range[str, 1, LONGEST_SUFFIX] | None = None,
        recipe: bool | None = None,
        by_dm: bool | None = None,
        remix: bool | None = None,
    ) -> None:
        """Change what was given, then tell all."""
        async with answering(interaction):
            changes: dict[str, Any] = {"recipe": recipe, "by_dm": by_dm, "remix": remix}
            if suffix is not None:
                changes["suffix"] = "" if suffix.strip().lower() == NONE else suffix
            given = {name: value for name, value in changes.items() if value is not None}
            people, person = self._bot.studio.people, asker(interaction)
            if given or options is not None:
                kept = await people.set_defaults(person, options, **given)
            else:
                kept = await people.defaults(person)
            await answer(interaction, ["\n".join(map(quiet, defaults_lines(kept)))])

    @privacy.command(description="All that is kept of you as one file: pictures, recipes, words.")
    async def export(self, interaction: discord.Interaction) -> None:
        """Send the zip, where Discord takes one that large."""
        async with answering(interaction):
            await interaction.response.defer(thinking=True, ephemeral=True)
            person = asker(interaction)
            most = most_bytes(interaction)
            raw = await self._zipped(interaction, most)
            if raw is None:
                raise BadInput(*export_too_large(most, person.id))
            file = CardFile(f"limner-{person.id.partition(':')[2]}.zip", raw, ALL_KEPT)
            await answer(interaction, [ALL_KEPT], files=[file])

    async def _zipped(self, interaction: discord.Interaction, most: int) -> bytes | None:
        """Return the zip, None as soon as it is too large."""
        found = bytearray()
        async for chunk in self._bot.studio.people.export(asker(interaction)):
            found += chunk
            if len(found) > most:
                return None
        return bytes(found)

    @privacy.command(description="Erase all your jobs, pictures and words; it asks once more.")
    async def erase(self, interaction: discord.Interaction) -> None:
        """Ask for the word that erases."""
        modal = ui.Modal(title=ERASE_TITLE, custom_id=ERASE_ID)
        box: ui.TextInput[ui.Modal] = ui.TextInput(custom_id="word", required=False, max_length=WORD_SIGNS)
        modal.add_item(ui.Label(text=ERASE_LABEL, component=box))
        # What is sent is read below, in any process: no modal is kept in memory.
        modal.stop()
        await interaction.response.send_modal(modal)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Erase once the word was sent, in whatever process it arrives."""
        data: Any = interaction.data or {}
        if interaction.type is not discord.InteractionType.modal_submit or data.get("custom_id") != ERASE_ID:
            return
        async with answering(interaction):
            await interaction.response.defer(thinking=True, ephemeral=True)
            done = await self._bot.studio.people.erase(
                asker(interaction), next(values(data["components"], "value"), "")
            )
            await answer(interaction, [quiet(done["sentence"])])


def most_bytes(interaction: discord.Interaction) -> int:
    """Return how large a file Discord takes here."""
    return interaction.filesize_limit
