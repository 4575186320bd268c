"""All that decided one Picture, told to one Person: in words, as a line to copy, and as a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import discord

from bot.cards import CardFile
from bot.guests import asker, here
from bot.pages import answer
from bot.plain import fenced, quiet
from core.telling import picture_parts

if TYPE_CHECKING:
    from bot.client import LimnerBot

COMMAND_SIGNS = 2500
"""A longer line is in the file alone."""


async def tell_recipe(interaction: discord.Interaction, id_: str) -> None:
    """Answer with Recipe, Seed, Digests, family and the line to type again; Fingerprint and the rest in the file."""
    sheet = await cast("LimnerBot", interaction.client).studio.picture(asker(interaction), here(interaction), id_)
    *parts, command = picture_parts(sheet)
    told = [quiet(line) for part in parts for line in part.splitlines()]
    if command and len(command) <= COMMAND_SIGNS:
        told.append(fenced(f"/imagine prompt: {command}", COMMAND_SIGNS + 100))
    raw = json.dumps(sheet, ensure_ascii=False, indent=2).encode()
    await answer(interaction, ["\n".join(told)], files=[CardFile(f"limner-{sheet['id']}.json", raw, "The recipe.")])
