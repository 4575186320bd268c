"""Answers in text to one Person alone: parts, files and buttons, within Discord's numbers."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord import ui

from bot.cards import CardFile
from bot.guests import NOBODY
from bot.plain import cut

MOST_SIGNS = 4000
"""All text of one message together."""

Row = Sequence["ui.Button[ui.LayoutView]"]


async def answer(
    interaction: discord.Interaction, parts: Sequence[str], rows: Sequence[Row] = (), files: Sequence[CardFile] = ()
) -> None:
    """Answer one Person alone with parts that hold nothing alive; where the answer is already promised, in its place.

    files: shown below the text, to be opened or saved.
    """
    view = page(parts, rows, files)
    attached = [file.as_file() for file in files]
    if interaction.response.is_done():
        await interaction.edit_original_response(view=view, attachments=attached, allowed_mentions=NOBODY)
    else:
        await interaction.response.send_message(view=view, files=attached, ephemeral=True, allowed_mentions=NOBODY)


def page(parts: Sequence[str], rows: Sequence[Row] = (), files: Sequence[CardFile] = ()) -> ui.LayoutView:
    """Lay parts out one below the other; the text that is too long for one message is cut."""
    view = ui.LayoutView(timeout=None)
    left = MOST_SIGNS
    for part in parts:
        kept = cut(part, left) if left else ""
        if kept:
            view.add_item(ui.TextDisplay(kept))
        left -= len(kept)
    for file in files:
        view.add_item(ui.File(f"attachment://{file.name}"))
    for row in rows:
        view.add_item(ui.ActionRow(*row))
    # Presses are found by custom_id alone: a finished view is not kept in memory per message.
    view.stop()
    return view
