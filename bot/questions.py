"""Questions: many Jobs at once are asked about first; all that was asked stands in the question itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

import discord
from discord import ui

from bot.cards import VERSION, View, finished
from bot.guests import answering, asker, bot_of, for_adults, here
from bot.plain import quiet
from bot.post import values
from core.errors import BadInput, NotAllowed, Unsure
from core.job import Wish
from core.studio import Ask
from core.words import clean

MOST_SIGNS = 4000
"""Signs of all text in one message."""

MARK, KEPT = "`", "`\u200b"
"""A backtick could end the block that holds the words; with a zero-width space behind it, it reads back exactly."""

GO = rf"{VERSION}:go:(?P<signs>[0-9]{{1,4}}):(?P<account>[0-9]{{1,20}})"
NO = rf"{VERSION}:no:(?P<account>[0-9]{{1,20}})"
BLOCK = re.compile(r"\A```\n(.*)\n```\Z", re.DOTALL)
FIELDS = ("kind", "parent", "sketch", "mask", "options")


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold what a question is about, as `Reception.by_interaction` takes it."""

    words: str
    kind: Wish = "imagine"
    parent: str | None = None
    sketch: str | None = None
    mask: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def question(ask: Ask, unsure: Unsure) -> View:
    """Return the question; raise BadInput where what was asked is too long to stand in it."""
    words = clean(ask.words or "")[0].strip()
    account = ask.person.id.partition(":")[2]
    rest = {name: getattr(ask, name) for name in FIELDS if getattr(ask, name) not in (None, {}, "imagine")}
    blocks = [block(words), *([block(json.dumps(rest, ensure_ascii=False))] if rest else [])]
    told = f"<@{account}> {quiet(unsure.sentence)} Nothing was asked for yet."
    if sum(map(len, (told, *blocks))) > MOST_SIGNS:
        raise BadInput(f"{unsure.sentence} These words are too long to ask about.", "Use fewer or smaller sets.")
    box: ui.Container[View] = ui.Container()
    for text in (told, *blocks):
        box.add_item(ui.TextDisplay(text))
    go: ui.Button[View] = ui.Button(
        style=discord.ButtonStyle.primary,
        label=f"Paint {unsure.jobs} jobs",
        custom_id=f"{VERSION}:go:{len(words)}:{account}",
    )
    box.add_item(ui.ActionRow(go, ui.Button(label="Not now", custom_id=f"{VERSION}:no:{account}")))
    return finished(box)


def read_back(message: discord.Message, signs: int) -> Asked:
    """Return what a question of ours is about; raise BadInput where it does not stand there as it was written."""
    texts = values([component.to_dict() for component in message.components], "content")
    blocks = [found[1].replace(KEPT, MARK) for text in texts if (found := BLOCK.match(text))]
    if not blocks or len(blocks[0]) != signs:
        raise BadInput("What was asked cannot be read here any more.", "Ask again.")
    return Asked(blocks[0], **(json.loads(blocks[1]) if len(blocks) > 1 else {}))


class GoButton(ui.DynamicItem[ui.Button[Any]], template=GO):
    """Ask for what the question holds; the question becomes the first card."""

    def __init__(self, item: ui.Button[Any], signs: int, account: str) -> None:
        super().__init__(item)
        self._signs, self._account = signs, account

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Build it from a press, in whatever process."""
        return cls(cast("ui.Button[Any]", item), int(match["signs"]), match["account"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Answer a press of who asked; two presses are one asking."""
        async with answering(interaction):
            _check_own(interaction, self._account)
            message = cast(discord.Message, interaction.message)
            asked, bot = read_back(message, self._signs), bot_of(interaction)
            await bot.studio.admit(asker(interaction), here(interaction), for_adults(interaction.channel))
            await interaction.response.defer()
            await bot.reception.by_interaction(
                interaction,
                asked.words,
                kind=asked.kind,
                parent=asked.parent,
                sketch=asked.sketch,
                mask=asked.mask,
                options=asked.options,
                meant_by=message.id,
            )


class NoButton(ui.DynamicItem[ui.Button[Any]], template=NO):
    """Take the question away."""

    def __init__(self, item: ui.Button[Any], account: str) -> None:
        super().__init__(item)
        self._account = account

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Build it from a press, in whatever process."""
        return cls(cast("ui.Button[Any]", item), match["account"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Answer a press of who asked."""
        async with answering(interaction):
            _check_own(interaction, self._account)
            await interaction.response.defer()
            await interaction.delete_original_response()


def _check_own(interaction: discord.Interaction, account: str) -> None:
    if str(interaction.user.id) != account:
        raise NotAllowed("Only who asked may answer this.", "Ask for it yourself with /imagine.")


def block(words: str) -> str:
    """Return words as they stand in a message of ours, to be read back."""
    return f"```\n{words.replace(MARK, KEPT)}\n```"
