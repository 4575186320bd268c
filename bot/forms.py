"""The fields of modals, within Discord's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot.plain import cut

LONGEST = 4000
"""Signs a field takes: a Prompt of 2,000 with every sign of it marked still fits."""

RADIO = 10
"""Choices of a radio group; above, it is a menu."""

STRENGTH_SIGNS = 10
LABEL_SIGNS = 45

Part = ui.Label[Any]


class Form(ui.Modal):
    """Be a modal that nobody listens to: what is sent is read from its custom_id and fields, in any process."""


def modal(title: str, custom_id: str, parts: Sequence[Part]) -> Form:
    """Return a modal of 1 to 5 parts."""
    made = Form(title=cut(title, LABEL_SIGNS), custom_id=custom_id)
    for part in parts:
        made.add_item(part)
    # discord.py keeps no finished modal in memory.
    made.stop()
    return made


def words_field(name: str, label: str, words: str, told: str | None = None) -> Part:
    """Return a field for many words; words longer than it takes are cut, and then count as changed."""
    return field(name, label, words, told, LONGEST, discord.TextStyle.paragraph)


def field(
    name: str,
    label: str,
    words: str,
    told: str | None,
    most: int,
    style: discord.TextStyle = discord.TextStyle.short,
) -> Part:
    """Return a field that may stay empty."""
    box: ui.TextInput[Any] = ui.TextInput(
        custom_id=name, style=style, default=cut(words, most) or None, required=False, max_length=most
    )
    return ui.Label(text=label, description=told, component=box)


def choice(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str) -> Part:
    """Return a choice of one among (value, label): as radio buttons, or as a menu where there are many."""
    if len(options) <= RADIO:
        radio = [discord.RadioGroupOption(label=says, value=value, default=value == chosen) for value, says in options]
        return ui.Label(text=label, component=ui.RadioGroup(custom_id=name, options=radio))
    menu = [discord.SelectOption(label=says, value=value, default=value == chosen) for value, says in options]
    return ui.Label(text=label, component=ui.Select(custom_id=name, options=menu))
