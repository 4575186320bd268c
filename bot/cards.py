"""One Job, one card: how a Job's sheet is laid out as a Discord message, from queued to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import discord
from discord import ui

from bot.plain import fenced, quiet
from core.person import Person
from core.sheet import JobSheet, PictureSheet
from core.wording import ACTIONS

VERSION = "lim1"
"""Begins every custom_id; old forms work for ever, another meaning gets another number."""

PROMPT_SIGNS = 600
NOTES_SIGNS = 400
FACTS_SIGNS = 300
"""All text together stays below 4,000 signs, even where each of them has to be switched off."""
MOST_PICTURES = 10
MOST_IN_A_ROW = 4
ROW = ("reroll", "vary", "upscale", "reproduce")
WHOLE_JOB = ("reroll", "reproduce")
EACH = {"upscale": "U", "vary": "V"}
"""Actions offered per Picture where a card shows several, with the letter before its number."""


@dataclass(frozen=True, slots=True)
class CardFile:
    """Hold one file a card shows; its name never holds words people typed."""

    name: str
    data: bytes
    alt: str

    def as_file(self) -> discord.File:
        """Return it as discord.py sends it, once: each attempt needs a new one."""
        return discord.File(BytesIO(self.data), filename=self.name, description=self.alt)


def shown(sheet: JobSheet) -> list[PictureSheet]:
    """Return the Pictures a card shows."""
    return [picture for picture in sheet["pictures"] if picture["state"] == "stored"][:MOST_PICTURES]


def card(
    sheet: JobSheet,
    person: Person,
    *,
    files: Sequence[CardFile] = (),
    line: str | None = None,
    ready_at: int | None = None,
) -> ui.LayoutView:
    """Return a Job's card; line: what happens now, in place of the sheet's sentence; ready_at: ms UTC, about."""
    box: ui.Container[ui.LayoutView] = ui.Container()
    box.add_item(ui.TextDisplay(_head(sheet, person)))
    if files:
        items = [discord.MediaGalleryItem(f"attachment://{file.name}", description=file.alt) for file in files]
        box.add_item(ui.MediaGallery(*items))
    box.add_item(ui.TextDisplay(_tail(sheet, line, ready_at)))
    for row in rows(sheet):
        box.add_item(ui.ActionRow(*row))
    view = ui.LayoutView(timeout=None)
    view.add_item(box)
    # Presses are found by custom_id alone (bot/buttons.py): a finished view is not kept in memory per message.
    view.stop()
    return view


def shown_id(picture_id: str) -> str:
    """Return an id as a card shows it, to be typed behind /reroll; it also tells the card from all others."""
    return f"id `{picture_id[-8:]}`"


def rows(sheet: JobSheet) -> list[list[ui.Button[ui.LayoutView]]]:
    """Return the buttons of a Job's sheet, row by row."""
    if "cancel" in sheet["actions"]:
        return [[_button("cancel", sheet["id"], ACTIONS["cancel"], discord.ButtonStyle.danger)]]
    pictures = [picture for picture in shown(sheet) if picture["actions"]]
    if not pictures:
        return []
    first = pictures[0]
    if len(pictures) == 1:
        return [[_button(action, first["id"], ACTIONS[action]) for action in ROW if action in first["actions"]]]
    found = []
    if len(pictures) <= MOST_IN_A_ROW:
        for action, letter in EACH.items():
            offered = [picture for picture in pictures if action in picture["actions"]]
            found.append([_button(action, each["id"], f"{letter}{each['index'] + 1}") for each in offered])
    found.append([_button(action, first["id"], ACTIONS[action]) for action in WHOLE_JOB if action in first["actions"]])
    return [row for row in found if row]


def _button(
    action: str, id_: str, label: str, style: discord.ButtonStyle = discord.ButtonStyle.secondary
) -> ui.Button[ui.LayoutView]:
    return ui.Button(style=style, label=label, custom_id=f"{VERSION}:{action}:{id_}")


def _head(sheet: JobSheet, person: Person) -> str:
    """Say who asked for what; the mention names them and pings nobody, since every send and edit allows none."""
    who = f"<@{person.id.partition(':')[2]}>"
    first = sheet["pictures"][0]
    parent = f", from `{first['parent'][-8:]}`" if first["parent"] else ""
    kind = "" if sheet["kind"] == "imagine" else f" · {ACTIONS[sheet['kind']]}{parent}"
    words = first["prompt"] or ("a sketch without words" if first["sketch"] else "")
    return f"{who}{kind}" + (f"\n{fenced(words, PROMPT_SIGNS)}" if words else "")


def _tail(sheet: JobSheet, line: str | None, ready_at: int | None) -> str:
    """Say what happens, what decided the Pictures, what was mended, and the id to type."""
    when = "" if ready_at is None else f" Ready <t:{ready_at // 1000}:R>."
    notes = [f"-# {quiet(note, NOTES_SIGNS // len(sheet['notes']))}" for note in sheet["notes"]]
    first = (shown(sheet) or sheet["pictures"])[0]
    facts = f"-# {quiet(first['facts'], FACTS_SIGNS)} · {shown_id(first['id'])}"
    return "\n".join([quiet(line or sheet["sentence"]) + when, *notes, facts])
