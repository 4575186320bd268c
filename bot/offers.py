"""Offers: the recipe in somebody's file, of ours or of another tool, as a line to type and a button that paints it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self, cast

import discord
from discord import ui

from bot.attachments import Upload
from bot.cards import VERSION, CardFile
from bot.guests import answering, asker, bot_of, for_adults, here
from bot.info import TYPED
from bot.pages import MOST_SIGNS, answer
from bot.plain import quiet
from bot.questions import block, read_back
from core.telling import offer_lines

PAINT = rf"{VERSION}:paint:(?P<signs>[0-9]{{1,4}})"
NOTE_SIGNS = 200


async def tell_offer(interaction: discord.Interaction, uploads: Sequence[Upload]) -> None:
    """Tell one Person what the first of a message's pictures says of itself; raise where it says nothing."""
    bot, person, place = bot_of(interaction), asker(interaction), here(interaction)
    bot.attachments.check(uploads[0])
    await bot.studio.admit(person, place, for_adults(interaction.channel))
    await interaction.response.defer(thinking=True, ephemeral=True)
    found = await bot.studio.read_recipe(person, place, await bot.attachments.read(uploads[0]))
    line = TYPED + found["words"]
    told = "\n".join(quiet(each, NOTE_SIGNS) for each in offer_lines(found, len(uploads)))
    words = block(line)
    if len(told) + len(words) > MOST_SIGNS:
        await answer(interaction, [told], files=[CardFile("limner-words.txt", line.encode(), "The line to type.")])
        return
    paint: ui.Button[ui.LayoutView] = ui.Button(label="Paint it", custom_id=f"{VERSION}:paint:{len(line)}")
    await answer(interaction, [told, words], [[paint]])


class PaintButton(ui.DynamicItem[ui.Button[Any]], template=PAINT):
    """Paint the line an offer shows, on the presser's own Limits; it stands in the message, in whatever process."""

    def __init__(self, item: ui.Button[Any], signs: int) -> None:
        super().__init__(item)
        self._signs = signs

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Build it from a press."""
        return cls(cast("ui.Button[Any]", item), int(match["signs"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Answer a press with a card that all see."""
        async with answering(interaction):
            line = read_back(cast(discord.Message, interaction.message), self._signs).words
            words = line.removeprefix(TYPED)
            await bot_of(interaction).reception.by_interaction(interaction, words, kind="imagine")
