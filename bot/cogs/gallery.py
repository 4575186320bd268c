"""/history and /show: what was asked for, and a card brought back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self, cast

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot import choices
from bot.bodies import PASSING
from bot.cards import VERSION
from bot.cogs.reroll import named
from bot.guests import NOBODY, answering, asker, bot_of, for_adults, here
from bot.pages import answer, page
from bot.plain import quiet
from core.errors import NotFound
from core.sheet import JobSheet
from core.telling import NOTHING_YET, job_line, tail

if TYPE_CHECKING:
    from bot.client import LimnerBot

LINES = 8
"""Jobs on one page of /history."""

NEWEST = "Z" * 26
"""Stands before every id: nothing is newer."""

WORDS_SIGNS = 50


class GalleryCog(commands.Cog):
    """Offer what was painted before."""

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @app_commands.command(description="What you asked for, newest first.")
    @app_commands.describe(words="Only what was asked for with these words.")
    async def history(
        self, interaction: discord.Interaction, words: app_commands.Range[str, 1, WORDS_SIGNS] | None = None
    ) -> None:
        """Tell one page of a Person's Jobs."""
        async with answering(interaction):
            parts, rows = await history_page(self._bot, interaction, NEWEST, words or "")
            await answer(interaction, parts, rows)

    @app_commands.command(description="Bring a card back with its buttons; Info under it tells all about the picture.")
    @app_commands.describe(
        id="The id under a picture; without it, your newest one.", share="Show it to everybody here, not to you alone."
    )
    @app_commands.autocomplete(id=choices.pictures)
    async def show(self, interaction: discord.Interaction, id: str | None = None, share: bool = False) -> None:
        """Show a Job's card once more."""
        async with answering(interaction):
            bot, person, place = self._bot, asker(interaction), here(interaction)
            picture = await bot.studio.picture(person, place, named(id) or await self._newest(interaction))
            job = await bot.studio.job(person, place, picture["job"])
            if share:
                await bot.studio.admit(person, place, for_adults(interaction.channel))
            # A copy of an open card would be taken for the card itself.
            await interaction.response.defer(thinking=True, ephemeral=not share or job["state"] in PASSING)
            body = await bot.bodies.again(job, person, place, interaction.filesize_limit)
            await interaction.edit_original_response(
                view=body.view(), attachments=body.attached(), allowed_mentions=NOBODY
            )

    async def _newest(self, interaction: discord.Interaction) -> str:
        for sheet in await self._bot.studio.history(asker(interaction), limit=1):
            return sheet["id"]
        raise NotFound(NOTHING_YET)


class OlderButton(ui.DynamicItem[ui.Button[Any]], template=rf"{VERSION}:older:(?P<id>[0-9A-Z]{{26}}):(?P<words>.*)"):
    """Turn a page of /history: its custom_id says before which Job, so it works in every process."""

    def __init__(self, item: ui.Button[Any], before: str, words: str) -> None:
        super().__init__(item)
        self._before = before
        self._words = words

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Build it from a press."""
        return cls(cast("ui.Button[Any]", item), match["id"], match["words"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Put another page in the place of the one shown."""
        async with answering(interaction):
            bot = bot_of(interaction)
            parts, rows = await history_page(bot, interaction, self._before, self._words)
            await interaction.response.edit_message(view=page(parts, rows), allowed_mentions=NOBODY)


async def history_page(
    bot: LimnerBot, interaction: discord.Interaction, before: str, words: str
) -> tuple[list[str], list[list[ui.Button[ui.LayoutView]]]]:
    """Return a page of a Person's Jobs older than one, and the buttons to other pages."""
    asked = None if before == NEWEST else before
    # One more than is shown says whether there is an older page.
    found = await bot.studio.history(asker(interaction), asked, LINES + 1, words)
    parts = [history_line(sheet) for sheet in found[:LINES]]
    row = [] if before == NEWEST else [_turn("Newest", NEWEST, words)]
    if len(found) > LINES:
        row.append(_turn("Older", found[LINES - 1]["id"], words))
    return parts or [NOTHING_YET], [row] if row else []


def _turn(label: str, before: str, words: str) -> ui.Button[ui.LayoutView]:
    return ui.Button(label=label, custom_id=f"{VERSION}:older:{before}:{words}")


def history_line(sheet: JobSheet) -> str:
    """Return one Job as /history shows it: when, what, how it stands, the id to type."""
    first = sheet["pictures"][0]["id"]
    return f"<t:{sheet['created_at'] // 1000}:R> {quiet(job_line(sheet))}\n-# id `{tail(first)}`"
